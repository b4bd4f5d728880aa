"""Pictures from carved blocks, screens and pencils: lines and flats of few colours."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tests.samples_drawing.paint import (
    FINE,
    SIZE,
    Array,
    Flow,
    blurred,
    color,
    followed,
    inside,
    looked_up,
    noise,
    over,
    palette,
    ramp,
    rgb,
    scattered,
    square,
    to_array,
)

SIDE = SIZE * FINE
GREY = np.array([0.3, 0.59, 0.11])


def _outline(path: Array, width: float, rng: Generator) -> list[tuple[float, float]]:
    """Return a mark along P×2 points, thick at one third and pointed at its ends."""
    points = path * SIDE
    along = np.gradient(points, axis=0)
    across = along[:, ::-1] * [-1, 1] / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    shape = np.sin(np.linspace(0.05, 1, len(points)) ** 0.7 * np.pi)[:, None]
    half = across * shape * width * FINE / 2 * (0.7 + 0.6 * rng.random())
    return [(x, y) for x, y in [*(points + half).tolist(), *(points - half)[::-1].tolist()]]


def _carved(
    rng: Generator, tone: Array, flow: Flow, count: int, length: float, width: float
) -> Array:
    """Return where a block prints: cut with a gouge along a flow, the more the lighter."""
    block = Image.new("L", (SIDE, SIDE), 255)
    knife = ImageDraw.Draw(block)
    x, y = scattered(rng, count)
    light = looked_up(tone)(x, y)
    cut = light > 0.12 + 0.5 * rng.random(len(x))
    lengths = length * np.exp(rng.normal(0, 0.25, len(x)))
    each = zip(followed(flow, x[cut], y[cut], lengths[cut]), light[cut], strict=True)
    for path, bright in each:
        knife.polygon(_outline(path, width * (0.35 + bright), rng), 0)
    return to_array(block.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _valley(rng: Generator) -> tuple[Array, Array]:
    """Tone and angle of a sun over mountains, a river and ploughed fields, a tree in front."""
    x, y = square(SIZE)
    far = np.hypot(x - 0.66, y - 0.24)
    tone = np.clip(1.1 - 0.9 * far - 0.2 * y, 0, 1)
    angle = np.arctan2(y - 0.24, x - 0.66)
    ridges = [(0.42, 0.10, 5.0, 0.3), (0.52, 0.07, 3.4, 2.1), (0.66, 0.06, 2.6, 4.2)]
    ridges += [(0.82, 0.07, 2.2, 0.9)]
    for place, (level, height, waves, phase) in enumerate(ridges):
        ridge = level + height * np.sin(waves * 2 * x + phase) + 0.02 * np.sin(19 * x + 3 * phase)
        below, land = y - ridge, inside(y - ridge)
        slope = [0.9, -0.7, 0.35, -0.2][place] + 1.2 * np.cos(waves * 2 * x + phase)
        lit = [0.45, 0.75, 0.5, 0.85][place] - 1.4 * below + 0.25 * np.sin(waves * 4 * x)
        lit = lit * (0.2 + 0.8 * inside(below - 0.012, 0.01))
        tone = over(tone[..., None], np.clip(lit, 0, 1)[..., None], land)[..., 0]
        angle = np.where(land > 0.5, slope * (0.6 if place else 1), angle)
    crown = np.hypot((x - 0.2) / 0.17, (y - 0.42) / 0.22) + 0.35 * (noise(rng, SIZE, 7, 2) - 0.5)
    trunk = inside(0.018 + 0.02 * np.clip(y - 0.6, 0, 1) - np.abs(x - 0.2 - 0.02 * np.sin(8 * y)))
    tree = np.maximum(inside(1 - crown, 0.02), trunk * inside(y - 0.5) * inside(0.97 - y))
    leaves = np.clip(0.05 + 0.9 * (x - 0.2) + 0.9 * (0.42 - y) + 0.25, 0, 0.7)
    tone = np.where(tree > 0.5, leaves, tone)
    angle = np.where(tree > 0.5, np.arctan2(y - 0.42, x - 0.2) + np.pi / 2, angle)
    return tone, angle


def linocut(rng: Generator) -> Array:
    """A valley with a red sun, printed from two carved blocks."""
    x, y = square(SIZE)
    cream, red, black = palette("f4ecd8 d8432a 191613")
    tone, angle = _valley(rng)
    flow = looked_up(angle)
    sun = inside(0.125 - np.hypot(x - 0.66, y - 0.24), 0.003)
    warm = _carved(rng, np.clip(1.15 - tone, 0, 1) * 0.75, flow, 2600, 0.07, 5)
    warm *= np.maximum(inside(y - 0.40), inside(0.55 * tone - 0.33, 0.02))
    dark = _carved(rng, tone * 1.1, flow, 9000, 0.06, 5.5) * inside(0.93 - tone, 0.05) * (1 - sun)
    worn = 0.86 + 0.14 * inside(noise(rng, SIZE, 150, 2) - 0.16, 0.1)
    print_ = (
        np.broadcast_to(cream, (SIZE, SIZE, 3)) * (0.97 + 0.03 * noise(rng, SIZE, 90, 2))[..., None]
    )
    print_ = over(print_, red, np.maximum(sun, warm * 0.92) * worn)
    return over(print_, black, dark * worn)


def poster(rng: Generator) -> Array:
    """Mountains, a lake and pines in flats of seven colours, with the grain of a screen."""
    x, y = square(SIZE)
    sky, glow, sun, snow, rock, wood, lake = palette(
        "f3b562 f27a4c fff1cf f4dcc0 6a4c82 1f4f5c 2f8f8d"
    )
    grain = rng.random((SIZE, SIZE))
    scene = np.broadcast_to(sky, (SIZE, SIZE, 3)) * 1.0
    far = np.hypot(x - 0.3, y - 0.3)
    for radius, paint in ((0.42, (sky + glow) / 2), (0.28, glow), (0.15, sun)):
        scene = over(scene, paint, inside(radius - far, 0.003))
    for level, height, waves, phase, paint, shade in (
        (0.50, 0.20, 3.0, 0.2, snow, rock),
        (0.58, 0.12, 5.0, 1.7, rock, wood * 0.8),
        (0.66, 0.06, 9.0, 0.4, glow, rock),
    ):
        peaks = np.abs(((x * waves + phase) % 2) - 1) ** 1.1
        ridge = level - height * peaks - 0.012 * np.sin(60 * x) + 0.02 * np.sin(17 * x + phase)
        below = y - ridge
        scene = over(scene, paint, inside(below, 0.003))
        side = ((x * waves + phase + 0.35 * np.sin(24 * below)) % 2) > 1
        dark = inside(below - 0.012, 0.003) * side
        scene = over(scene, shade, dark)
        fade = inside(grain - 0.35 - 3.2 * below, 0.05) * inside(below) * (1 - dark)
        scene = over(scene, shade, fade * 0.9)
    water = inside(y - 0.70, 0.003)
    scene = over(scene, lake, water)
    bands = inside(np.sin(120 * y + 3 * np.sin(6 * x)) - 0.62, 0.1)
    scene = over(scene, glow, water * bands * inside(0.28 - np.abs(x - 0.3), 0.1))
    scene = over(scene, wood, water * bands * inside(x - 0.62, 0.05))
    for root in (np.arange(15) / 14 + rng.normal(0, 0.015, 15)).tolist():
        tall = 0.16 + 0.26 * rng.random() * (0.4 + abs(root - 0.45))
        ground = 0.99 + 0.03 * rng.random()
        climb = (ground - y) / tall
        tier = (climb * 6) % 1
        width = 0.24 * tall * (1 - climb) * (0.65 + 0.35 * (1 - tier))
        tree = inside(width - np.abs(x - root), 0.003) * inside(climb) * inside(1 - climb)
        scene = over(scene, wood * 0.55, tree)
        light = tree * inside(root - x - 0.2 * width, 0.003)
        scene = over(scene, wood, light * inside(grain - 0.25, 0.1))
    sides = [np.hypot(*np.gradient(channel)) for channel in np.moveaxis(scene, -1, 0)]
    smooth = blurred(np.clip(sum(sides), 0, 1), 1.4)
    scene = over(scene, wood * 0.35, inside(smooth - 0.3, 0.15))
    return scene * (0.97 + 0.03 * grain[..., None])


def pencil(rng: Generator) -> Array:
    """A valley hatched in coloured pencils, layer over layer, on rough paper."""
    tone, angle = _valley(rng)
    _, y = square(SIZE)
    warm = ramp(
        np.clip(y * 1.1 + 0.3 * (tone - 0.5), 0, 1), palette("2f6fb5 f2a33a d8542f 3f8f4a 8a3f7a")
    )
    tooth = noise(rng, SIZE, 170, 2)
    sheet = np.broadcast_to(color("f7f1e3"), (SIZE, SIZE, 3)) * 1.0
    layers = (
        (0.0, 1.02, 7000, 0.62),
        (0.9, 0.72, 7000, 0.7),
        (-0.8, 0.5, 6000, 0.8),
        (0.4, 0.3, 5000, 0.9),
    )
    for place, (turn, lightest, count, press) in enumerate(layers):
        flow = looked_up(angle * 0.5 + 0.8 + turn)
        marks = Image.new("RGB", (SIDE, SIDE), "white")
        crayon = ImageDraw.Draw(marks)
        at_x, at_y = scattered(rng, count)
        dark = looked_up(tone)(at_x, at_y) < lightest - 0.25 * rng.random(len(at_x))
        paints = looked_up(warm * (1.05 - 0.22 * place))(at_x[dark], at_y[dark])
        lengths = np.full(int(dark.sum()), 0.055) * np.exp(rng.normal(0, 0.3, int(dark.sum())))
        for path, paint in zip(
            followed(flow, at_x[dark], at_y[dark], lengths), paints, strict=True
        ):
            crayon.polygon(_outline(path, 2.6, rng), rgb(paint + rng.normal(0, 0.06, 3)))
        drawn = to_array(marks.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
        held = press * inside(tooth - 0.22, 0.4)
        sheet *= 1 - (1 - drawn) * held[..., None]
    return sheet


def delft(rng: Generator) -> Array:
    """A mill, ships and clouds, painted in cobalt blue on a white glaze."""
    x, y = square(SIZE)
    cobalt = palette("0a1c5c 163a94 3f6cc0 86a9dc c6d7ec f3f5f1")
    clouds = noise(rng, SIZE, 4, 4)
    tone = 0.98 - 0.55 * inside(clouds - 0.5 - 0.25 * y, 0.25) * inside(0.62 - y, 0.02)
    land = inside(y - 0.66 + 0.03 * np.sin(8 * x) + 0.012 * np.sin(31 * x))
    waves = 0.62 + 0.34 * np.sin(75 * (y + 0.012 * np.sin(22 * x + 9 * y)) + 2 * np.sin(5 * x))
    tone = np.where(land > 0.5, waves, tone)
    bank = inside(y - 0.88 + 0.2 * np.exp(-(((x - 0.2) / 0.3) ** 2)))
    tone = np.where(bank > 0.5, 0.25 + 0.5 * noise(rng, SIZE, 22, 3), tone)
    body = inside(0.05 + 0.16 * (y - 0.36) - np.abs(x - 0.24)) * inside(y - 0.36) * inside(0.78 - y)
    cap = inside(0.07 - np.hypot(x - 0.24, (y - 0.36) * 1.3))
    tone = np.where(np.maximum(body, cap) > 0.5, 0.2 + 1.6 * np.clip(x - 0.17, 0, 0.4), tone)
    for turn in (0.5, 2.07, 3.64, 5.21):
        along = (x - 0.24) * np.cos(turn) + (y - 0.34) * np.sin(turn)
        across = (y - 0.34) * np.cos(turn) - (x - 0.24) * np.sin(turn)
        wing = inside(0.27 - along) * inside(along - 0.02)
        lattice = np.minimum(np.abs(across - 0.025), np.abs((along * 30) % 1 - 0.5) / 30) < 0.004
        frame = inside(0.028 - np.abs(across - 0.025)) * lattice + inside(0.006 - np.abs(across))
        tone = np.where(wing * frame > 0.5, 0.08, tone)
    for mast, deck, wide in [(0.66, 0.70, 0.13), (0.88, 0.67, 0.07)]:
        rise = (deck - y) / (wide * 2.6)
        sail = inside((1 - rise**2) * wide * 0.8 - np.abs(x - mast - 0.1 * wide)) * inside(deck - y)
        tone = np.where(
            sail * inside(rise - 0.06) > 0.5, 0.9 - 3 * np.abs(x - mast - 0.2 * wide), tone
        )
        hull = inside(wide * 1.1 - np.abs(x - mast) - 1.1 * (y - deck)) * inside(y - deck + 0.01)
        tone = np.where(hull * inside(deck + 0.3 * wide - y) > 0.5, 0.1, tone)
    soft = blurred(np.clip(tone, 0, 1), 1.2)
    down, right = np.gradient(soft)
    lines = np.clip(np.hypot(down, right) * 9, 0, 1)
    brushed = soft + 0.16 * (noise(rng, SIZE, 60, 3) - 0.5)
    streak = looked_up(noise(rng, SIZE, 110, 2))
    brushed += 0.22 * (streak(x, y * 0.25) - 0.5) * (1 - soft)
    picture = ramp(np.clip(brushed, 0, 1), cobalt)
    picture = over(picture, cobalt[0], lines * 0.9)
    cracks = np.abs(noise(rng, SIZE, 14, 3) - 0.5)
    return picture * (1 - 0.07 * inside(0.008 - cracks, 0.01)[..., None])
