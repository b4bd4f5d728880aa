"""The page: choose pictures, repaint, look.

Gradio holds the form; its handlers store a job and return its id. The stage and "Your
pictures" are drawn by `assets/page.js` from the API, so that waiting costs no Gradio event
and closing the tab loses nothing.
"""

from html import escape
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio import processing_utils

from web import (
    address,
    api,
    labels,
    picture,
    previews,
    problems,
    regions,
    sentences,
    shelf,
    texts,
    uploads,
)
from web.identity import owner_of
from worker import admission, blobs, gallery, images, jobs, limits, processes
from worker import previews as asking
from worker.images import CleanImage
from worker.limits import Visitor
from worker.options import NETWORKS, Options, recorded
from worker.refused import Refused
from worker.settings import settings

TITLE = "AdaIN Studio"
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # of a sweep
QUICK: dict[str, Any] = {  # an event that only arranges the page
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}

# ---------------------------------------------------------------- what the events do


def _bytes(path: str | None) -> bytes:
    return Path(path).read_bytes() if path else b""


def _notice(sentence: str) -> str:
    """Return what stands under the button; Gradio renders HTML, so nothing gets there raw."""
    return f'<p role="alert">{escape(sentence)}</p>' if sentence else ""


def _sentence(error: Exception, request: gr.Request) -> str:
    assert request.request is not None
    return sentences.said(problems.sentence_for(error)[1], texts.language_of(request.request))


def look_at(path: str | None, request: gr.Request) -> tuple[Any, str]:
    """Say at once what is wrong with a picture that was just chosen, and take it away."""
    assert request.request is not None
    try:
        limits.spend(address.visitor(request.request), limits.pictures())
        images.clean(_bytes(path))
    except Refused as refused:
        return None, _notice(_sentence(refused, request))
    return gr.skip(), ""


def _kept(key: str) -> str:
    """Return a stored picture as a file the page may show."""
    folder = str(uploads.folder())
    return str(processing_utils.save_bytes_to_cache(blobs.get(key), Path(key).name, folder))


def pick_photo(event: gr.EventData) -> str | None:
    """Put a photo from the shelf in place."""
    found = shelf.file("photos", event.name)
    return str(found) if found else gr.skip()


def _placed(found: str | None, chosen: tuple[str | None, ...]) -> list[Any]:
    """Put a style in the first free place, or the last one."""
    free = chosen.index(None) if None in chosen else len(chosen) - 1
    return [found if found and place == free else gr.skip() for place in range(len(chosen))]


def pick_style(event: gr.EventData, *chosen: str | None) -> list[Any]:
    """Put a style from the shelf in place."""
    found = shelf.file("styles", event.name)
    return _placed(str(found) if found else None, chosen)


def pick_recent(request: gr.Request, event: gr.EventData, *chosen: str | None) -> list[Any]:
    """Put a style of an earlier picture in place, the visitor's own."""
    assert request.request is not None
    try:
        keys = jobs.get(event.id, owner_of(request.request)).style_keys
        return [*_placed(_kept(keys[int(event.place)]), chosen), ""]
    except Exception as error:  # the door
        return [*_placed(None, chosen), _notice(_sentence(error, request))]


def arrange(*chosen: str | None) -> list[Any]:
    """Show the styles that are chosen and one free place; shares only where there are two."""
    taken = [path is not None for path in chosen]
    free = taken.index(False) if False in taken else -1
    several = sum(taken) > 1
    return [
        *(gr.Column(visible=full or place == free) for place, full in enumerate(taken)),
        *(gr.Slider(visible=full and several) for full in taken),
        *(gr.Column(visible=full) for full in taken),
    ]


def _chosen(form: dict[str, Any]) -> list[int]:
    """Return the places that have a style in them."""
    return [place for place in range(settings().max_styles) if form[f"style_{place}"]]


def _options(form: dict[str, Any], chosen: list[int]) -> dict[str, Any]:
    return {
        "alpha": form["strength"] / 100,
        "color": form["color"],
        "size": form["size"],
        "network": form["network"],
        "weights": [form[f"share_{place}"] for place in chosen] if len(chosen) > 1 else [],
    }


def _masks_of(
    words: dict[str, str], form: dict[str, Any], chosen: list[int], photo: bytes
) -> list[bytes]:
    """Return a mask for each style, uploaded or painted, or none; raises `Refused`."""
    given = [form[f"mask_{place}"] for place in chosen]
    if all(given):
        return [_bytes(mask) for mask in given]
    if any(given):
        raise Refused(words["refused.masks"])
    return regions.masks(form["regions"], chosen, photo) if form["regions"] else []


def _submit(visitor: Visitor, words: dict[str, str], form: dict[str, Any]) -> str:
    """Hand the form over; returns the job's id, raises `Refused`."""
    if not form["photo"]:
        raise Refused(words["refused.photo"])
    chosen = _chosen(form)
    if not chosen:
        raise Refused(words["refused.style"])
    photo = _bytes(form["photo"])
    styles = [_bytes(form[f"style_{place}"]) for place in chosen]
    masks = _masks_of(words, form, chosen, photo)
    return admission.submit(visitor, photo, styles, masks, _options(form, chosen)).id


def repaint(request: gr.Request, **form: Any) -> tuple[str, str]:  # noqa: ANN401
    """Accept the job; returns its id and no notice, or no id and what was wrong."""
    assert request.request is not None
    words = texts.words(texts.language_of(request.request))
    try:
        return _submit(address.visitor(request.request), words, form), _notice("")
    except Exception as error:  # the door: whatever it is, the visitor gets a sentence
        return "", _notice(_sentence(error, request))


def _small_masks(
    words: dict[str, str], form: dict[str, Any], chosen: list[int], photo: CleanImage
) -> list[CleanImage]:
    size = photo.width, photo.height
    masks = _masks_of(words, form, chosen, photo.data)
    return [images.small_mask(mask, size) for mask in masks]


def _preview(visitor: Visitor, words: dict[str, str], form: dict[str, Any]) -> str:
    """Ask for a preview of the form; returns its id, "" if there is nothing to show yet."""
    chosen = _chosen(form)
    if not (form["photo"] and chosen):
        return ""
    photo = previews.small(form["photo"], visitor)
    styles = [previews.small(form[f"style_{place}"], visitor) for place in chosen]
    masks = _small_masks(words, form, chosen, photo)
    return asking.ask(visitor, photo, styles, masks, _options(form, chosen))


def preview(request: gr.Request, **form: Any) -> str:  # noqa: ANN401
    """Ask for a preview of the form as it is; returns its id, or "" when there can be none."""
    assert request.request is not None
    words = texts.words(texts.language_of(request.request))
    try:
        return _preview(address.visitor(request.request), words, form)
    except Exception as error:  # the door; what is wrong is said when the form is sent
        _sentence(error, request)
        return ""


def sweep(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Make an earlier picture anew at several strengths; returns the new ids and a notice."""
    assert request.request is not None
    ids: list[str] = []
    try:
        visitor = address.visitor(request.request)
        for alpha in STRENGTHS:
            ids.append(admission.again(visitor, event.id, {"alpha": alpha}).id)
    except Exception as error:  # the door
        return " ".join(ids), _notice(_sentence(error, request))
    return " ".join(ids), _notice("")


def retry(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Submit a job that failed or was cancelled once more; returns the new id and a notice."""
    assert request.request is not None
    try:
        visitor = address.visitor(request.request)
        return admission.again(visitor, event.id, {}).id, _notice("")
    except Exception as error:  # the door
        return "", _notice(_sentence(error, request))


def networks() -> Any:  # noqa: ANN401, an update of the component
    """Offer the networks, if there is a choice."""
    able = processes.networks()
    return gr.Radio(choices=able, visible=len(able) > 1)


def _controls_for(options: Options) -> list[Any]:
    """Return the controls' values for a picture's options, or the nearest there are."""
    sizes = filter(None, labels.SIZES)
    size = options.size and min(sizes, key=lambda one: abs(one - options.size))
    network = options.network if options.network in processes.networks() else settings().network
    return [round(options.alpha * 100), options.color, size, network]


def reuse(event: gr.EventData) -> list[Any]:
    """Set the form's controls as they were for a picture; its pictures stay as they are."""
    return _controls_for(Options.model_validate(recorded(event.options)))


def again(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Fill the form with an earlier picture's styles and settings, to choose a new photo for."""
    assert request.request is not None
    places = settings().max_styles
    try:
        job = gallery.own(event.id, owner_of(request.request)).job
        styles = [_kept(key) for key in job.style_keys]
    except Exception as error:  # the door
        return [gr.skip()] * (1 + 3 * places + 4) + [_notice(_sentence(error, request))]
    options = Options.model_validate(recorded(job.options))
    weights = [100 * weight / max(options.weights) for weight in options.weights]
    empty = [None] * (places - len(styles))
    shares = [*map(round, weights), *[50] * (places - len(weights))]
    return [None, *styles, *empty, *shares, *[None] * places, *_controls_for(options), ""]


def words_for(ids: list[str], request: gr.Request) -> list[Any]:
    """Name the page's parts, as many as these ids, in the visitor's language."""
    assert request.request is not None
    language = texts.language_of(request.request)
    if language == texts.ENGLISH:
        return [gr.skip()] * len(ids)
    return [gr.update(**labels.of(elem_id, language)) for elem_id in ids]


# ---------------------------------------------------------------- what the page shows

HEADER = """
<header class="masthead">
  <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="currentColor"/>
    <path d="M7 24 16 7l9 17" fill="none" stroke="var(--body-background-fill)" stroke-width="3"
      stroke-linecap="round" stroke-linejoin="round"/>
    <path d="M10.5 19c3-2.5 4.5 2.5 11 0" fill="none" stroke="var(--mark)" stroke-width="3"
      stroke-linecap="round"/>
  </svg>
  <h1>AdaIN Studio</h1>
  <p data-text="tagline"></p>
  <nav class="views">
    <a href="#studio" data-text="studio"></a>
    <a href="#batch" data-text="batch"></a>
    <a href="#gallery" data-text="gallery"></a>
    <a href="#you" data-text="you"></a>
    <button type="button" id="language"></button>
  </nav>
</header>
"""

STAGE = """
<section id="stage" data-label="picture"></section>
<section id="strip" aria-labelledby="strip-title"></section>
"""

PAD = '<div id="pad" hidden></div>'
RECENT = '<div id="recent" hidden></div>'
READ = '<div id="read"></div>'
PAINT = '<div id="paint"></div>'
BATCH = '<section id="batch"></section>'
GALLERY = '<section id="gallery"></section>'
YOU = '<section id="you"></section>'

_ASKED = "(id) => import('/page/preview.js').then((script) => script.asked(id))"
_SENT = "(ids) => import('/page/page.js').then((script) => script.sent(ids))"

PICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-name]');
  if (button) trigger('pick', {name: button.dataset.name});
});
"""


def _script(name: str, *events: str) -> str:
    """Return what starts one of our scripts; Gradio finds the events in it by their names."""
    named = " ".join(f"'{event}'" for event in events)
    start = f"import('/page/{name}.js').then((script) => script.start(element, trigger));"
    return f"{start} // {named}" if events else start


def _row(kind: str) -> gr.HTML:
    """Return a row of sample pictures; `pick` tells the name of the one clicked."""
    buttons = "".join(
        f'<button type="button" data-name="{name}"><img src="/shelf/{kind}/{name}.webp" '
        f'alt="{name}" width="64" height="64" loading="lazy"></button>'
        for name in shelf.names(kind)
    )
    return gr.HTML(
        f'<div class="shelf" role="group" data-kind="{kind}">{buttons}</div>',
        apply_default_css=False,
        js_on_load=PICK,
        elem_id=f"shelf-{kind}",
    )


def _style_places() -> tuple[list[gr.Column], list[picture.Picture], list[gr.Slider]]:
    columns, styles, shares = [], [], []
    with gr.Row(elem_classes="places"):
        for place in range(settings().max_styles):
            with gr.Column(visible=place == 0, min_width=150, elem_classes="place") as column:
                styles.append(picture.field(f"style-{place}", height=160))
                shares.append(
                    gr.Slider(
                        0,
                        100,
                        50,
                        step=1,
                        buttons=[],
                        visible=False,
                        elem_id=f"share-{place}",
                        **labels.of(f"share-{place}"),
                    )
                )
            columns.append(column)
    return columns, styles, shares


def _mask_places() -> tuple[list[gr.Column], list[picture.Picture]]:
    columns, masks = [], []
    gr.Markdown(**labels.of("masks"), elem_id="masks", elem_classes="hint")
    with gr.Row(elem_classes="places"):
        for place in range(settings().max_styles):
            with gr.Column(visible=False, min_width=150, elem_classes="place") as column:
                masks.append(picture.field(f"mask-{place}", height=150))
            columns.append(column)
    return columns, masks


def _controls() -> dict[str, Any]:
    with gr.Group():
        strength = gr.Slider(
            0,
            100,
            100,
            step=1,
            buttons=[],
            elem_id="strength",
            **labels.of("strength"),
        )
        color = gr.Radio(
            value="style", elem_id="color", elem_classes="segments", **labels.of("color")
        )
        size = gr.Radio(value=512, elem_id="size", elem_classes="segments", **labels.of("size"))
        network = gr.Radio(
            NETWORKS,
            value=settings().network,
            visible=False,
            elem_id="network",
            elem_classes="segments",
            **labels.of("network"),
        )
    return {"strength": strength, "color": color, "size": size, "network": network}


def page() -> gr.Blocks:
    """Return the page, to be mounted."""
    gr.set_static_paths([shelf.FOLDER])
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(600, int(settings().uploads_hours * 3600)),
    ) as made:
        gr.HTML(HEADER, apply_default_css=False)
        with gr.Row(elem_id="studio"):
            with gr.Column(scale=5, min_width=320, elem_id="form"):
                photo = picture.field("photo", height=250)
                photos = _row("photos")
                columns, styles, shares = _style_places()
                gr.HTML(PAD, apply_default_css=False, js_on_load=_script("pad"))
                shelved = _row("styles")
                recent = gr.HTML(
                    RECENT, apply_default_css=False, js_on_load=_script("recent", "recent")
                )
                controls = _controls()
                read = gr.HTML(READ, apply_default_css=False, js_on_load=_script("read", "reuse"))
                with gr.Accordion(open=False, elem_id="parts", **labels.of("parts")):
                    gr.HTML(PAINT, apply_default_css=False, js_on_load=_script("paint"))
                    mask_columns, masks = _mask_places()
                painted = gr.Textbox(visible="hidden", elem_id="regions", label="Regions")
                notice = gr.HTML("", apply_default_css=False, elem_id="notice")
                send = gr.Button(variant="primary", size="lg", elem_id="send", **labels.of("send"))
                job_id = gr.Textbox(visible="hidden", elem_id="job-id", label="Job")
                preview_id = gr.Textbox(visible="hidden", elem_id="preview-id", label="Preview")
            with gr.Column(scale=7, min_width=320, elem_id="look"):
                stage = gr.HTML(
                    STAGE,
                    apply_default_css=False,
                    js_on_load=_script("page", "reuse", "sweep", "retry", "preview"),
                )
        gr.HTML(BATCH, apply_default_css=False, js_on_load=_script("batch"))
        past = gr.HTML(
            GALLERY,
            apply_default_css=False,
            js_on_load=_script("gallery", "reuse", "again"),
        )
        gr.HTML(YOU, apply_default_css=False, js_on_load=_script("you"))

        worded = [part for part in made.blocks.values() if labels.has(part.elem_id)]

        def speak(request: gr.Request) -> list[Any]:
            return words_for([str(part.elem_id) for part in worded], request)

        made.load(speak, outputs=worded, **QUICK)
        made.load(networks, outputs=controls["network"], **QUICK)
        photos.pick(pick_photo, outputs=photo, **QUICK)
        shelved.pick(pick_style, inputs=styles, outputs=styles, **QUICK)
        recent.recent(pick_recent, inputs=styles, outputs=[*styles, notice], **QUICK)
        for image in (photo, *styles, *masks):
            image.upload(look_at, inputs=image, outputs=[image, notice], **QUICK)
        gr.on(
            [style.change for style in styles],
            arrange,
            inputs=styles,
            outputs=[*columns, *shares, *mask_columns],
            **QUICK,
        )
        for part in (stage, past, read):
            part.reuse(reuse, outputs=list(controls.values()), **QUICK)
        past.again(
            again, outputs=[photo, *styles, *shares, *masks, *controls.values(), notice], **QUICK
        )
        form = {"photo": photo, "regions": painted, **controls}
        for kind, fields in (("style", styles), ("share", shares), ("mask", masks)):
            form |= {f"{kind}_{place}": field for place, field in enumerate(fields)}
        submits: dict[str, Any] = {
            "outputs": [job_id, notice],
            "concurrency_limit": api.AT_ONCE,
            "concurrency_id": "submit",
            "trigger_mode": "once",
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        stage.preview(preview, inputs_kwargs=form, outputs=preview_id, **QUICK).then(
            None, inputs=preview_id, js=_ASKED
        )
        for sent in (
            send.click(repaint, inputs_kwargs=form, **submits),
            stage.sweep(sweep, **submits),
            stage.retry(retry, **submits),
        ):
            sent.then(None, inputs=job_id, js=_SENT)
    made.queue(api_open=False, max_size=100)
    return cast(gr.Blocks, made)
