"""Figure 1: instance against batch normalisation in a network of one style."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from adain.catalog import Transfer
from adain.paper import drawing, engine, pictures
from adain.paper.drawing import Panel
from adain.paper.networks import FeedForward, Norm
from adain.paper.pictures import Named
from adain.paper.result import Result
from adain.paper.settings import Settings
from adain.training import losses
from adain.training.lossnet import LossNetwork

_STYLE, _RATE = 10.0, 1e-3
_APART = 1.1  # times as high: a gap
_NORMS = {Norm.INSTANCE: "IN", Norm.BATCH: "BN"}


def _equalised(image: Image.Image) -> Image.Image:
    """Give a photo the contrast that all have: the histogram of its luminance made even."""
    luminance, *chroma = image.convert("YCbCr").split()
    return Image.merge("YCbCr", [ImageOps.equalize(luminance), *chroma]).convert("RGB")


def _of_one_style(settings: Settings, photos: Sequence[Named], style: Named) -> list[Image.Image]:
    return [engine.paint(settings, one.image, style.image, Transfer.ADAIN) for one in photos]


def _losses(eye: LossNetwork, made: Tensor, photos: Tensor, wanted: Sequence[Tensor]) -> Tensor:
    """Content and style loss of a batch: 2."""
    seen, content = eye(made), eye(photos)[-1].detach()
    each = [one.expand(len(made), -1) for one in wanted]
    far = losses.style(eye.style(seen), each).mean(1)
    return torch.stack([losses.content(seen[-1], content).mean(), far.mean()])


def taught(
    settings: Settings, photos: Sequence[Image.Image], style: Image.Image, norm: Norm, name: str
) -> tuple[list[float], list[float]]:
    """Train a network on a style; return content and style loss by step."""
    torch.manual_seed(0)
    network = FeedForward(norm).to(settings.device).train()
    optimiser = torch.optim.Adam(network.parameters(), _RATE)
    side = settings.side_of(96, 256) // 8 * 8
    steps, batch = settings.steps_of(200, 5000), settings.count_of(4, 8)
    with torch.no_grad():
        wanted = settings.eye.style(settings.eye(pictures.unit(style, settings.device)))
    found = []
    for step in tqdm(range(steps), desc=name, leave=False):
        some = pictures.batch(photos, batch, side, f"step {step}").to(settings.device)
        both = _losses(settings.eye, network(some), some, wanted)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(both[0] + _STYLE * both[1])
        optimiser.step()
        found.append(both.tolist())
    content, far = zip(*found, strict=True)
    return list(content), list(far)


def _sets(settings: Settings, styles: Sequence[Named]) -> dict[str, list[Image.Image]]:
    """The photos as they are, of one contrast, and of one style (another than is learnt)."""
    photos = pictures.photos(settings, 1000 if settings.full else 12, settings.side_of(192, 512))
    return {
        "original": [one.image for one in photos],
        "contrast normalised": [_equalised(one.image) for one in photos],
        "style normalised": _of_one_style(settings, photos, styles[1]),
    }


def holds(first: float, second: float, third: float) -> dict[str, bool]:
    """Tell what of the paper comes out, by BN's loss over IN's in a, b and c."""
    return {
        "a, a gap on original photos": first > _APART,
        "b, a gap at equal contrast": second > _APART,
        "c, a smaller gap at equal style": third - 1 < (first - 1) / 2,
    }


def figure(settings: Settings) -> Result:
    """Figure 1 a to c."""
    styles = pictures.styles(settings, 2, settings.side_of(192, 512))
    found: dict[str, dict[str, list[float]]] = {}
    whole: dict[str, dict[str, float]] = {}
    for kind, photos in _sets(settings, styles).items():
        found[kind], whole[kind] = {}, {}
        for norm, short in _NORMS.items():
            content, far = taught(settings, photos, styles[0].image, norm, f"{kind}, {short}")
            found[kind][short] = far
            whole[kind][short] = drawing.end(content) + _STYLE * drawing.end(far)
    steps = len(found["original"]["IN"])
    panels = [
        Panel(
            kind, "step", {name: (range(steps), drawing.smooth(y)) for name, y in both.items()}, {}
        )
        for kind, both in found.items()
    ]
    ends = {
        kind: {name: drawing.end(values) for name, values in both.items()}
        for kind, both in found.items()
    }
    ratios = {kind: end["BN"] / end["IN"] for kind, end in ends.items()}
    said = "; ".join(f"{kind} IN {end['IN']:.3f}, BN {end['BN']:.3f}" for kind, end in ends.items())
    return Result(
        title="Fig. 1: instance and batch normalisation",
        picture=drawing.plot(panels),
        figures={
            "steps": steps,
            "style": styles[0].name,
            "normalised to": styles[1].name,
            "style loss": found,
            "style loss at the end": ends,
            "training loss at the end": whole,
            "BN / IN": ratios,
        },
        found=f"Style loss after {steps} steps: {said}.",
        paper="IN converges faster than BN, also when all photos have one contrast; once they "
        "have one style the gap is much smaller.",
        holds=holds(*ratios.values()),
        plot=True,
    )
