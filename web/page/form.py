"""The page: choose pictures, repaint, look.

Gradio holds the form; `web/page/handlers.py` is what its events do. A picture in the form is a
short text in a hidden field, which `studio/field.js` draws and `web/http/references.py` reads. The
stage and "Your pictures" are drawn by `web/static/studio/` from the API, so that waiting costs no
Gradio event and closing the tab loses nothing.
"""

from html import escape
from typing import Any, cast

import gradio as gr

from adain.catalog import DEFAULT_METHOD, NETWORKS, Transparency
from adain.film import kinds
from adain.film.limits import STEADIEST, USUAL_STEADY
from web.http import references
from web.page import handlers, labels, regions
from web.page.handlers import CONTROLS
from web.samples import collection, shelf
from worker.options import BROADEST, FINEST
from worker.settings import settings

TITLE = "AdaIN Studio"
IDLE = 0.25  # seconds between two looks whether an event of the page waits
SHEET = 4000  # characters that name a contact sheet and its styles
QUICK: dict[str, Any] = {  # any event: who may submit when, `checking` and rate limits say
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}


HEADER = """
<header class="masthead">
  <button type="button" id="skip" class="quiet" data-text="skip"></button>
  <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="currentColor"/>
    <path d="M7 24 16 7l9 17" fill="none" stroke="var(--body-background-fill)" stroke-width="3"
      stroke-linecap="round" stroke-linejoin="round"/>
    <path d="M10.5 19c3-2.5 4.5 2.5 11 0" fill="none" stroke="var(--mark)" stroke-width="3"
      stroke-linecap="round"/>
  </svg>
  <h1>AdaIN Studio</h1>
  <a class="quiet to-live" href="live" data-text="live"></a>
  <p data-text="tagline"></p>
  <nav class="views">
    <a href="#studio" data-text="studio"></a>
    <a href="#batch" data-text="batch"></a>
    <a href="#gallery" data-text="gallery"></a>
    <a href="#you" data-text="you"></a>
    <a href="live" data-text="live.short"></a>
    <button type="button" id="theme"><svg viewBox="0 0 24 24" width="20" height="20"
      aria-hidden="true"><circle cx="12" cy="12" r="8.5" fill="none" stroke="currentColor"
      stroke-width="1.75"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor"/></svg>
    </button>
    <button type="button" id="language"></button>
  </nav>
</header>
"""

STAGE = """
<section id="stage" data-label="picture" data-network="{network}"></section>
<section id="strip" aria-labelledby="strip-title"></section>
"""

PAD = '<div id="pad" hidden></div>'
FILM = '<p class="hint" role="status"></p>'
RECENT = '<div id="recent" hidden></div>'
READ = '<div id="read"></div>'
PAINT = '<div id="paint"></div>'
PROGRAM = '<div id="program"></div>'
BATCH = '<section id="batch"></section>'
GALLERY = '<section id="gallery"></section>'
YOU = '<section id="you"></section>'
FOOT = """
<footer class="foot">
  <p data-text="{kept}" data-count="{days:g}"></p>
  <a href="live" data-text="live"></a>
  <a href="api" data-text="api.page"></a>
</footer>
"""


def _import(name: str) -> str:
    """Return what loads one of our scripts, wherever the page lies on its host."""
    return f"import(new URL('page/{name}.js', document.baseURI))"


_FOLLOW = f"() => {_import('studio/field')}.then((script) => script.follow())"
_ASKED = f"(id) => {_import('studio/preview')}.then((script) => script.asked(id))"
_TAKEN = f"() => {_import('studio/connection')}.then((script) => script.taken())"
_SHEET = f"(said) => {_import('form/sheet')}.then((script) => script.asked(said))"
_SENT = f"(ids) => {_import('studio/studio')}.then((script) => script.sent(ids))"


def _script(name: str, *events: str) -> str:
    """Return what starts one of our scripts; Gradio finds the events in it by their names."""
    named = " ".join(f"'{event}'" for event in events)
    start = f"{_import(name)}.then((script) => script.start(element, trigger));"
    return f"{start} // {named}" if events else start


def _choice(kind: str, name: str) -> str:
    """Return a picture of a row; one of the operator's has its title and credit with it."""
    work = collection.works().get(name) if kind == "styles" else None
    title, credited = name, ""
    if work:
        title = escape(work.credit.title)
        credited = f' data-title="{title}" data-credit="{escape(work.credit.line)}"'
    return (
        f'<span class="choice"><button type="button" data-name="{name}"{credited} '
        f'data-value="shelf:{kind}/{name}" aria-pressed="false">'
        f'<img src="shelf/{kind}/{name}.webp" alt="{title}" width="64" height="64" loading="lazy">'
        f"</button></span>"
    )


HINTS = {
    "photos": '<p class="hint" data-text="shelf.photos.hint"></p>',
    "styles": """
      <p class="hint with-mouse" data-text="shelf.styles.hint"></p>
      <p class="hint with-finger" data-text="shelf.styles.hint.touch"></p>
    """,
}


def _row(kind: str) -> None:
    """Draw a row of pictures; `form/shelf.js` puts the one clicked in place."""
    buttons = "".join(_choice(kind, name) for name in shelf.names(kind))
    gr.HTML(
        f'{HINTS[kind]}<div class="shelf" role="group" data-kind="{kind}">{buttons}</div>',
        apply_default_css=False,
        elem_id=f"shelf-{kind}",
    )


def _field(name: str) -> None:
    """Draw a field to drop, paste, choose or take a picture in; `studio/field.js` fills it."""
    most, films = settings().max_upload_bytes, ""
    if name == "photo" and settings().film_seconds and kinds.INSTALLED:
        films = f' data-film="{settings().film_bytes}" data-seconds="{settings().film_seconds:g}"'
    gr.HTML(
        f'<div class="field" data-name="{name}" data-most="{most}"{films}></div>',
        apply_default_css=False,
        js_on_load=_script("studio/field"),
        elem_id=name,
        elem_classes="field-of-picture",
    )


def _hidden(name: str, *, most: int = references.LONGEST) -> gr.Textbox:
    """Return a hidden text of the form, of at most so many characters, that scripts fill in."""
    return gr.Textbox(visible="hidden", elem_id=name, label=name, max_length=most)


def _share(name: str, place: int) -> gr.Slider:
    elem_id = f"{name}-{place}"
    return gr.Slider(0, 100, 50, step=1, buttons=[], elem_id=elem_id, **labels.of(elem_id))


def _style_places() -> tuple[list[gr.Slider], list[gr.Slider]]:
    """Draw the styles; returns their shares, and of a film those at its end."""
    shares, until = [], []
    with gr.Row(elem_classes="places"):
        for place in range(settings().max_styles):
            with gr.Column(min_width=150, elem_classes="place", elem_id=f"place-{place}"):
                _field(f"style-{place}")
                shares.append(_share("share", place))
                until.append(_share("until", place))
    return shares, until


def _segments(name: str, value: str) -> gr.Radio:
    return gr.Radio(value=value, elem_id=name, elem_classes="segments", **labels.of(name))


def _mask_places() -> None:
    gr.Markdown(**labels.of("masks"), elem_id="masks", elem_classes="hint")
    with gr.Row(elem_classes="places"):
        for place in range(settings().max_styles):
            with gr.Column(min_width=150, elem_classes="place", elem_id=f"mask-place-{place}"):
                _field(f"mask-{place}")


def _controls() -> dict[str, Any]:
    with gr.Group():
        strength = gr.Slider(
            0,
            100,
            80,
            step=1,
            buttons=[],
            elem_id="strength",
            **labels.of("strength"),
        )
        color = gr.Radio(
            value="style", elem_id="color", elem_classes="segments", **labels.of("color")
        )
        size = gr.Radio(value=512, elem_id="size", elem_classes="segments", **labels.of("size"))
        strokes = gr.Slider(
            round(100 * FINEST),
            round(100 * BROADEST),
            100,
            step=5,
            buttons=[],
            elem_id="strokes",
            **labels.of("strokes"),
        )
        how = gr.Radio(
            value=DEFAULT_METHOD, elem_id="how", elem_classes="segments", **labels.of("how")
        )
        network = gr.Radio(
            [*NETWORKS],
            value=settings().network,
            visible=False,
            elem_id="network",
            elem_classes="segments",
            **labels.of("network"),
        )
        transparency = _segments("transparency", Transparency.FLATTEN.value)
        margins = _segments("margins", labels.MARGINS[0])
        moving = _segments("moving", labels.MOVING[0])
        steady = gr.Slider(
            0,
            round(100 * STEADIEST),
            round(100 * USUAL_STEADY),
            step=1,
            buttons=[],
            elem_id="steady",
            **labels.of("steady"),
        )
    looks = (strength, color, size, strokes, how, network, transparency, margins)
    controls = (*looks, steady, moving)
    return dict(zip(CONTROLS, controls, strict=True))


def _form() -> tuple[dict[str, Any], gr.HTML]:
    """Draw what a picture is made of; returns the form's values by name, and the reader."""
    _field("photo")
    gr.HTML(FILM, apply_default_css=False, elem_id="film-said")
    _row("photos")
    _row("styles")  # above what grows with the styles, so that it stays under the pointer
    gr.HTML(RECENT, apply_default_css=False, js_on_load=_script("studio/recent"))
    shares, until = _style_places()
    mixture = _segments("mixture", labels.MIXTURE[0])
    gr.HTML(PAD, apply_default_css=False, js_on_load=_script("studio/pad"))
    controls = _controls()
    read = gr.HTML(
        READ, apply_default_css=False, js_on_load=_script("studio/read_settings", "reuse")
    )
    with gr.Accordion(open=False, elem_id="parts", **labels.of("parts")):
        gr.HTML(PAINT, apply_default_css=False, js_on_load=_script("regions/regions"))
        _mask_places()
    places = range(settings().max_styles)
    form: dict[str, Any] = {"photo": _hidden(f"{references.FIELD}photo")}
    form |= {f"style_{place}": _hidden(f"{references.FIELD}style-{place}") for place in places}
    form |= {f"mask_{place}": _hidden(f"{references.FIELD}mask-{place}") for place in places}
    form |= {f"share_{place}": share for place, share in enumerate(shares)}
    form |= {f"until_{place}": share for place, share in enumerate(until)} | {"mixture": mixture}
    form |= {"regions": _hidden("regions", most=regions.LONGEST_TEXT)} | controls
    return form, read


def _values(form: dict[str, Any], kind: str) -> list[Any]:
    return [part for name, part in form.items() if name.startswith(kind)]


def foot() -> str:
    """Return the page's foot: how long pictures are kept, and where programs read on."""
    days = settings().retention_days
    return FOOT.format(kept="kept.days" if days else "kept.forever", days=days)


def page() -> gr.Blocks:
    """Return the page, to be mounted."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as made:
        gr.HTML(HEADER, apply_default_css=False)
        with gr.Row(elem_id="studio"):
            with gr.Column(scale=5, min_width=320, elem_id="form"):
                form, read = _form()
                gr.HTML(PROGRAM, apply_default_css=False, js_on_load=_script("form/program"))
                job_id = _hidden("job-id")
                preview_id = _hidden("preview-id")
                sheet_id = _hidden("sheet-id", most=SHEET)
                notice = gr.HTML("", apply_default_css=False, elem_id="notice")
                send = gr.Button(variant="primary", size="lg", elem_id="send", **labels.of("send"))
            with gr.Column(scale=7, min_width=320, elem_id="look"):
                stage = gr.HTML(
                    STAGE.format(network=settings().network),
                    apply_default_css=False,
                    js_on_load=_script(
                        "studio/studio",
                        "reuse",
                        "strengths",
                        "retry",
                        "preview",
                        "ping",
                        "open",
                        "sheet",
                    ),
                )
        gr.HTML(BATCH, apply_default_css=False, js_on_load=_script("batch/batch"))
        past = gr.HTML(
            GALLERY,
            apply_default_css=False,
            js_on_load=_script("gallery/gallery", "reuse", "again", "open"),
        )
        gr.HTML(YOU, apply_default_css=False, js_on_load=_script("account/account"))
        gr.HTML(foot(), apply_default_css=False)

        worded = [part for part in made.blocks.values() if labels.has(part.elem_id)]

        def speak(request: gr.Request) -> list[Any]:
            return handlers.words_for([str(part.elem_id) for part in worded], request)

        controls = [form[name] for name in CONTROLS]
        chosen = [form["photo"], *_values(form, "style_"), *_values(form, "mask_")]
        made.load(speak, outputs=worded, **QUICK)
        made.load(handlers.networks, outputs=form["network"], **QUICK)
        gr.on([value.change for value in chosen], None, js=_FOLLOW)
        for part in (stage, past, read):
            part.reuse(handlers.reuse, outputs=[*controls, notice], **QUICK)
        filled = [
            form["photo"],
            *_values(form, "style_"),
            *_values(form, "share_"),
            *_values(form, "until_"),
            form["mixture"],
            *_values(form, "mask_"),
        ]
        past.again(handlers.again, outputs=[*filled, *controls, notice], **QUICK)
        stage.ping(None, js=_TAKEN)
        for part in (stage, past):
            part.open(handlers.open_again, outputs=[*filled, *controls, notice], **QUICK)
        submits: dict[str, Any] = {
            "outputs": [job_id, notice],
            "trigger_mode": "once",
            **QUICK,
        }
        stage.preview(handlers.preview, inputs_kwargs=form, outputs=preview_id, **QUICK).then(
            None, inputs=preview_id, js=_ASKED
        )
        looks = {name: form[name] for name in ("photo", *CONTROLS)}
        stage.sheet(handlers.sheet, inputs_kwargs=looks, outputs=[sheet_id, notice], **QUICK).then(
            None, inputs=sheet_id, js=_SHEET
        )
        for sent in (
            send.click(handlers.repaint, inputs_kwargs=form, **submits),
            stage.strengths(handlers.strengths, **submits),
            stage.retry(handlers.retry, **submits),
        ):
            sent.then(None, inputs=job_id, js=_SENT)
    made.queue(api_open=False)  # no event waits there: it is one line for all visitors
    # Gradio would look a thousand times a second whether one does: 6 % of a core
    made._queue.sleep_when_free = made._queue.progress_update_sleep_when_free = IDLE
    return cast(gr.Blocks, made)
