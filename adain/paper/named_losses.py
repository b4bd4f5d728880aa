"""Every style loss by name, in the same optimisation: which of them are fit for painting."""

import time

import numpy as np
from tqdm import tqdm

from adain.catalog import Transfer
from adain.losses.names import ADVERSARIAL, STYLE_LOSSES
from adain.paper import descent, drawing, engine, pictures
from adain.paper.result import Result
from adain.paper.settings import Settings


def figure(settings: Settings) -> Result:
    """Go on from AdaIN's results with each loss; measure style and content."""
    side, count = settings.side_of(192, 512), settings.count_of(2, 6)
    steps = settings.steps_of(20, 100)
    both = zip(
        pictures.photos(settings, count, side), pictures.styles(settings, count, side), strict=False
    )
    names = [*STYLE_LOSSES, ADVERSARIAL]
    found = {name: np.zeros(3) for name in ("AdaIN", *names)}
    rows, notes = [], []
    pairs = list(both)
    for photo, style in pairs:
        content, wanted = (pictures.unit(one.image, settings.device) for one in (photo, style))
        begun = engine.paint(settings, photo.image, style.image, Transfer.ADAIN)
        row = {"AdaIN": (begun, 0.0)}
        for name in tqdm(names, desc="losses", leave=False):
            started = time.process_time()
            measured = descent.objective(settings.eye, content, wanted, name)
            way = descent.follow if name == ADVERSARIAL else descent.descend
            [made] = way(pictures.unit(begun, settings.device), measured, [steps])
            row[name] = pictures.shown(made), time.process_time() - started
        rows.append([style.image])
        notes.append([style.name])
        for name, (made_image, took) in row.items():
            far = engine.style_loss(settings, made_image, style.image)
            own = engine.content_loss(settings, made_image, photo.image)
            found[name] += np.array([far, own, took]) / len(pairs)
            rows[-1].append(made_image)
            notes[-1].append(f"{far:.4f}, {own:.2f}, {took:.0f} s")
    figures = {
        name: {"style": s, "content": c, "CPU seconds": t} for name, (s, c, t) in found.items()
    }
    order = sorted(names, key=lambda name: figures[name]["style"])
    worse = [name for name in names if figures[name]["style"] > figures["AdaIN"]["style"]]
    return Result(
        title="Style losses by name, in the optimisation that goes on from AdaIN",
        picture=drawing.sheet(rows, ["style", *row], notes),
        figures={"side": side, "steps": steps, "pairs": len(pairs), "losses": figures},
        found=f"After {steps} steps from AdaIN's result ({figures['AdaIN']['style']:.4f}) the "
        f"style loss of means and deviations is lowest by {order[0]} "
        f"({figures[order[0]]['style']:.4f}) and highest by {order[-1]} "
        f"({figures[order[-1]]['style']:.4f}); above AdaIN's: {', '.join(worse) or 'none'}.",
        paper="Gram, MRF, adversarial, histogram, CORAL, MMD and means and deviations are all "
        "effective; the last are like Gram in their results, and cleaner.",
        holds={
            "no loss that is marked fit is worse than where it began": not [
                name for name in worse if name in STYLE_LOSSES and STYLE_LOSSES[name].fit
            ]
        },
    )
