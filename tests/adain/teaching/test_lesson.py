"""A style is taught: nearer to its paintings on photos that were held out, and able to go on."""

import io
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from adain import pixels
from adain.catalog import Color, TaughtKind
from adain.files import samples
from adain.request import Request
from adain.stylizer import Stylizer
from adain.teaching import taught
from adain.teaching.lesson import Lesson
from adain.teaching.taught import Taught, TaughtStylizer
from adain.training import losses, lossnet
from adain.training.patterns import pattern
from adain.weights import WeightsError

SIDE = 128
STEPS = {TaughtKind.FEEDFORWARD: 12, TaughtKind.CONDITIONAL: 12}


def sample(kind: str, name: str) -> Image.Image:
    file = samples.file(kind, name)
    assert file is not None
    image = Image.open(file).convert("RGB")
    image.thumbnail((240, 240))
    return image


PAINTING = sample("styles", "woodcut")
PHOTOS = [sample("photos", name) for name in ("cat", "coffee", "rocket")]
HELD_OUT = [sample("photos", name) for name in ("raccoon", "astronaut")]


def lesson(
    kind: TaughtKind = TaughtKind.FEEDFORWARD,
    steps: int = 2,
    paintings: Sequence[Image.Image] = (PAINTING,),
) -> Lesson:
    return Lesson(kind, paintings, steps, photos=PHOTOS, side=SIDE, device="cpu")


def learnt(one: Lesson) -> bytes:
    while one.step < one.steps:
        one.advance()
    return one.taught()


def distance(stylizer: Stylizer, styles: Sequence[object]) -> float:
    """Mean style loss of held-out photos painted by a stylizer."""
    network = lossnet.load()
    requests = [Request(photo, styles, size=SIDE) for photo in HELD_OUT]  # type: ignore[arg-type]
    found = []
    wanted = network.style(network(pixels.unit(pixels.padded(pixels.tensor(PAINTING), 8))))
    for image in stylizer.stylize(requests):
        seen = network.style(network(pixels.unit(pixels.padded(pixels.tensor(image), 8))))
        found.append(losses.style(seen, wanted).mean().item())
    return float(np.mean(found))


@pytest.mark.parametrize("kind", TaughtKind)
def test_a_taught_style_is_nearer_on_photos_that_were_held_out(kind: TaughtKind) -> None:
    stylizer = taught.stylizer(learnt(lesson(kind, STEPS[kind])), device="cpu")
    plain = Stylizer.load(device="cpu")
    assert stylizer.kind == kind
    styles = stylizer.rows or stylizer.paintings
    assert distance(stylizer, styles) < 0.97 * distance(plain, [PAINTING])


def values(one: Taught) -> list[torch.Tensor]:
    rows = [value for row in one.rows for level in row for value in level]
    return [*(one.weights[name] for name in sorted(one.weights)), *rows]


@pytest.mark.parametrize("kind", TaughtKind)
def test_a_restored_lesson_ends_as_one_that_was_never_stopped(kind: TaughtKind) -> None:
    paintings = [PAINTING, pattern(Random(1), 160)]
    first, second = (lesson(kind, 4, paintings) for _ in range(2))
    for _ in range(3):
        second.advance()
    other = lesson(kind, 4, paintings)
    other.restore(second.state())
    assert other.step == 3
    whole, resumed = taught.read(learnt(first)), taught.read(learnt(other))
    assert all(torch.equal(*both) for both in zip(values(whole), values(resumed), strict=True))
    assert len(whole.paintings) == 2


def test_rows_leave_the_network_as_it_is_and_are_small() -> None:
    data = learnt(lesson(TaughtKind.CONDITIONAL))
    found = taught.read(data)
    assert not found.weights
    assert [len(row) for row in found.rows] == [3]
    assert sum(value.numel() for one in found.rows[0] for value in one) < 8000
    stylizer = taught.stylizer(data, device="cpu")
    plain = Stylizer.load(device="cpu")
    for mine, its in zip(stylizer.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(mine, its)


def test_a_network_of_one_style_takes_every_control() -> None:
    stylizer = taught.stylizer(learnt(lesson()), device="cpu")
    assert isinstance(stylizer, TaughtStylizer)
    mask = Image.new("L", HELD_OUT[0].size, 255)
    request = Request(
        HELD_OUT[0], stylizer.paintings, masks=[mask], alpha=0.7, color=Color.CONTENT, size=64
    )
    [image] = stylizer.stylize([request])
    assert min(image.size) == 64


def test_what_can_not_be_taught_is_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 8 paintings, not 9"):
        lesson(paintings=[PAINTING] * 9)
    with pytest.raises(ValueError, match="vgg19 can't be taught"):
        Lesson(TaughtKind.FEEDFORWARD, [PAINTING], 2, network="vgg19")
    with pytest.raises(ValueError, match="a step for each painting"):
        lesson(steps=1, paintings=[PAINTING] * 2)
    assert Lesson(TaughtKind.FEEDFORWARD, [PAINTING], 900, most=7).steps == 7


def test_a_file_that_is_no_taught_style_is_refused() -> None:
    data, out = lesson(steps=1).taught(), io.BytesIO()
    PAINTING.save(out, "PNG")
    long = (1 << 40).to_bytes(8, "little") + data[8:]
    for wrong in (b"", b"nothing", out.getvalue(), data[:-100], long, data[:8]):
        with pytest.raises(WeightsError, match="no taught style"):
            taught.read(wrong)
    other = data.replace(b'"kind":"feedforward"', b'"kind":"conditional"')
    assert other != data
    with pytest.raises(WeightsError, match="no taught style"):
        taught.read(other)
