"""How the page looks as far as Gradio's theme can say it; `assets/page.css` has the rest.

Paper and ink, one accent (ultramarine), the fonts the visitor's system has.
"""

from gradio.themes import Base, Color, sizes

PAPER = Color(
    name="paper",
    c50="#faf9f7",
    c100="#f3f1ed",
    c200="#e6e3dc",
    c300="#d3cfc6",
    c400="#a8a399",
    c500="#78736a",
    c600="#5c5850",
    c700="#43403a",
    c800="#2a2825",
    c900="#1d1c1a",
    c950="#141312",
)
ULTRAMARINE = Color(
    name="ultramarine",
    c50="#f0f2ff",
    c100="#e2e6ff",
    c200="#c9d0ff",
    c300="#a9b4ff",
    c400="#8c98ff",
    c500="#5b67ee",
    c600="#3f49d1",
    c700="#343ba8",
    c800="#2c3285",
    c900="#272c68",
    c950="#191b3d",
)
SYSTEM = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("ui-monospace", "Menlo", "Consolas", "monospace")


def theme() -> Base:
    """Return the page's theme; a `_dark` value is the dark page's."""
    made = Base(
        primary_hue=ULTRAMARINE,
        secondary_hue=ULTRAMARINE,
        neutral_hue=PAPER,
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
        font=SYSTEM,
        font_mono=MONO,
    )
    return made.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        color_accent="*primary_600",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="white",
        block_label_background_fill_dark="*neutral_900",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_width="1px",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*primary_950",
        checkbox_label_border_color="*neutral_300",
        checkbox_label_border_color_dark="*neutral_700",
        checkbox_label_border_color_selected="*primary_600",
        checkbox_label_border_color_selected_dark="*primary_400",
        checkbox_label_border_width="1px",
        checkbox_label_text_color_selected="*primary_800",
        checkbox_label_text_color_selected_dark="*primary_100",
        checkbox_background_color_selected="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="white",
        button_primary_text_color_dark="*neutral_950",
        button_large_text_weight="600",
        button_large_padding="14px 24px",
    )
