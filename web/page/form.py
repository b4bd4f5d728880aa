"""The page: choose pictures, repaint, look.

Gradio holds the form; its handlers store a job and return its id. A picture in the form is a
short text in a hidden field, which `studio/field.js` draws and `web/http/references.py` reads. The
stage and "Your pictures" are drawn by `web/static/studio/` from the API, so that waiting costs no
Gradio event and closing the tab loses nothing.
"""

from html import escape
from typing import Any, cast

import gradio as gr

from web.api import previews
from web.http import checking, references
from web.language import problems, sentences, texts
from web.page import labels, regions
from web.samples import shelf
from web.security import address
from web.security.identity import owner_of
from worker.errors import Refused
from worker.gallery import entries
from worker.images import images
from worker.images.images import CleanImage, Source
from worker.options import BROADEST, FINEST, NETWORKS, USUAL, Options, recorded
from worker.settings import settings
from worker.storage import processes
from worker.visitors import admission
from worker.visitors import previews as asking
from worker.visitors.rate_limits import Visitor

TITLE = "AdaIN Studio"
CONTROLS = ("strength", "color", "size", "strokes", "network")
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # of a sweep
QUICK: dict[str, Any] = {  # an event that only arranges the page
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}

# ---------------------------------------------------------------- what the events do


def _notice(sentence: str) -> str:
    """Return what stands under the button; Gradio renders HTML, so nothing gets there raw."""
    return f'<p role="alert">{escape(sentence)}</p>' if sentence else ""


def _sentence(error: Exception, request: gr.Request) -> str:
    assert request.request is not None
    return sentences.said(problems.sentence_for(error)[1], texts.language_of(request.request))


def _chosen(form: dict[str, Any]) -> list[int]:
    """Return the places that have a style in them."""
    return [place for place in range(settings().max_styles) if form[f"style_{place}"]]


def _options(form: dict[str, Any], chosen: list[int]) -> dict[str, Any]:
    return {
        "alpha": form["strength"] / 100,
        "color": form["color"],
        "size": form["size"],
        "strokes": form["strokes"] / 100,
        "network": form["network"],
        "weights": [form[f"share_{place}"] for place in chosen] if len(chosen) > 1 else [],
    }


def _masks_of(
    owner: str, words: dict[str, str], form: dict[str, Any], chosen: list[int], photo: Source
) -> list[Source]:
    """Return a mask for each style, uploaded or painted, or none; raises `Refused`."""
    given = [form[f"mask_{place}"] for place in chosen]
    if all(given):
        return [references.source(mask, owner) for mask in given]
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
    photo = references.source(form["photo"], visitor.owner)
    styles = [references.source(form[f"style_{place}"], visitor.owner) for place in chosen]
    masks = _masks_of(visitor.owner, words, form, chosen, photo)
    return admission.submit(visitor, photo, styles, masks, _options(form, chosen)).id


async def repaint(request: gr.Request, **form: Any) -> tuple[str, str]:  # noqa: ANN401
    """Accept the job; returns its id and no notice, or no id and what was wrong."""
    assert request.request is not None
    words = texts.words(texts.language_of(request.request))
    try:
        visitor = address.visitor(request.request)
        return await checking.run(visitor, _submit, visitor, words, form), _notice("")
    except Exception as error:  # the door: whatever it is, the visitor gets a sentence
        return "", _notice(_sentence(error, request))


def _small_masks(
    owner: str, words: dict[str, str], form: dict[str, Any], chosen: list[int], photo: CleanImage
) -> list[CleanImage]:
    size = photo.width, photo.height
    masks = _masks_of(owner, words, form, chosen, images.source(photo.data))
    return [images.small_mask(mask, size) for mask in masks]


def _preview(visitor: Visitor, words: dict[str, str], form: dict[str, Any]) -> str:
    """Ask for a preview of the form; returns its id, "" if there is nothing to show yet."""
    chosen = _chosen(form)
    if not (form["photo"] and chosen):
        return ""
    photo = previews.small(form["photo"], visitor)
    styles = [previews.small(form[f"style_{place}"], visitor) for place in chosen]
    masks = _small_masks(visitor.owner, words, form, chosen, photo)
    return asking.ask(visitor, photo, styles, masks, _options(form, chosen))


async def preview(request: gr.Request, **form: Any) -> str:  # noqa: ANN401
    """Ask for a preview of the form as it is; returns its id, or "" when there can be none."""
    assert request.request is not None
    words = texts.words(texts.language_of(request.request))
    try:
        visitor = address.visitor(request.request)
        return await checking.run(visitor, _preview, visitor, words, form)
    except Exception as error:  # the door; what is wrong is said when the form is sent
        _sentence(error, request)
        return ""


async def sweep(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Make an earlier picture again at several strengths; returns the new ids and a notice."""
    assert request.request is not None
    ids: list[str] = []
    try:
        visitor = address.visitor(request.request)
        for alpha in STRENGTHS:
            asked = visitor, event.id, {"alpha": alpha}
            ids.append((await checking.run(visitor, admission.again, *asked)).id)
    except Exception as error:  # the door
        return " ".join(ids), _notice(_sentence(error, request))
    return " ".join(ids), _notice("")


async def retry(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Submit a job that failed or was cancelled once more; returns the new id and a notice."""
    assert request.request is not None
    try:
        visitor = address.visitor(request.request)
        job = await checking.run(visitor, admission.again, visitor, event.id, {})
        return job.id, _notice("")
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
    return [round(options.alpha * 100), options.color, size, _strokes_for(options), network]


def _strokes_for(options: Options) -> int:
    """Return the slider's value; what was painted by the network's own strokes is found by size."""
    own = USUAL / options.size if options.size else 1.0
    return round(100 * min(max(options.strokes or own, FINEST), BROADEST))


def reuse(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Set the form's controls as they were for a picture; its pictures stay as they are."""
    try:
        return [*_controls_for(Options.model_validate(recorded(event.options))), ""]
    except Exception as error:  # the door
        return [*[gr.skip()] * len(CONTROLS), _notice(_sentence(error, request))]


def again(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Fill the form with an earlier picture's styles and settings, to choose a new photo for."""
    assert request.request is not None
    places = settings().max_styles
    try:
        job = entries.own(event.id, owner_of(request.request)).job
        options = Options.model_validate(recorded(job.options))
    except Exception as error:  # the door
        return [gr.skip()] * (1 + 3 * places + len(CONTROLS)) + [_notice(_sentence(error, request))]
    styles = [references.style_of(job.id, place) for place in range(len(job.style_keys))]
    weights = [100 * weight / max(options.weights) for weight in options.weights]
    empty = [""] * (places - len(styles))
    shares = [*map(round, weights), *[50] * (places - len(weights))]
    return ["", *styles, *empty, *shares, *[""] * places, *_controls_for(options), ""]


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

_FOLLOW = "() => import('/page/studio/field.js').then((script) => script.follow())"
_ASKED = "(id) => import('/page/studio/preview.js').then((script) => script.asked(id))"
_SENT = "(ids) => import('/page/studio/studio.js').then((script) => script.sent(ids))"


def _script(name: str, *events: str) -> str:
    """Return what starts one of our scripts; Gradio finds the events in it by their names."""
    named = " ".join(f"'{event}'" for event in events)
    start = f"import('/page/{name}.js').then((script) => script.start(element, trigger));"
    return f"{start} // {named}" if events else start


def _row(kind: str) -> None:
    """Return a row of sample pictures; `studio/field.js` puts the one clicked in place."""
    buttons = "".join(
        f'<button type="button" data-name="{name}"><img src="/shelf/{kind}/{name}.webp" '
        f'alt="{name}" width="64" height="64" loading="lazy"></button>'
        for name in shelf.names(kind)
    )
    gr.HTML(
        f'<div class="shelf" role="group" data-kind="{kind}">{buttons}</div>',
        apply_default_css=False,
        elem_id=f"shelf-{kind}",
    )


def _field(name: str) -> None:
    """Draw a field to drop, paste, choose or take a picture in; `studio/field.js` fills it."""
    most = settings().max_upload_bytes
    gr.HTML(
        f'<div class="field" data-name="{name}" data-most="{most}"></div>',
        apply_default_css=False,
        js_on_load=_script("studio/field"),
        elem_id=name,
        elem_classes="field-of-picture",
    )


def _hidden(name: str, *, most: int = references.LONGEST) -> gr.Textbox:
    """Return a hidden text of the form, of at most so many characters, that scripts fill in."""
    return gr.Textbox(visible="hidden", elem_id=name, label=name, max_length=most)


def _style_places() -> list[gr.Slider]:
    shares = []
    with gr.Row(elem_classes="places"):
        for place in range(settings().max_styles):
            with gr.Column(min_width=150, elem_classes="place", elem_id=f"place-{place}"):
                _field(f"style-{place}")
                shares.append(
                    gr.Slider(
                        0,
                        100,
                        50,
                        step=1,
                        buttons=[],
                        elem_id=f"share-{place}",
                        **labels.of(f"share-{place}"),
                    )
                )
    return shares


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
        strokes = gr.Slider(
            round(100 * FINEST),
            round(100 * BROADEST),
            100,
            step=5,
            buttons=[],
            elem_id="strokes",
            **labels.of("strokes"),
        )
        network = gr.Radio(
            NETWORKS,
            value=settings().network,
            visible=False,
            elem_id="network",
            elem_classes="segments",
            **labels.of("network"),
        )
    return dict(zip(CONTROLS, (strength, color, size, strokes, network), strict=True))


def _form() -> tuple[dict[str, Any], gr.HTML]:
    """Draw what a picture is made of; returns the form's values by name, and the reader."""
    _field("photo")
    _row("photos")
    shares = _style_places()
    gr.HTML(PAD, apply_default_css=False, js_on_load=_script("studio/pad"))
    _row("styles")
    gr.HTML(RECENT, apply_default_css=False, js_on_load=_script("studio/recent"))
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
    form |= {"regions": _hidden("regions", most=regions.LONGEST_TEXT)} | controls
    return form, read


def _values(form: dict[str, Any], kind: str) -> list[Any]:
    return [part for name, part in form.items() if name.startswith(kind)]


def page() -> gr.Blocks:
    """Return the page, to be mounted."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as made:
        gr.HTML(HEADER, apply_default_css=False)
        with gr.Row(elem_id="studio"):
            with gr.Column(scale=5, min_width=320, elem_id="form"):
                form, read = _form()
                job_id = _hidden("job-id")
                preview_id = _hidden("preview-id")
                notice = gr.HTML("", apply_default_css=False, elem_id="notice")
                send = gr.Button(variant="primary", size="lg", elem_id="send", **labels.of("send"))
            with gr.Column(scale=7, min_width=320, elem_id="look"):
                stage = gr.HTML(
                    STAGE,
                    apply_default_css=False,
                    js_on_load=_script("studio/studio", "reuse", "sweep", "retry", "preview"),
                )
        gr.HTML(BATCH, apply_default_css=False, js_on_load=_script("batch/batch"))
        past = gr.HTML(
            GALLERY,
            apply_default_css=False,
            js_on_load=_script("gallery/gallery", "reuse", "again"),
        )
        gr.HTML(YOU, apply_default_css=False, js_on_load=_script("account/account"))

        worded = [part for part in made.blocks.values() if labels.has(part.elem_id)]

        def speak(request: gr.Request) -> list[Any]:
            return words_for([str(part.elem_id) for part in worded], request)

        controls = [form[name] for name in CONTROLS]
        chosen = [form["photo"], *_values(form, "style_"), *_values(form, "mask_")]
        made.load(speak, outputs=worded, **QUICK)
        made.load(networks, outputs=form["network"], **QUICK)
        gr.on([value.change for value in chosen], None, js=_FOLLOW)
        for part in (stage, past, read):
            part.reuse(reuse, outputs=[*controls, notice], **QUICK)
        filled = [
            form["photo"],
            *_values(form, "style_"),
            *_values(form, "share_"),
            *_values(form, "mask_"),
        ]
        past.again(again, outputs=[*filled, *controls, notice], **QUICK)
        submits: dict[str, Any] = {
            "outputs": [job_id, notice],
            "concurrency_limit": None,  # `checking` says whose turn it is
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
