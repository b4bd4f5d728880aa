"""What a painter has at hand: grain, flow, a loaded brush, light on thick paint.

Knows no picture; `draw.py` composes with it. Pictures are H×W×3 float arrays in [0, 1],
fields H×W; x runs right, y down, both from 0 to 1 over a square canvas.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float64]
Flow = Callable[[Array, Array], Array]  # x, y → angle in radians
SIZE = 512  # pixels a side: what the network looks at by default
FINE = 2  # strokes are drawn at twice the size, so that a bristle may be half a pixel


def color(code: str) -> Array:
    """`"e9c46a"` → three floats."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)])


def palette(codes: str) -> Array:
    """Hex colours parted by spaces → N×3."""
    return np.stack([color(code) for code in codes.split()])


def rgb(paint: Array) -> tuple[int, int, int]:
    """One colour as Pillow's drawing takes it."""
    red, green, blue = (np.clip(paint, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def ramp(values: Array, colors: Array) -> Array:
    """Values in [0, 1] → colours, going evenly through the N×3 `colors`."""
    stops = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(values, stops, channel) for channel in colors.T], axis=-1)


def to_image(picture: Array) -> Image.Image:
    """H×W×3 floats → an RGB image; H×W → a grey one."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))


def to_array(image: Image.Image) -> Array:
    """The way back."""
    return np.asarray(image, dtype=np.float64) / 255


def resized(field: Array, size: int) -> Array:
    """Bicubic, to size×size."""
    image = Image.fromarray(field.astype(np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)


def blurred(field: Array, radius: float) -> Array:
    """Gaussian blur of an H×W field in [0, 1]."""
    return to_array(to_image(field).filter(ImageFilter.GaussianBlur(radius)))


def noise(rng: Generator, size: int, cells: int, octaves: int = 4) -> Array:
    """Smooth noise in [0, 1]: `cells` hills across, then finer ones at half the height each."""
    total = np.zeros((size, size))
    for octave in range(octaves):
        side = min(cells * 2**octave, size) + 3
        total += resized(rng.random((side, side)), size) / 2**octave
    low, high = np.quantile(total, [0.01, 0.99])
    hills: Array = np.clip((total - low) / (high - low), 0, 1)
    return hills


def square(size: int) -> tuple[Array, Array]:
    """X and y of every pixel's middle, each size×size."""
    line = (np.arange(size) + 0.5) / size
    return np.broadcast_to(line, (size, size)), np.broadcast_to(line[:, None], (size, size))


def looked_up(field: Array) -> Callable[[Array, Array], Array]:
    """Make a function of x and y from a field or a picture; outside counts as the border."""
    size = len(field)

    def at(x: Array, y: Array) -> Array:
        columns = np.clip((x * size).astype(int), 0, size - 1)
        rows = np.clip((y * size).astype(int), 0, size - 1)
        found: Array = field[rows, columns]
        return found

    return at


def scattered(rng: Generator, count: int, margin: float = 0.03) -> tuple[Array, Array]:
    """About `count` points in random order that leave no hole: a jittered grid."""
    side = int(np.ceil(count**0.5))
    y, x = (np.mgrid[0:side, 0:side] + rng.random((2, side, side))) / side
    order = rng.permutation(side * side)
    spread = 1 + 2 * margin
    return x.ravel()[order] * spread - margin, y.ravel()[order] * spread - margin


def followed(flow: Flow, x: Array, y: Array, length: Array, steps: int = 10) -> Array:
    """Walk N points along a flow, half forward, half back: N×steps×2."""
    halves = []
    for sign in (-1, 1):
        at_x, at_y, walked = x.copy(), y.copy(), []
        for _ in range(steps // 2):
            angle = flow(at_x, at_y)
            at_x = at_x + sign * np.cos(angle) * length / steps
            at_y = at_y + sign * np.sin(angle) * length / steps
            walked.append(np.stack([at_x, at_y], axis=-1))
        halves.append(walked)
    return np.stack([*halves[0][::-1], *halves[1]], axis=1)


def over(below: Array, above: Array, coverage: Array) -> Array:
    """Lay a colour or picture over another where `cover` (H×W) is 1."""
    laid: Array = below + (above - below) * coverage[..., None]
    return laid


def inside(field: Array, soft: float = 0.004) -> Array:
    """0 where the field is negative, 1 where positive, a ramp `soft` wide between."""
    return np.clip(field / soft + 0.5, 0, 1)


def spun(points: Array, angle: float) -> Array:
    """Turn N×2 points about the origin, clockwise as seen."""
    along = np.array([np.cos(angle), np.sin(angle)])
    turned: Array = points @ np.stack([along, along[::-1] * [-1, 1]])
    return turned


def lit(picture: Array, height: Array, strength: float) -> Array:
    """Light a surface of H×W heights from the upper left, so that it shines a little."""
    down, right = np.gradient(height, axis=0), np.gradient(height, axis=1)
    light = np.clip((right + down) * strength, -0.22, 0.3)[..., None]
    return picture * (1 + light) + np.clip(light, 0, 1) * 0.15


class Canvas:
    """Oil on canvas: a colour and a thickness everywhere."""

    def __init__(self, ground: Array) -> None:
        side = len(ground) * FINE
        self.size = len(ground)
        self.paint = to_image(ground).resize((side, side), Image.Resampling.BICUBIC)
        self.relief = Image.new("L", (side, side), 100)
        self._brush = ImageDraw.Draw(self.paint)
        self._knife = ImageDraw.Draw(self.relief)

    def stroke(self, rng: Generator, path: Array, width: float, paint: Array, mixed: float) -> None:
        """Draw one stroke along P×2 points; `width` is in pixels of the picture.

        Each bristle keeps a colour of its own, off by `mixed`, lifts early or late, and the
        paint it pushes aside stands higher at the edges of the stroke.
        """
        points = path * self.size * FINE
        along = np.gradient(points, axis=0)
        across = along[:, ::-1] * [-1, 1] / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
        pressure = np.sin(np.linspace(0.35, 2.8, len(points))) ** 0.6
        reach = width * FINE / 2 * pressure[:, None]
        bristles = max(3, round(width * 1.1))
        for place in np.linspace(-1, 1, bristles):
            first = int(rng.random() * 2.2)
            last = len(points) - int(rng.random() * 2.2)
            wobble = rng.normal(0, 0.6)
            line = (points + across * (reach * place + wobble))[first:last]
            own = paint + rng.normal(0, mixed) + rng.normal(0, mixed / 3, 3)
            height = 110 + 70 * abs(place) + rng.normal(0, 25)
            flat = [tuple(point) for point in line.tolist()]
            thick = max(1, round(width * FINE / bristles * (1.3 + 0.5 * rng.random())))
            self._brush.line(flat, rgb(own), thick, joint="curve")
            self._knife.line(flat, int(np.clip(height, 0, 255)), thick, joint="curve")

    def fill(
        self,
        rng: Generator,
        picture: Array,
        flow: Flow,
        count: int,
        width: float,
        length: float,
        mixed: float = 0.05,
    ) -> None:
        """Repaint a picture in strokes that follow a flow; `length` is in canvas widths."""
        x, y = scattered(rng, count)
        lengths = length * np.exp(rng.normal(0, 0.25, len(x)))
        widths = width * np.exp(rng.normal(0, 0.25, len(x)))
        colors = looked_up(picture)(x, y)
        for path, wide, paint in zip(followed(flow, x, y, lengths), widths, colors, strict=True):
            shade = rng.normal(0, mixed) + rng.normal(0, mixed * 0.7, 3)
            self.stroke(rng, path, wide, paint + shade, mixed)

    def finished(self, thickness: float = 0.5) -> Array:
        """Return the picture under a light from the upper left."""
        height = to_array(self.relief.filter(ImageFilter.GaussianBlur(1)))
        shining = to_image(lit(to_array(self.paint), height, thickness * 4))
        small = shining.resize((self.size, self.size), Image.Resampling.LANCZOS)
        return to_array(small)
