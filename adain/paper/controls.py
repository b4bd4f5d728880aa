"""Figures 7 to 10: what a user controls when a picture is made, without training again."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from adain.catalog import Color
from adain.paper import drawing, engine, pictures
from adain.paper.pictures import Named
from adain.paper.result import Result
from adain.paper.settings import Settings
from adain.request import Request

_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_CORNERS = 4


def _apart(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of pixels in [0, 1]."""
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float32) for image in (one, other))
    return float(np.abs(a - b).mean() / 255)


def _inputs(settings: Settings, photos: int, styles: int) -> tuple[list[Named], list[Named]]:
    side = settings.side_of(256, 512)
    found = pictures.photos(settings, photos, side), pictures.styles(settings, styles, side)
    return found


def trade_off(settings: Settings) -> Result:
    """Figure 7: content against style by alpha."""
    count = settings.count_of(3, 6)
    photos, styles = _inputs(settings, count, count)
    stylizer, rows, notes = engine.stylizer(settings.device), [], []
    content, style = np.zeros((2, len(_ALPHAS)))
    pairs = list(zip(photos, styles, strict=False))
    for photo, painting in pairs:
        requests = [Request(photo.image, [painting.image], alpha=a, size=0) for a in _ALPHAS]
        made = stylizer.stylize(requests)
        own = [engine.content_loss(settings, one, photo.image) for one in made]
        its = [engine.style_loss(settings, one, painting.image) for one in made]
        content, style = content + np.array(own) / len(pairs), style + np.array(its) / len(pairs)
        rows.append([*made, painting.image])
        notes.append([f"content {c:.2f}, style {s:.3f}" for c, s in zip(own, its, strict=True)])
        notes[-1].append(painting.name)
    rising = all(a < b for a, b in pairwise(content))
    falling = all(a > b for a, b in pairwise(style))
    return Result(
        title="Fig. 7: content-style trade-off",
        picture=drawing.sheet(rows, [*(f"alpha {a:g}" for a in _ALPHAS), "style"], notes),
        figures={"alpha": _ALPHAS, "content": content.tolist(), "style": style.tolist()},
        found=f"From alpha 0 to 1 the mean style loss goes from {style[0]:.3f} to {style[-1]:.4f} "
        f"and the content loss from {content[0]:.3f} to {content[-1]:.3f} over {len(pairs)} pairs.",
        paper="changing alpha from 0 to 1 goes smoothly from the photo to the style.",
        holds={
            "content loss rises at every step": rising,
            "style loss falls at every step": falling,
        },
    )


def _weights(across: float, down: float) -> list[float]:
    """Bilinear weights of the four corners, left to right and from above."""
    return [
        (1 - across) * (1 - down),
        across * (1 - down),
        (1 - across) * down,
        across * down,
    ]


def interpolation(settings: Settings) -> Result:
    """Figure 8: four styles at the corners, mixtures between."""
    side = settings.count_of(5, 5)
    [photo], styles = _inputs(settings, 1, _CORNERS)
    stylizer, places = engine.stylizer(settings.device), np.linspace(0, 1, side).tolist()
    kept = [stylizer.style(one.image, 0) for one in styles]
    rows = [
        stylizer.stylize(
            [Request(photo.image, kept, _weights(across, down), size=0) for across in places]
        )
        for down in places
    ]
    alone = stylizer.stylize([Request(photo.image, [one], size=0) for one in kept])
    corners = [rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1]]
    off = [_apart(one, other) for one, other in zip(corners, alone, strict=True)]
    whole = [_apart(one, other) for one, other in pairwise(corners)]
    steps = [_apart(one, other) for row in rows for one, other in pairwise(row)]
    largest = max(steps) / max(whole)
    styles_loss = [
        [[engine.style_loss(settings, cell, one.image) for one in styles] for cell in row]
        for row in rows
    ]
    return Result(
        title="Fig. 8: interpolation of four styles",
        picture=drawing.sheet(rows, [f"{place:.0%}" for place in places]),
        figures={
            "styles": [one.name for one in styles],
            "corner against single style": off,
            "largest step": max(steps),
            "largest distance of corners": max(whole),
            "style loss to each": styles_loss,
        },
        found=f"The corners differ from the single styles by {max(off):.4f} of full scale at most; "
        f"the largest step between neighbours is {largest:.0%} of the largest between corners "
        f"(an even path has {1 / (side - 1):.0%}).",
        paper="feature maps of several styles interpolate smoothly.",
        holds={
            "corners are the single styles": max(off) < 1 / 255,
            "no step is half of the way": largest < 0.5,
        },
    )


def colour(settings: Settings) -> Result:
    """Figure 9: the photo's colours kept."""
    count = settings.count_of(3, 6)
    photos, styles = _inputs(settings, count, count)
    stylizer, rows, notes = engine.stylizer(settings.device), [], []
    found: dict[str, list[float]] = {mode: [] for mode in Color}
    texture: dict[str, list[float]] = {mode: [] for mode in Color}
    for photo, painting in zip(photos, styles, strict=False):
        requests = [Request(photo.image, [painting.image], color=c, size=0) for c in Color]
        made = dict(zip(Color, stylizer.stylize(requests), strict=True))
        for mode, one in made.items():
            found[mode].append(engine.colour_distance(one, photo.image))
            grey = [x.convert("L").convert("RGB") for x in (one, painting.image)]
            texture[mode].append(engine.style_loss(settings, *grey))
        rows.append([photo.image, painting.image, *made.values()])
        notes.append(
            [photo.name, painting.name, *(f"colour {found[mode][-1]:.3f}" for mode in made)]
        )
    mean = {mode: float(np.mean(values)) for mode, values in found.items()}
    kept = {mode: float(np.mean(values)) for mode, values in texture.items()}
    return Result(
        title="Fig. 9: colour control",
        picture=drawing.sheet(rows, ["photo", "style", *(f"colours: {c}" for c in Color)], notes),
        figures={"distance of colours to the photo": mean, "style loss in grey": kept},
        found=f"Distance of colours to the photo: {mean[Color.STYLE]:.3f} in the style's colours, "
        f"{mean[Color.CONTENT]:.3f} with the style matched to the photo's, "
        f"{mean[Color.LUMINANCE]:.3f} with luminance only; style loss of lightness "
        f"{kept[Color.STYLE]:.4f}, {kept[Color.CONTENT]:.4f}, {kept[Color.LUMINANCE]:.4f}.",
        paper="matching the style's colours to the photo's keeps the photo's colours.",
        holds={"nearer to the photo's colours": mean[Color.CONTENT] < 0.5 * mean[Color.STYLE]},
    )


def _subject(side: int) -> Image.Image:
    """Draw a soft mask, white in the middle."""
    mask = Image.new("L", (side, side), 0)
    box = (side // 4, side // 4, side - side // 4, side)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(side / 64))


def spatial(settings: Settings) -> Result:
    """Figure 10: one style for the subject, one for the background."""
    count = settings.count_of(3, 6)
    photos, styles = _inputs(settings, count, 2 * count)
    stylizer, rows, shares = engine.stylizer(settings.device), [], []
    for number, photo in enumerate(photos):
        one, other = (styles[(2 * number + k) % len(styles)] for k in range(2))
        mask = _subject(photo.image.width)
        masks = [mask, mask.point(lambda value: 255 - value)]
        kept = [one.image, other.image]
        both = stylizer.stylize([Request(photo.image, kept, masks=masks, size=0)])[0]
        alone = stylizer.stylize([Request(photo.image, [style], size=0) for style in kept])
        shares += [_nearer(both, alone, where, 1 - k) for k, where in enumerate(masks)]
        rows.append([photo.image, mask.convert("RGB"), *kept, both])
    nearer = sum(own < its for own, its in shares)
    return Result(
        title="Fig. 10: spatial control",
        picture=drawing.sheet(rows, ["photo", "mask", "subject", "background", "result"]),
        figures={"distance in each region to its own style's result and to the other's": shares},
        found=f"{nearer} of {len(shares)} regions are nearer to the result in their own style "
        f"(mean distance {np.mean([own for own, _ in shares]):.3f} of full scale) than to that in "
        f"the other ({np.mean([its for _, its in shares]):.3f}).",
        paper="regions of one photo take different styles, by statistics of each region.",
        holds={"every region is nearer to its own style": nearer == len(shares)},
    )


def _nearer(
    both: Image.Image, alone: list[Image.Image], where: Image.Image, other: int
) -> tuple[float, float]:
    """Distance inside a region to the result in its own style, and to that in the other."""
    inside = np.asarray(where) > 250
    pixels = [np.asarray(one, dtype=np.float32)[inside] / 255 for one in (both, *alone)]
    far = [float(np.abs(pixels[0] - one).mean()) for one in pixels[1:]]
    return far[1 - other], far[other]
