"""Figures 3 and 4: our results beside those of other methods and of the optimisation."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from PIL import Image
from tqdm import tqdm

from adain import catalog
from adain.catalog import Transfer
from adain.paper import descent, drawing, engine, pictures
from adain.paper.drawing import Panel
from adain.paper.pictures import Named
from adain.paper.result import Result
from adain.paper.settings import Settings

_MARKS = (1, 5, 10, 25, 50, 75, 100, 150, 250, 500)  # iterations at which it is measured
_PAPER = (50, 100)  # iterations that bring the optimisation to AdaIN's style loss there

_OURS = catalog.DEFAULT_METHOD

Paint = Callable[[Settings, Image.Image, Image.Image], Image.Image]


METHODS: dict[str, Paint] = {
    "AdaIN": partial(engine.paint, transfer=Transfer.ADAIN),
    "AdaIN + covariance": engine.paint,
    **{name: partial(engine.paint, method=name) for name in catalog.METHODS if name != _OURS},
}


def marks(steps: int) -> list[int]:
    """Return the iterations at which so long an optimisation is measured, the last among them."""
    return sorted({*(mark for mark in _MARKS if mark < steps), steps})


def _optimised(
    settings: Settings, photo: Image.Image, style: Image.Image, steps: Sequence[int]
) -> Iterator[Image.Image]:
    """Yield what Gatys et al.'s optimisation has made of a photo after so many iterations."""
    content, wanted = (pictures.unit(one, settings.device) for one in (photo, style))
    measured = descent.objective(settings.eye, content, wanted, "gram")
    for picture in descent.descend(content, measured, steps):
        yield pictures.shown(picture)


def _both(settings: Settings, made: Image.Image, photo: Named, style: Named) -> tuple[float, float]:
    """Content and style loss of a result."""
    content = engine.content_loss(settings, made, photo.image)
    return content, engine.style_loss(settings, made, style.image)


def _pairs(settings: Settings, photos: int, styles: int, side: int) -> list[tuple[Named, Named]]:
    both = pictures.photos(settings, photos, side), pictures.styles(settings, styles, side)
    return [(photo, style) for photo in both[0] for style in both[1]]


def reached(iterations: Sequence[float], curve: Sequence[float], level: float) -> float | None:
    """Return after how many iterations a falling curve comes to a level; None: not by the end."""
    below = [place for place, value in enumerate(curve) if value <= level]
    if not below:
        return None
    if below[0] == 0:
        return iterations[0]
    since, until = (slice(below[0] - 1 + k, below[0] + k) for k in range(2))
    x = np.log([iterations[since][0], iterations[until][0]])
    y = np.log([max(curve[since][0], 1e-12), max(curve[until][0], 1e-12)])
    return float(np.exp(np.interp(-np.log(max(level, 1e-12)), -y, x)))


def losses(settings: Settings) -> Result:
    """Figure 3: style and content loss, against the optimisation's by iteration."""
    side = settings.side_of(256, 512)
    sizes = (settings.count_of(3, 50), settings.count_of(3, 10))
    pairs, steps = _pairs(settings, *sizes, side), marks(settings.steps_of(150, 500))
    curve = np.zeros((len(steps), 2))
    found = {name: np.zeros(2) for name in ("photo itself", *METHODS)}
    for photo, style in tqdm(pairs, desc="Fig. 3", leave=False):
        found["photo itself"] += _both(settings, photo.image, photo, style)
        for name, paint in METHODS.items():
            made = paint(settings, photo.image, style.image)
            found[name] += _both(settings, made, photo, style)
        for place, made in enumerate(_optimised(settings, photo.image, style.image, steps)):
            curve[place] += _both(settings, made, photo, style)
    curve /= len(pairs)
    means = {name: (both / len(pairs)).tolist() for name, both in found.items()}
    at = {name: reached(steps, curve[:, 1].tolist(), both[1]) for name, both in means.items()}
    return _compared(side, len(pairs), steps, curve, means, at)


def _panels(steps: Sequence[int], curve: np.ndarray, means: dict[str, list[float]]) -> list[Panel]:
    return [
        Panel(
            f"{kind} loss",
            "iteration of the optimisation",
            {"optimisation": (steps, curve[:, place].tolist())},
            {name: both[place] for name, both in means.items() if both[place] > 0},
        )
        for place, kind in ((1, "style"), (0, "content"))
    ]


def _compared(
    side: int,
    pairs: int,
    steps: Sequence[int],
    curve: np.ndarray,
    means: dict[str, list[float]],
    at: dict[str, float | None],
) -> Result:
    """Make Figure 3 of its figures."""
    ours, photo = means["AdaIN"], means["photo itself"]
    when = at["AdaIN"]
    reach = f"reaches AdaIN's after about {when:.0f}" if when else "has not reached AdaIN's by then"
    return Result(
        title="Fig. 3: style and content loss",
        picture=drawing.plot(_panels(steps, curve, means)),
        figures={
            "side": side,
            "pairs": pairs,
            "losses": {name: {"content": c, "style": s} for name, (c, s) in means.items()},
            "optimisation": {
                "iterations": list(steps),
                "content": curve[:, 0].tolist(),
                "style": curve[:, 1].tolist(),
            },
            "iterations to the style loss of": at,
        },
        found=f"Over {pairs} pairs at {side} px the style loss is {photo[1]:.3f} for the photos, "
        f"{ours[1]:.4f} by AdaIN (content {ours[0]:.3f}) and {curve[-1, 1]:.4f} (content "
        f"{curve[-1, 0]:.3f}) after {steps[-1]} iterations of the optimisation, which {reach}.",
        paper=f"AdaIN's style loss is that of the optimisation after {_PAPER[0]} to {_PAPER[1]} "
        "iterations, and far below the photos'.",
        holds={
            "AdaIN stands where 50 or more iterations do": not at["AdaIN"]
            or at["AdaIN"] >= _PAPER[0],
            "a fifth of the photos' style loss or less": ours[1] < photo[1] / 5,
        },
        plot=True,
    )


def visual(settings: Settings) -> Result:
    """Figure 4: the pictures beside each other."""
    side, count = settings.side_of(256, 512), settings.count_of(4, 6)
    steps = settings.steps_of(150, 500)
    photos = pictures.photos(settings, count, side)
    styles = pictures.styles(settings, count, side)
    rows, notes, found = [], [], list[dict[str, object]]()
    nearer = 0
    for photo, style in tqdm(list(zip(photos, styles, strict=False)), desc="Fig. 4", leave=False):
        made = {name: paint(settings, photo.image, style.image) for name, paint in METHODS.items()}
        [made["optimisation"]] = _optimised(settings, photo.image, style.image, [steps])
        both = {name: _both(settings, one, photo, style) for name, one in made.items()}
        nearer += both["AdaIN"][1] < both["optimisation"][1]
        rows.append([style.image, photo.image, *made.values()])
        notes.append([style.name, photo.name, *(f"{c:.2f}, {s:.3f}" for c, s in both.values())])
        losses = {name: {"content": c, "style": s} for name, (c, s) in both.items()}
        found.append({"photo": photo.name, "style": style.name, "losses": losses})
    return Result(
        title="Fig. 4: results beside each other; below each its content and style loss",
        picture=drawing.sheet(rows, ["style", "photo", *made], notes, cell=192),
        figures={"side": side, "iterations": steps, "pairs": found},
        found=f"In {nearer} of {len(rows)} pairs AdaIN's style loss is below that of {steps} "
        "iterations; eyes have to judge the rest.",
        paper="many results of AdaIN are as good as the optimisation's, some slightly worse.",
    )
