"""A taught style as one file: a network's weights, or scales and shifts, and its paintings.

The paintings lie in it as small JPEGs, since every control that takes a style picture takes them.
A file is safetensors: reading one runs no code in it.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from adain import catalog, color, devices, weights
from adain.catalog import TaughtKind
from adain.files import pictures
from adain.model.builders import build
from adain.model.moments import Moments
from adain.model.network import Network
from adain.request import USUAL, Style
from adain.stylizer import FOLDER, Stylizer, style_pixels
from adain.weights import State, WeightsError

KEPT_PIXELS = 1 << 20  # of a painting in the file; a side counts as 64 at least
_LONGEST = 1 << 20  # bytes of what a file says of itself
_NETWORK, _ROW, _PAINTING = "network.", "row.", "painting."
_NONE = "This is no taught style; `python -m adain teach` makes one."


@dataclass(frozen=True)
class Taught:
    """What was taught: one of `weights` and `rows` is there, by its kind."""

    kind: TaughtKind
    network: str  # the name of the network that was taught
    base: str  # the sha256 of the weights it was taught from
    steps: int
    grain: float  # the deviation of the network's noise
    weights: State  # of a network of one style
    rows: Sequence[Sequence[Moments]]  # by painting and level: scales and shifts
    paintings: Sequence[bytes]  # JPEGs


def small(painting: Image.Image) -> bytes:
    """Return a painting as it is kept: a JPEG, its shorter side of `USUAL` pixels at most.

    Of `KEPT_PIXELS` at most, so that a strip is no longer than a JPEG can be.
    """
    image, out = pictures.rgb(painting), io.BytesIO()
    image = pictures.scaled(image, min(USUAL, *image.size))
    pictures.within(image, KEPT_PIXELS).save(out, "JPEG", quality=92)
    return out.getvalue()


def write(taught: Taught) -> bytes:
    """Return the file of a taught style; weights as 16-bit numbers."""
    tensors = {_NETWORK + name: value.half() for name, value in taught.weights.items()}
    for place, levels in enumerate(taught.rows):
        for level, moments in enumerate(levels):
            tensors[f"{_ROW}{place}.{level}.mean"] = moments.mean.float()
            tensors[f"{_ROW}{place}.{level}.spread"] = moments.spread.float()
    for place, jpeg in enumerate(taught.paintings):
        tensors[f"{_PAINTING}{place}"] = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
    about = {
        "kind": taught.kind.value,
        "network": taught.network,
        "base": taught.base,
        "steps": str(taught.steps),
        weights.GRAIN: f"{taught.grain:g}",
    }
    return save({name: value.cpu().contiguous() for name, value in tensors.items()}, about)


def _about(data: bytes) -> dict[str, str]:
    """Return what a safetensors file says of itself: its head is JSON after its length."""
    length = int.from_bytes(data[:8], "little")
    if length > _LONGEST:
        raise ValueError("too long")
    about = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return {str(name): str(value) for name, value in about.items()}


def _rows(tensors: State) -> list[list[Moments]]:
    found: dict[tuple[int, int], dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(_ROW):
            place, level, part = name.removeprefix(_ROW).split(".")
            found.setdefault((int(place), int(level)), {})[part] = value
    rows: dict[int, list[Moments]] = {}
    for (row, _), parts in sorted(found.items(), key=lambda one: one[0]):
        rows.setdefault(row, []).append(Moments(parts["mean"], parts["spread"]))
    return list(rows.values())


def _paintings(tensors: State) -> list[bytes]:
    count = sum(name.startswith(_PAINTING) for name in tensors)
    return [tensors[f"{_PAINTING}{place}"].numpy().tobytes() for place in range(count)]


def _read(data: bytes) -> Taught:
    about, tensors = _about(data), load(data)
    start = len(_NETWORK)
    return Taught(
        kind=TaughtKind(about["kind"]),
        network=about["network"],
        base=about["base"],
        steps=int(about["steps"]),
        grain=float(about[weights.GRAIN]),
        weights={name[start:]: one for name, one in tensors.items() if name.startswith(_NETWORK)},
        rows=_rows(tensors),
        paintings=_paintings(tensors),
    )


def _fits(taught: Taught, model: Network) -> bool:
    """Tell whether a file has what its kind has, in the network's shapes, of finite numbers."""
    rows, count = taught.rows, len(taught.paintings)
    values = [*taught.weights.values(), *(x for row in rows for one in row for x in one)]
    if not 1 <= count <= catalog.MOST_PAINTINGS or not 0 <= taught.grain <= 10:
        return False
    if not all(bool(torch.isfinite(value).all()) for value in values):
        return False
    if taught.kind == TaughtKind.FEEDFORWARD:
        wanted = {name: value.shape for name, value in model.state_dict().items()}
        return wanted == {name: value.shape for name, value in taught.weights.items()}
    each = [[one.mean.shape for one in row] for row in rows]
    return each == [[(channels,) for channels in model.channels]] * count


def read(data: bytes) -> Taught:
    """Read a taught style; raises `WeightsError` for what is none."""
    try:
        taught = _read(data)
        with torch.device("meta"):
            fits = _fits(taught, build(taught.network))
    except (ValueError, KeyError, IndexError, AttributeError, SafetensorError) as error:
        raise WeightsError(_NONE) from error
    if not fits:
        raise WeightsError(_NONE)
    return taught


class TaughtStylizer(Stylizer):
    """A stylizer of a taught style; `paintings` are what it was taught on.

    `rows` are their scales and shifts where those were taught, else none: the network measures
    their pictures as any other's.
    """

    def __init__(self, taught: Taught, digest: str, model: Network, device: torch.device) -> None:
        super().__init__(model, taught.network, digest, device)
        self.kind = taught.kind
        self.paintings = [
            Image.open(io.BytesIO(jpeg), formats=["JPEG"]) for jpeg in taught.paintings
        ]
        self.rows: list[Style] = []
        self.known: dict[str, Style] = {}  # of these, by what its user knows paintings by
        for row, painting in zip(taught.rows, self.paintings, strict=False):
            colourful = color.chroma(style_pixels(painting, 0)[0])
            self.rows.append(Style(self.name, tuple(row), colourful))


def stylizer(data: bytes, folder: Path = FOLDER, device: str = "auto") -> TaughtStylizer:
    """Return what paints in a taught style; `folder` has the weights of networks.

    Raises `WeightsError`, ValueError for a device that is not there.
    """
    taught = read(data)
    if taught.kind == TaughtKind.FEEDFORWARD:
        model = build(taught.network)
        model.set_grain(taught.grain)
        model.load_state_dict({name: value.float() for name, value in taught.weights.items()})
        model = model.eval().requires_grad_(False)
    else:
        model, found = weights.load(taught.network, folder)
        if found.sha256 != taught.base:
            raise WeightsError(
                f"This style was taught with other weights of {taught.network} than are here."
            )
    return TaughtStylizer(taught, sha256(data).hexdigest(), model, devices.of(device))


def check_network(name: str) -> None:
    """Raise ValueError for a network that can't be taught a style."""
    if catalog.network(name).fixed_encoder:
        raise ValueError(f"The network {name} can't be taught a style.")
