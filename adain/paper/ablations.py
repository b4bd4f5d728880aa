"""Figures 5 and 6: concatenation in place of AdaIN, and normalisation in the decoder."""

from dataclasses import dataclass
from functools import cache

import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from adain.model.moments import Statistics, statistics
from adain.model.transfer import adain
from adain.paper import drawing, engine, pictures
from adain.paper.drawing import Panel
from adain.paper.networks import Decoder, Norm
from adain.paper.pictures import Named
from adain.paper.result import Result
from adain.paper.settings import Settings
from adain.training import losses

_STYLE, _RATE = 10.0, 1e-3
_DRAWN = 24  # style pictures by rule beside the folder's
_SHOWN = 3  # pairs on the sheet


@dataclass(frozen=True)
class Kind:
    """One of the paper's networks: encoder, what joins content and style, decoder."""

    name: str
    concatenates: bool
    norm: Norm


KINDS = (
    Kind("Enc-AdaIN-Dec", False, Norm.NONE),
    Kind("Enc-Concat-Dec", True, Norm.NONE),
    Kind("Enc-AdaIN-BNDec", False, Norm.BATCH),
    Kind("Enc-AdaIN-INDec", False, Norm.INSTANCE),
)


def joined(kind: Kind, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """What the decoder is given, and the target: AdaIN of both."""
    measured = statistics(style)
    target = adain(content, Statistics(measured.mean[:, None], measured.std[:, None]))
    return (torch.cat([content, style], 1) if kind.concatenates else target), target


@dataclass(frozen=True)
class Taught:
    """A trained decoder, and its losses by step."""

    decoder: nn.Module
    content: list[float]
    style: list[float]


def _folders(settings: Settings) -> tuple[list[Image.Image], list[Image.Image]]:
    side = settings.side_of(192, 512)
    photos = pictures.photos(settings, 5000, side)
    styles = [*pictures.styles(settings, 5000, side), *pictures.drawn(_DRAWN, side)]
    return [one.image for one in photos], [one.image for one in styles]


@torch.no_grad()
def _loudness(settings: Settings, photos: list[Image.Image]) -> float:
    """Root mean square of relu4_1 in some photos."""
    some = pictures.batch(photos, 4, 64, "loudness").to(settings.device)
    return float(settings.eye(some)[-1].square().mean().sqrt())


def taught(
    settings: Settings, kind: Kind, photos: list[Image.Image], styles: list[Image.Image]
) -> Taught:
    """Train a decoder from random weights; the encoder is the loss network."""
    torch.manual_seed(0)
    eye = settings.eye
    channels = eye.convs["41"].out_channels
    loudness = _loudness(settings, photos)
    decoder = Decoder(channels, channels * (1 + kind.concatenates), kind.norm, loudness)
    decoder.to(settings.device)
    optimiser = torch.optim.Adam(decoder.parameters(), _RATE)
    side = settings.side_of(96, 256) // 8 * 8
    steps, batch = settings.steps_of(300, 20_000), settings.count_of(4, 8)
    found = []
    for step in tqdm(range(steps), desc=kind.name, leave=False):
        photo = pictures.batch(photos, batch, side, f"photo {step}").to(settings.device)
        style = pictures.batch(styles, batch, side, f"style {step}").to(settings.device)
        with torch.no_grad():
            wanted = eye(style)
            given, target = joined(kind, eye(photo)[-1], wanted[-1])
        seen = eye(decoder(given))
        content = (seen[-1] - target).square().mean() / target.var()
        far = losses.style(eye.style(seen), eye.style(wanted)).mean()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(content + _STYLE * far)
        optimiser.step()
        found.append((content.item(), far.item()))
    contents, fars = zip(*found, strict=True)
    return Taught(decoder, list(contents), list(fars))


@cache
def _all(settings: Settings) -> dict[str, Taught]:
    """Train one of each; figures 5 and 6 show the same ones."""
    photos, styles = _folders(settings)
    return {kind.name: taught(settings, kind, photos, styles) for kind in KINDS}


@torch.no_grad()
def _painted(
    settings: Settings, kind: Kind, decoder: nn.Module, photo: Named, style: Named
) -> Image.Image:
    """Paint with a trained decoder."""
    eye, device = settings.eye, settings.device
    content, its = (eye(pictures.unit(one.image, device))[-1] for one in (photo, style))
    return pictures.shown(decoder.eval()(joined(kind, content, its)[0]))


def _ends(found: dict[str, Taught]) -> dict[str, dict[str, float]]:
    """Mean losses over the last steps."""
    return {
        name: {"content": drawing.end(one.content), "style": drawing.end(one.style)}
        for name, one in found.items()
    }


def holds(ends: dict[str, dict[str, float]]) -> dict[str, bool]:
    """Whether the paper's findings come out."""
    ours, concat = ends["Enc-AdaIN-Dec"], ends["Enc-Concat-Dec"]
    norms = [ends["Enc-AdaIN-BNDec"], ends["Enc-AdaIN-INDec"]]

    def whole(one: dict[str, float]) -> float:
        return one["content"] + _STYLE * one["style"]

    return {
        "concatenation keeps a higher content loss": concat["content"] > ours["content"],
        "concatenation reaches a low style loss": concat["style"] < 1.5 * ours["style"],
        "BN in the decoder has higher losses": whole(norms[0]) > whole(ours),
        "IN in the decoder has higher losses": whole(norms[1]) > whole(ours),
        "IN is the worst": whole(norms[1]) == max(map(whole, ends.values())),
    }


def _said(ends: dict[str, dict[str, float]]) -> str:
    return "; ".join(
        f"{name} content {end['content']:.3f}, style {end['style']:.4f}"
        for name, end in ends.items()
    )


_PAPER = (
    "concatenation reaches a low style loss but not a low content loss; decoders with BN or IN "
    "have higher losses than one without, IN the highest."
)


def training(settings: Settings) -> Result:
    """Figure 6: losses by step."""
    found = _all(settings)
    steps = len(next(iter(found.values())).content)
    panels = [
        Panel(
            f"{kind} loss",
            "step",
            {
                name: (range(steps), drawing.smooth(getattr(one, kind)))
                for name, one in found.items()
            },
            {},
        )
        for kind in ("content", "style")
    ]
    ends = _ends(found)
    return Result(
        title="Fig. 6: concatenation, and normalisation in the decoder, while training",
        picture=drawing.plot(panels),
        figures={
            "steps": steps,
            "at the end": ends,
            "content": {name: one.content for name, one in found.items()},
            "style": {name: one.style for name, one in found.items()},
        },
        found=f"After {steps} steps: {_said(ends)}.",
        paper=_PAPER,
        holds=holds(ends),
        plot=True,
    )


def results(settings: Settings) -> Result:
    """Figure 5: pictures by the four."""
    found, side = _all(settings), settings.side_of(192, 512) // 8 * 8
    photos, styles = (kind(settings, _SHOWN, side) for kind in (pictures.photos, pictures.styles))
    rows, notes = [], []
    mean = {kind.name: [0.0, 0.0] for kind in KINDS}
    for photo, style in zip(photos, styles, strict=False):
        rows.append([photo.image, style.image])
        notes.append([photo.name, style.name])
        for kind in KINDS:
            made = _painted(settings, kind, found[kind.name].decoder, photo, style)
            own = engine.content_loss(settings, made, photo.image)
            far = engine.style_loss(settings, made, style.image)
            mean[kind.name] = [mean[kind.name][0] + own, mean[kind.name][1] + far]
            rows[-1].append(made)
            notes[-1].append(f"content {own:.2f}, style {far:.3f}")
    means = {
        name: {"content": one[0] / len(rows), "style": one[1] / len(rows)}
        for name, one in mean.items()
    }
    columns = ["photo", "style", *mean]
    return Result(
        title="Fig. 5: concatenation, and normalisation in the decoder",
        picture=drawing.sheet(rows, columns, notes),
        figures={"of the pictures shown": means, "at the end of training": _ends(found)},
        found=f"Of the {len(rows)} pairs shown: {_said(means)}.",
        paper="with concatenation the style picture's contours show; with BN or IN in the decoder "
        "pictures are worse, with IN the most.",
        holds={
            "concatenation loses more content": means["Enc-Concat-Dec"]["content"]
            > means["Enc-AdaIN-Dec"]["content"],
            "IN in the decoder misses the style": means["Enc-AdaIN-INDec"]["style"]
            > 1.5 * means["Enc-AdaIN-Dec"]["style"],
        },
    )
