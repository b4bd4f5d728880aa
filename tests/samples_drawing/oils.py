"""Pictures in oil: strokes that follow a flow, thick enough to catch the light."""

import numpy as np
from numpy.random import Generator

from tests.samples_drawing.paint import (
    SIZE,
    Array,
    Canvas,
    blurred,
    inside,
    looked_up,
    noise,
    over,
    palette,
    ramp,
    square,
)

WHIRLS = [(0.36, 0.34, 0.17, 2.2), (0.63, 0.49, 0.13, -2.2), (0.86, 0.15, 0.12, 1.6)]
STARS = [(0.10, 0.12), (0.25, 0.08), (0.47, 0.13), (0.66, 0.09), (0.08, 0.45), (0.72, 0.28)]
STARS += [(0.92, 0.42), (0.45, 0.58), (0.18, 0.62)]


def _night_sky(rng: Generator) -> tuple[Array, Array]:
    """Colours and angles of a wind that turns about two whirls, the stars and the moon."""
    x, y = square(SIZE)
    east, south = np.ones_like(x), 0.35 * (noise(rng, SIZE, 3, 2) - 0.5)
    foam = np.zeros_like(x)
    for at_x, at_y, reach, turn in WHIRLS + [(*star, 0.06, 1.4) for star in STARS]:
        right, down = x - at_x, y - at_y
        far = np.hypot(right, down) + 1e-6
        pull = 2.2 * turn * np.exp(-((far / reach) ** 2))
        east, south = east - pull * down / far, south + pull * right / far
        rings = 0.25 + 0.5 * np.sin(85 * far - 2 * np.arctan2(down, right) * np.sign(turn))
        foam += np.exp(-((far / reach) ** 4)) * rings * (reach > 0.1)
    angle = np.arctan2(south, east)
    banded = 0.5 + 0.5 * np.sin(16 * (y + 0.1 * noise(rng, SIZE, 4, 2)) + 5 * angle)
    light = np.clip(0.12 + 0.5 * banded + 0.3 * (y - 0.4) + 0.75 * foam, 0, 1)
    sky = ramp(light, palette("0b1a4a 14317d 1d4fa3 2f7fc1 7fb8d6 c9dcc9"))
    gold = palette("fff6c8 ffe066 f4b41a 86b6a6 2d66a8")
    for at_x, at_y, reach in [*((*star, 0.055) for star in STARS), WHIRLS[-1][:3]]:
        far = np.hypot(x - at_x, y - at_y) / reach
        sky = over(sky, ramp(np.clip(far, 0, 1), gold), np.clip(1.35 - far, 0, 1))
    return sky, angle


def night(rng: Generator) -> Array:
    """A sky of whirls over sleeping hills, in thick short strokes."""
    x, y = square(SIZE)
    scene, angle = _night_sky(rng)
    ridge = 0.72 + 0.07 * np.sin(5 * x + 0.6) + 0.03 * np.sin(13 * x)
    land = inside(y - ridge)
    depth = np.clip((y - ridge) * 4 + 0.2 * noise(rng, SIZE, 8, 2), 0, 1)
    scene = over(scene, ramp(depth, palette("2c5f8a 1b3a63 22523f 3f7048 0e2233")), land)
    angle = np.where(land > 0.5, np.arctan(0.35 * np.cos(5 * x + 0.6)), angle)
    width = 0.075 * np.clip((y - 0.18) / 0.8, 0, 1) ** 0.8 * (1 + 0.25 * np.sin(38 * y + 9 * x))
    cypress = inside(width - np.abs(x - 0.17 - 0.02 * np.sin(9 * y)))
    scene = over(scene, ramp(noise(rng, SIZE, 20), palette("07120f 12281c 2f4a25 5a4a1f")), cypress)
    angle = np.where(cypress > 0.5, -np.pi / 2 + 0.5 * np.sin(30 * y), angle)
    canvas, flow = Canvas(scene * 0.6), looked_up(angle)
    canvas.fill(rng, scene, flow, 1400, 15, 0.10, 0.05)
    canvas.fill(rng, scene, flow, 4200, 7.5, 0.07, 0.06)
    canvas.fill(rng, scene * 1.08, flow, 4200, 4, 0.05, 0.08)
    return canvas.finished(0.6)


def fjord(rng: Generator) -> Array:
    """A burning sky over dark water, in long winding lines."""
    x, y = square(SIZE)
    bend = 0.10 * np.sin(7 * x + 1) + 0.12 * (noise(rng, SIZE, 3, 2) - 0.5)
    sky = ramp(
        np.clip(0.5 + 0.5 * np.sin(34 * (y + 0.5 * bend) + 3 * x), 0, 1),
        palette("7a1410 c42a14 ea5a1c f58a1f fbb23a f9dc7a"),
    )
    swirl = np.hypot((x - 0.42) * 0.8, y - 0.66 + bend)
    water = ramp(
        0.5 + 0.5 * np.sin(46 * swirl + 2 * x), palette("08162c 0f3350 1d5a66 d9792b f0b048 10223f")
    )
    shore = 0.55 + 0.10 * np.sin(4 * x + 2.4) + 0.03 * np.sin(11 * x)
    land = ramp(
        np.clip(0.5 + 0.5 * np.sin(50 * (x + y) + 8 * bend), 0, 1),
        palette("2a0f12 6b1d18 b23a1a e0762a 3a1a22"),
    )
    bank = inside(y - 1.12 + 0.62 * x + 0.06 * np.sin(12 * y))
    scene = over(over(sky, water, inside(y - shore)), land, bank)
    smooth = np.stack([blurred(channel, 1.5) for channel in np.moveaxis(scene, -1, 0)], axis=-1)
    along = [np.gradient(level) for level in (34 * (y + 0.5 * bend) + 3 * x, swirl)]
    angle = np.where(y < shore, *(np.arctan(-right / (down + 1e-9)) for down, right in along))
    angle = np.where(bank > 0.5, -0.75 + 0.3 * np.sin(9 * y), angle)
    canvas, flow = Canvas(scene * 0.7), looked_up(angle)
    canvas.fill(rng, smooth, flow, 900, 14, 0.24, 0.04)
    canvas.fill(rng, smooth, flow, 2400, 6, 0.26, 0.07)
    canvas.fill(rng, smooth * 1.05, flow, 1500, 2.6, 0.22, 0.10)
    return canvas.finished(0.35)


def meadow(rng: Generator) -> Array:
    """Poppies in ripe wheat under a windy sky, laid on with a palette knife."""
    x, y = square(SIZE)
    clouds = noise(rng, SIZE, 4, 4)
    sky = ramp(
        np.clip(clouds * 1.2 - 0.25 * y, 0, 1), palette("3f8f9f 6fb7b0 a9d3b4 e9e2a0 f7efc4 f3cf7a")
    )
    far = ramp(noise(rng, SIZE, 14), palette("2a5a4a 3f7a4a 7f9a3c c2b040"))
    near = ramp(noise(rng, SIZE, 30), palette("5a6b1a 8f9a22 d9a514 f2c21a f9dc4a c98a12"))
    scene = over(sky, far, inside(y - 0.27 - 0.03 * np.sin(9 * x) - 0.05 * noise(rng, SIZE, 12, 2)))
    scene = over(scene, near, inside(y - 0.36 + 0.05 * np.sin(4 * x)))
    angle = np.where(y < 0.28, 0.5 * np.sin(6 * x + 8 * clouds), -1.35 + 0.7 * noise(rng, SIZE, 6))
    canvas, flow = Canvas(scene * 0.75), looked_up(angle)
    canvas.fill(rng, scene, flow, 1100, 20, 0.07, 0.06)
    canvas.fill(rng, scene, flow, 2400, 10, 0.05, 0.07)
    flowers = palette("d7261e e8412c f26b3a b5121b 2f6f3a fff3b0 ffffff 9a2a10")
    chance = np.array([0.28, 0.2, 0.12, 0.12, 0.1, 0.07, 0.06, 0.05])
    at_x, at_y = rng.random(260), 0.37 + 0.63 * rng.random(260) ** 0.8
    for spot_x, spot_y in sorted(zip(at_x, at_y, strict=True), key=lambda spot: spot[1]):
        near_by = (spot_y - 0.32) / 0.68
        paint = flowers[rng.choice(len(flowers), p=chance)]
        for _ in range(4):
            turn = rng.random() * 2 * np.pi
            ends = np.outer(np.linspace(-1, 1, 5), [np.cos(turn), 0.7 * np.sin(turn)])
            path = [spot_x, spot_y] + 0.003 * rng.normal(size=2) + ends * (0.006 + 0.017 * near_by)
            canvas.stroke(rng, path, 3 + 9 * near_by, paint + rng.normal(0, 0.05), 0.06)
    return canvas.finished(0.8)


def discs(rng: Generator) -> Array:
    """Rings and wedges of pure colour turning about a few suns."""
    x, y = square(SIZE)
    suns = np.array([(0.32, 0.34), (0.74, 0.66), (0.80, 0.14), (0.14, 0.84), (0.50, 1.04)])
    reach = np.array([0.42, 0.40, 0.22, 0.26, 0.24])
    colors = palette(
        "e0218a f15bb5 9b2fae 5a189a 2a0a4a 00a6a6 3fd0c9 0b5563 f9e04c ffb3d1 c77dff 14081f"
    )
    far = np.stack([np.hypot(x - a, y - b) for a, b in suns])
    nearest = (far / reach[:, None, None]).argmin(axis=0)
    away = np.take_along_axis(far / reach[:, None, None], nearest[None], axis=0)[0]
    turn = np.arctan2(y - suns[nearest, 1], x - suns[nearest, 0])
    ring = np.floor(away * 6.5).astype(int)
    wedge = np.floor((turn + nearest + 0.35 * ring) / (2 * np.pi) * np.where(ring < 2, 4, 8))
    chosen = rng.integers(0, len(colors), (len(suns), 60, 60))
    scene = colors[chosen[nearest, ring % 60, wedge.astype(int) % 60]]
    for _ in range(7):  # straight planes cut across the rings
        slope = rng.random() * np.pi
        side = (x - rng.random()) * np.cos(slope) + (y - rng.random()) * np.sin(slope)
        band = (side > 0) & (side < 0.05 + 0.08 * rng.random())
        scene = over(scene, rng.choice(colors), 0.4 * band)
    scene *= 0.82 + 0.34 * ((away * 6.5) % 1)[..., None]
    canvas, flow = Canvas(scene), looked_up(turn + np.pi / 2)
    canvas.fill(rng, scene, flow, 2600, 11, 0.045, 0.035)
    canvas.fill(rng, scene, flow, 7000, 5, 0.03, 0.05)
    return canvas.finished(0.45)
