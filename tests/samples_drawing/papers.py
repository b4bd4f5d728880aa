"""Pictures on paper: a woodcut, a watercolour, ink."""

from itertools import pairwise, product

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tests.samples_drawing.paint import (
    FINE,
    SIZE,
    Array,
    blurred,
    color,
    inside,
    noise,
    over,
    palette,
    ramp,
    scattered,
    spun,
    square,
    to_array,
)


def woodcut(rng: Generator) -> Array:
    """Rows of breaking waves before a red sun, printed from three carved blocks."""
    x, y = square(SIZE)
    cream, indigo, red = palette("f4ead0 16244f c4281f")
    grain = noise(rng, SIZE, 3, 3)
    wood = 0.5 + 0.5 * np.sin(150 * (x + 0.06 * grain) + 3 * noise(rng, SIZE, 30, 2))
    print_ = np.broadcast_to(cream, (SIZE, SIZE, 3)) * 1.0
    round_ = np.hypot(x - 0.70, y - 0.22)
    print_ = over(print_, red, inside(0.13 - round_, 0.003) * (0.8 + 0.2 * wood))
    rays = np.sin(44 * np.arctan2(y - 0.22, x - 0.70)) - 0.1 + 1.6 * (round_ - 0.45)
    print_ = over(print_, palette("3a5a94")[0], inside(-rays, 0.25) * inside(round_ - 0.16))
    fine = noise(rng, SIZE, 40, 2)
    for level, near in zip(np.linspace(0.36, 1.0, 5), np.linspace(0.5, 1.5, 5), strict=True):
        phase = x / (0.46 * near) + rng.random() + 0.08 * np.sin(9 * x + 5 * level)
        curl = phase % 1  # a wave climbs slowly and falls steeply
        rise = np.where(curl < 0.72, (curl / 0.72) ** 2.2, ((1 - curl) / 0.28) ** 0.7)
        depth = (y - level + 0.15 * near * rise - 0.03 * near) / near
        cut = np.sin(2 * np.pi * (depth * 26 + 1.3 * curl + 0.25 * fine))
        thin = 0.95 - 5.5 * depth - 0.7 * rise  # carved away towards the crest
        print_ = over(print_, cream, inside(depth))
        print_ = over(print_, palette("3f6fae")[0], inside(depth - 0.035 + 0.02 * fine, 0.01) * 0.9)
        print_ = over(print_, indigo, inside(cut - thin, 0.35) * inside(depth - 0.02))
        claws = 0.022 + 0.018 * np.sin(2 * np.pi * phase * 13 + 3 * fine) * rise
        print_ = over(print_, cream, inside(claws - depth, 0.008) * inside(depth))
        line = np.minimum(np.abs(depth), np.abs(depth - claws) * 1.4) * SIZE * near
        print_ = over(print_, indigo * 0.6, np.clip(2.3 - line, 0, 1) * inside(depth + 0.01, 0.001))
    worn = inside(noise(rng, SIZE, 150, 2) - 0.1, 0.12) * (0.9 + 0.1 * wood)
    return over(np.broadcast_to(cream, print_.shape), print_, 0.3 + 0.7 * worn)


class Sheet:
    """Wet paper: pools of pigment that dry darker at their edges."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.grain = noise(rng, SIZE, 150, 2)
        self.ragged = noise(rng, SIZE, 24, 3)
        self.uneven = noise(rng, SIZE, 5, 3)
        self.density = np.zeros((SIZE, SIZE, 3))  # of pigment, so that colours multiply

    def _elsewhere(self, field: Array) -> Array:
        shift = self.rng.integers(0, SIZE, 2)
        return np.roll(field, (int(shift[0]), int(shift[1])), (0, 1))

    def _outline(self, radius: float, length: float) -> Array:
        turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        reach = np.full(60, radius)
        for k in range(2, 7):
            wave = np.cos(k * turns + self.rng.random() * 7)
            reach += radius * self.rng.normal(0, 0.22 / k) * wave
        tilt = self.rng.random() * 2 * np.pi
        return spun(np.stack([reach * np.cos(turns) * length, reach * np.sin(turns)], -1), tilt)

    def pool(
        self, spot: tuple[float, float], radius: float, paint: Array, much: float, length: float = 1
    ) -> None:
        """Let one pool of colour dry at `spot`; sizes are in widths of the sheet."""
        mask = Image.new("L", (SIZE, SIZE), 0)
        points = (self._outline(radius, length) + spot) * SIZE
        ImageDraw.Draw(mask).polygon([(x, y) for x, y in points.tolist()], 255)
        shape = blurred(to_array(mask), 5) + 0.35 * (self._elsewhere(self.ragged) - 0.5)
        wet = inside(shape - 0.5, 0.16)
        edge = np.clip(wet - blurred(wet, 7), 0, 1) * 1.5  # where the water carried the pigment
        amount = wet * (0.25 + 1.1 * self._elsewhere(self.uneven)) + edge
        amount *= (0.75 + 0.5 * self.grain) * much
        self.density -= amount[..., None] * np.log(np.clip(paint, 0.03, 0.98))

    def dry(self) -> Array:
        """Return the picture."""
        paper = color("fbf6ea") * (0.95 + 0.05 * self.grain[..., None])
        return paper * np.exp(-self.density)


def watercolour(rng: Generator) -> Array:
    """Loose flowers, wet in wet, with hard edges where the pools dried."""
    sheet = Sheet(rng)

    def anywhere() -> tuple[float, float]:
        return rng.random(), rng.random()

    washes = palette("f4d58d a8dadc f2b5a7 cdb4db b7e4c7")
    for _ in range(9):
        sheet.pool(anywhere(), 0.16 + 0.1 * rng.random(), rng.choice(washes), 0.55)
    leaves = palette("386641 6a994e 1b4332 52796f 9a8c1f")
    for _ in range(30):
        sheet.pool(anywhere(), 0.03 + 0.03 * rng.random(), rng.choice(leaves), 0.6, 2.2)
    blooms = palette("d00050 f3722c 5a189a e5383b 277da1 f9c74f c9184a")
    for at_x, at_y in np.stack(scattered(rng, 12, 0), axis=-1).tolist():
        paint, size = rng.choice(blooms), 0.045 + 0.035 * rng.random()
        for turn in (np.arange(5) * 2 * np.pi / 5 + rng.random()).tolist():
            petal = at_x + size * np.cos(turn), at_y + size * np.sin(turn)
            sheet.pool(petal, size * 0.8, paint + rng.normal(0, 0.06, 3), 0.45)
        sheet.pool((at_x, at_y), size * 0.35, color("3d1f0a"), 0.8)
    for _ in range(60):
        sheet.pool(anywhere(), 0.004 + 0.006 * rng.random(), rng.choice(blooms), 0.8)
    return sheet.dry()


def _mountain(rng: Generator, sheet: Array, level: float, height: float, black: Array) -> Array:
    """Wash a range below a ridge, fading into mist, with creases and a broken outline."""
    _, y = square(SIZE)
    hills = noise(rng, SIZE, 4, 6)
    below = y - level + height * (hills[0] + hills[-1]) / 2
    wash = np.exp(-np.clip(below, 0, 1) / 0.10) * inside(below, 0.003)
    creases = noise(rng, SIZE, 16, 4)
    brushed = inside(creases - 0.45 - 1.4 * below, 0.15) * wash
    strength = 0.4 + 1.1 * (level - 0.42)  # nearer is darker
    sheet = over(sheet, black, np.clip(strength * (wash + brushed) / 2, 0, 0.95))
    edge = np.clip(1 - np.abs(below) * SIZE / (1 + 4 * creases), 0, 1)
    return over(sheet, black, edge * strength * inside(noise(rng, SIZE, 90, 2) - 0.25, 0.3))


def _pine(rng: Generator, brush: ImageDraw.ImageDraw, x: float, y: float, tall: float) -> None:
    """Draw a pine in fine pixels, rooted at x, y: a leaning trunk, boughs full of needles."""
    climb = np.linspace(0, 1, 30)
    trunk = np.stack([x + 0.02 * np.sin(7 * climb + 9 * x) * climb, y - tall * climb], -1)
    fine = (trunk * SIZE * FINE).tolist()
    for place, (a, b) in enumerate(pairwise(fine)):
        brush.line([tuple(a), tuple(b)], 235, round(12 * (1 - place / 34)))
    for bough, side in product(np.linspace(0.3, 1, 9).tolist(), (-1, 1)):
        out = tall * 0.3 * (1.15 - bough) * (0.6 + 0.6 * rng.random())
        for t in np.linspace(0.1, 1, 12).tolist():
            root = trunk[int(bough * 29)] + [side * out * t, 0.25 * out * t**2]
            for turn in rng.normal(-np.pi / 2, 0.75, 9).tolist():
                tip = root + np.array([np.cos(turn), np.sin(turn)]) * (0.014 + 0.012 * rng.random())
                needle = np.concatenate([root, tip]) * SIZE * FINE
                brush.line(needle.tolist(), int(140 + 110 * rng.random()), 2)


def ink(rng: Generator) -> Array:
    """Mountains in mist, pines and a red sun, in black ink on raw paper."""
    x, y = square(SIZE)
    black = color("14120f")
    fibre = noise(rng, SIZE, 90, 2)
    tone = np.clip(0.5 + 0.35 * (noise(rng, SIZE, 4) - 0.5) + 0.3 * (fibre - 0.5), 0, 1)
    sheet = ramp(tone, palette("d9c49a efe3c4 f8f1df"))
    sheet = over(sheet, color("c8321f"), inside(0.07 - np.hypot(x - 0.74, y - 0.2), 0.006) * 0.85)
    for level, height in [(0.42, 0.2), (0.56, 0.24), (0.74, 0.26), (0.96, 0.22)]:
        sheet = _mountain(rng, sheet, level, height, black)
    drawing = Image.new("L", (SIZE * FINE, SIZE * FINE), 0)
    for root, ground, tall in [(0.16, 0.98, 0.55), (0.27, 1.0, 0.36), (0.90, 0.97, 0.40)]:
        _pine(rng, ImageDraw.Draw(drawing), root, ground, tall)
    pines = to_array(drawing.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    sheet = over(sheet, black, np.clip(pines + 0.35 * blurred(pines, 4), 0, 0.95))
    return sheet * (0.96 + 0.08 * fibre[..., None])
