"""What the form's events do: they store a job and return its id, or set controls.

Whatever goes wrong, the visitor gets a sentence.
"""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from adain.catalog import Region
from web.api import previews
from web.http import checking, references
from web.language import messages, problems, texts
from web.page import labels, regions
from web.page.labels import MARGINS, MIXTURE, MOVING
from web.samples import shelf
from web.security import address
from web.security.identity import owner_of
from worker import jobs
from worker.errors import Message, Refused
from worker.images import film_uploads, images
from worker.images.images import CleanImage, Source
from worker.jobs import Job
from worker.options import BROADEST, FINEST, NOT_OF_FILMS, USUAL, Options, recorded
from worker.settings import settings
from worker.storage import processes
from worker.visitors import admission, rate_limits, uploads
from worker.visitors import previews as asking
from worker.visitors.rate_limits import Visitor

CONTROLS = (
    "strength", "color", "size", "strokes", "how", "network", "transparency", "margins", "steady",
    "moving",
)  # fmt: skip
TRIM, KEEP = MARGINS
PICTURE, FILM = MOVING
SAME, CHANGES = MIXTURE
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # of a picture made again at several


def _notice(sentence: str, field: str = "") -> str:
    """Return what stands under the button; Gradio renders HTML, so nothing gets there raw.

    The page's script puts it into the field whose picture was refused, if that is named.
    """
    return f'<p role="alert" data-field="{field}">{escape(sentence)}</p>' if sentence else ""


def _said(error: Exception) -> Message:
    return problems.message_for(error)[1]


def _spoken(message: Message, request: gr.Request) -> str:
    """Return a message's sentence in the visitor's language."""
    assert request.request is not None
    return messages.said(message, texts.language_of(request.request))


def _sentence(error: Exception, request: gr.Request) -> str:
    return _spoken(_said(error), request)


def _chosen(form: dict[str, Any]) -> list[int]:
    """Return the places that have a style in them."""
    return [place for place in range(settings().max_styles) if form[f"style_{place}"]]


def _field(message: Message, form: dict[str, Any]) -> str:
    """Return the name of the form's field whose picture a message means; "": of none."""
    part = message.params.get("what")
    if message.code != "picture.rejected" or not isinstance(part, Message):
        return ""
    kind, number = part.code.removeprefix("part."), part.params.get("number")
    if not isinstance(number, int):
        return kind
    place = _chosen(form)[number - 1]
    return f"{kind}-{place}" if form[f"{kind}_{place}"] else ""  # a mask may be painted


def _size(chosen: int | str) -> dict[str, Any]:
    """Return the options that a choice of size means."""
    return {"size": chosen} if isinstance(chosen, int) else {"fit": chosen}


def _method(chosen: str) -> dict[str, Any]:
    """Return the options that a choice of method means, such as refine-little."""
    method, _, effort = chosen.partition("-")
    return {"method": method} | ({"effort": effort} if effort else {})


def _style_crops(form: dict[str, Any], chosen: list[int]) -> list[list[float]]:
    """Return the crop of each chosen style, none if all are whole."""
    crops = [references.crop(form[f"style_{place}"]) for place in chosen]
    return crops if any(crops) else []


def _options(form: dict[str, Any], chosen: list[int]) -> dict[str, Any]:
    return {
        "alpha": form["strength"] / 100,
        "color": form["color"],
        **_size(form["size"]),
        "strokes": form["strokes"] / 100,
        **_method(form["how"]),
        "network": form["network"],
        "transparency": form["transparency"],
        "keep_margins": form["margins"] == KEEP,
        "crop": references.crop(form["photo"]),
        "style_crops": _style_crops(form, chosen),
        "weights": [form[f"share_{place}"] for place in chosen] if len(chosen) > 1 else [],
    }


def _film_options(form: dict[str, Any], chosen: list[int]) -> dict[str, Any]:
    """Return the options of a film: what films don't have is left out, as the page shows it."""
    options = _options(form, chosen)
    kept = {name: value for name, value in options.items() if name not in NOT_OF_FILMS}
    kept |= {"steady": form["steady"] / 100, "moving": form["moving"] == FILM}
    if form["mixture"] == CHANGES and len(chosen) > 1:
        kept["weights_end"] = [form[f"until_{place}"] for place in chosen]
    return kept


def _masks_of(
    owner: str, form: dict[str, Any], chosen: list[int], photo: Source | None = None
) -> list[Source]:
    """Return a mask of all of the photo for each style, uploaded or painted, or none.

    Raises `Refused`; `photo` as in `regions.masks`.
    """
    given = [form[f"mask_{place}"] for place in chosen]
    if all(given):
        return [references.source(mask, owner) for mask in given]
    if any(given):
        raise Refused("page.masks_missing")
    return regions.masks(form["regions"], chosen, photo) if form["regions"] else []


def _submit(visitor: Visitor, form: dict[str, Any]) -> str:
    """Hand the form over; returns the job's id, raises `Refused`."""
    if not form["photo"]:
        raise Refused("page.photo_missing")
    chosen = _chosen(form)
    if not chosen:
        raise Refused("page.style_missing")
    photo = references.source(form["photo"], visitor.owner, film=True)
    moves = form["moving"] == FILM and film_uploads.moves(photo)
    is_film = moves or film_uploads.is_sent(photo)
    styles = [references.source(form[f"style_{place}"], visitor.owner) for place in chosen]
    if is_film and form["regions"]:
        rate_limits.consume(visitor, rate_limits.pictures())
    still = film_uploads.still(photo) if form["regions"] else photo
    masks = _masks_of(visitor.owner, form, chosen, still)
    given = form if moves else form | {"moving": PICTURE}
    options = (_film_options if is_film else _options)(given, chosen)
    beside = admission.made_from(references.job_of(form["photo"]))
    return admission.submit(visitor, photo, styles, masks, options, beside).id


async def _answer(
    request: gr.Request, accept: Callable[..., str], given: object, *more: object
) -> tuple[str, str]:
    """Return what was accepted and no notice, or nothing and what was wrong."""
    assert request.request is not None
    try:
        visitor = address.visitor(request.request)
        return await checking.run(visitor, accept, visitor, given, *more), _notice("")
    except Exception as error:  # whatever it is, the visitor gets a sentence
        message = _said(error)
        field = _field(message, given) if isinstance(given, dict) else ""
        return "", _notice(_spoken(message, request), field)


async def repaint(request: gr.Request, **form: Any) -> tuple[str, str]:  # noqa: ANN401
    """Accept the job; returns its id and no notice, or no id and what was wrong."""
    return await _answer(request, _submit, form)


def _small_masks(
    owner: str, form: dict[str, Any], chosen: list[int], photo: CleanImage
) -> list[CleanImage]:
    size, crop = (photo.width, photo.height), references.crop(form["photo"])
    return [images.small_mask(mask, size, crop) for mask in _masks_of(owner, form, chosen)]


def _slot(request: gr.Request) -> str:
    """Return which of a visitor's tabs asks: Gradio gives each load of a page a session."""
    return request.session_hash or ""


def _preview(visitor: Visitor, form: dict[str, Any], slot: str) -> str:
    """Ask for a preview of the form; returns its id, "" if there is nothing to show yet."""
    chosen = _chosen(form)
    if not (form["photo"] and chosen):
        return ""
    photo = previews.small(form["photo"], visitor)
    trim = form["margins"] != KEEP
    styles = [previews.small(form[f"style_{place}"], visitor, trim) for place in chosen]
    masks = _small_masks(visitor.owner, form, chosen, photo)
    return asking.ask(visitor, photo, styles, masks, _options(form, chosen), slot=slot)


async def preview(request: gr.Request, **form: Any) -> str:  # noqa: ANN401
    """Ask for a preview of the form as it is; returns its id, or "" when there can be none."""
    assert request.request is not None
    try:
        visitor = address.visitor(request.request)
        return await checking.run(visitor, _preview, visitor, form, _slot(request))
    except Exception as error:  # what is wrong is said when the form is sent
        _sentence(error, request)
        return ""


def _sheet(visitor: Visitor, form: dict[str, Any], page: int, slot: str) -> str:
    """Ask for the form's photo in a page of the shelf's styles; returns the id and the styles.

    And where they begin among all styles, and how many those are.
    """
    if not form["photo"]:
        raise Refused("page.photo_missing")
    names, own = shelf.sheet(page)
    photo = previews.small(form["photo"], visitor)
    sheet_id = asking.ask_sheet(visitor, photo, names, _options(form, []), own, slot)
    every = shelf.names("styles")
    return f"{sheet_id} {','.join(names)} {every.index(names[0])} {len(every)}"


async def sheet(
    request: gr.Request,
    event: gr.EventData,
    **form: Any,  # noqa: ANN401
) -> tuple[str, str]:
    """Ask for a contact sheet; returns its id and styles and no notice, or what was wrong."""
    page = (event._data or {}).get("page", 0)
    return await _answer(request, _sheet, form, page, _slot(request))


async def strengths(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Make an earlier picture again at several strengths; returns the new ids and a notice."""
    assert request.request is not None
    ids: list[str] = []
    try:
        visitor = address.visitor(request.request)
        for alpha in STRENGTHS:
            asked = visitor, event.id, {"alpha": alpha}
            ids.append((await checking.run(visitor, admission.again, *asked)).id)
    except Exception as error:  # as in `_answer`
        return " ".join(ids), _notice(_sentence(error, request))
    return " ".join(ids), _notice("")


def _again(visitor: Visitor, event: gr.EventData) -> str:
    return admission.again(visitor, event.id, {}).id


async def retry(request: gr.Request, event: gr.EventData) -> tuple[str, str]:
    """Submit a job that failed or was cancelled once more; returns the new id and a notice."""
    return await _answer(request, _again, event)


def networks() -> Any:  # noqa: ANN401, an update of the component
    """Offer the networks, if there is a choice."""
    able = processes.networks()
    return gr.Radio(choices=able, visible=len(able) > 1)


def _controls_for(options: Options) -> list[Any]:
    """Return the controls' values for a picture's options, or the nearest there are."""
    size: int | str = min(labels.SIZES, key=lambda one: abs(one - options.size))
    if not options.size or options.size > 2 * max(labels.SIZES):
        size = labels.LARGEST
    network = options.network if options.network in processes.networks() else settings().network
    looks = [round(options.alpha * 100), options.color, size, _strokes_for(options)]
    how = texts.how(options.method, options.effort)
    margins = KEEP if options.keep_margins else TRIM
    of_film = [round(100 * options.steady), FILM if options.moving else PICTURE]
    return [*looks, how, network, options.transparency, margins, *of_film]


def _strokes_for(options: Options) -> int:
    """Return the slider's value; what was painted by the network's own strokes is found by size."""
    own = USUAL / options.size if options.size else 1.0
    return round(100 * min(max(options.strokes or own, FINEST), BROADEST))


def reuse(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Set the form's controls as they were for a picture; its pictures stay as they are."""
    try:
        return [*_controls_for(Options.model_validate(recorded(event.options))), ""]
    except Exception as error:  # as in `_answer`
        return [*[gr.skip()] * len(CONTROLS), _notice(_sentence(error, request))]


def _shares(weights: list[float], places: int) -> list[int]:
    """Return the sliders of shares that weights mean."""
    return [*(round(100 * one / sum(weights)) for one in weights), *[50] * (places - len(weights))]


def _form_of(job: Job, photo: str, masks: list[str]) -> list[Any]:
    """Return what the form holds for a job's styles and settings, with this photo and masks."""
    places = settings().max_styles
    options = Options.model_validate(recorded(job.options))
    empty = [""] * (places - len(job.style_keys))
    shares = [*_shares(options.weights, places), *_shares(options.weights_end, places)]
    mixture = CHANGES if options.weights_end else SAME
    masks = [*masks, *[""] * (places - len(masks))]
    styles = [*references.styles_of(job), *empty]
    return [photo, *styles, *shares, mixture, *masks, *_controls_for(options), ""]


def _unfilled(error: Exception, request: gr.Request) -> list[Any]:
    """Leave the form as it is, and say why."""
    parts = 2 + 4 * settings().max_styles + len(CONTROLS)
    return [gr.skip()] * parts + [_notice(_sentence(error, request))]


def again(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Fill the form with an earlier picture's styles and settings, to choose a new photo for."""
    assert request.request is not None
    try:
        return _form_of(jobs.get(event.id, owner_of(request.request)), "", [])
    except Exception as error:  # as in `_answer`
        return _unfilled(error, request)


def _masks_for(visitor: Visitor, job: Job) -> list[str]:
    """Return values of a job's masks as the form has them, white where a style acts.

    A mask of a background is black there: its opposite becomes an upload.
    """
    if recorded(job.options)["region"] != Region.BACKGROUND:
        return references.masks_of(job)
    rate_limits.consume(visitor, rate_limits.pictures())
    opposite = images.opposite_mask(images.stored(job.mask_keys[0]))
    return [references.upload(uploads.keep(visitor.owner, opposite.data))]


def _opened(visitor: Visitor, job_id: str) -> list[Any]:
    job = jobs.get(job_id, visitor.owner)
    return _form_of(job, references.photo_of(job), _masks_for(visitor, job))


async def open_again(request: gr.Request, event: gr.EventData) -> list[Any]:
    """Fill the form as it was for an earlier picture: photo, styles, shares, masks, settings."""
    assert request.request is not None
    try:
        visitor = address.visitor(request.request)
        return await checking.run(visitor, _opened, visitor, event.id)
    except Exception as error:  # as in `_answer`
        return _unfilled(error, request)


def words_for(ids: list[str], request: gr.Request) -> list[Any]:
    """Name the page's parts, as many as these ids, in the visitor's language."""
    assert request.request is not None
    language = texts.language_of(request.request)
    if language == texts.ENGLISH:
        return [gr.skip()] * len(ids)
    return [gr.update(**labels.of(elem_id, language)) for elem_id in ids]
