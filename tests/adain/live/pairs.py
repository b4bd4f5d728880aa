"""What the browser's engine has to paint as `adain` does, and how that is compared."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from adain.files import samples
from adain.live import build, packed
from adain.request import Request
from adain.stylizer import Stylizer
from adain.weights import SHIPPED

STATIC = Path(__file__).parents[3] / "web" / "static" / "engine"
CODES = tuple(build.VARIANTS)
MOST = 1  # of 255, in any channel of any pixel

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """A photo of the samples at some size, and the styles it is painted in."""

    photo: str
    styles: tuple[str, ...]
    size: tuple[int, int]
    alpha: float = 1.0
    shares: tuple[float, ...] = (1.0,)
    style_size: tuple[int, int] = (256, 256)
    grey: bool = False

    def request(self) -> Request:
        styles = [self._picture("styles", name, self.style_size) for name in self.styles]
        photo = self._picture("photos", self.photo, self.size)
        return Request(photo, styles, self.shares, alpha=self.alpha, size=0)

    def _picture(self, kind: str, name: str, size: tuple[int, int]) -> Image.Image:
        file = samples.file(kind, name)
        assert file is not None
        with Image.open(file) as opened:
            picture = opened.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        return ImageOps.grayscale(picture).convert("RGB") if self.grey else picture


PAIRS = [
    Pair("cat", ("watercolour",), (320, 240)),
    Pair("astronaut", ("mosaic",), (251, 187), style_size=(300, 211)),
    Pair("coffee", ("night", "ink"), (200, 200), shares=(0.7, 0.3)),
    Pair("rocket", ("delft",), (144, 260), alpha=0.6),
    Pair("raccoon", ("woodcut", "fjord", "poster", "linocut"), (133, 90), 0.35, (4, 3, 2, 1)),
    Pair("photographer", ("pencil",), (160, 120), grey=True),
]
TINY = Pair("cat", ("ink",), (9, 17), style_size=(40, 21))
LARGE = Pair("raccoon", ("fjord",), (512, 512))


def array(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"))


def rgba(image: Image.Image) -> bytes:
    return image.convert("RGBA").tobytes()


@dataclass
class Tasks:
    """Pairs as files, for the engine's script under node."""

    folder: Path
    names: list[str] = field(default_factory=list)

    def _written(self, image: Image.Image) -> dict[str, Any]:
        name = f"{len(self.names)}.rgba"
        self.names.append(name)
        (self.folder / name).write_bytes(rgba(image))
        return {"file": name, "width": image.width, "height": image.height}

    def _task(self, place: int, pair: Pair) -> dict[str, Any]:
        asked = pair.request()
        styles = [self._written(one) for one in asked.styles if isinstance(one, Image.Image)]
        photo, out = self._written(asked.content), f"{place}.out"
        return {"photo": photo, "styles": styles, "shares": pair.shares} | {
            "alpha": pair.alpha,
            "out": out,
        }

    def write(self, code: Path, pairs: list[Pair]) -> None:
        network = self.folder / "network"
        network.write_bytes(packed.packed("compact", SHIPPED / "compact.safetensors"))
        tasks = [self._task(place, pair) for place, pair in enumerate(pairs)]
        files = {"script": STATIC / "engine.js", "code": code, "network": network}
        asked = {name: str(file) for name, file in files.items()} | {"tasks": tasks}
        (self.folder / "tasks.json").write_text(json.dumps(asked))

    def made(self, place: int, pair: Pair) -> Pixels:
        return painted((self.folder / f"{place}.out").read_bytes(), pair)


def painted(data: bytes, pair: Pair) -> Pixels:
    """Return what came out as RGB; it is opaque."""
    width, height = pair.size
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, 4)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3]


def expected(stylizer: Stylizer, pair: Pair) -> Pixels:
    """Return what `adain` paints in float32."""
    [image] = stylizer.stylize([pair.request()])
    return array(image)


def apart(one: Pixels, other: Pixels) -> int:
    """The largest difference of any channel of any pixel."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())
