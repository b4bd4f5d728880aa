"""A lesson of pictures of any shape: what reaches the networks is bounded; it can be stopped."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from torch import Tensor

from adain.catalog import TaughtKind
from adain.files import pictures
from adain.model.network import Network
from adain.teaching import taught
from adain.teaching.lesson import Lesson
from adain.training.lossnet import LossNetwork
from tests.adain.test_stylizer import drawn

PIXELS = 1 << 16  # of each painting
STRIPS = [(1, 60_000), (24_000, 512)]


def flat(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, "teal")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pixels of each picture that a network or a loss network was given."""
    found: list[int] = []

    def note(kind: type, verb: str) -> None:
        inner: Callable[..., Any] = getattr(kind, verb)

        def noted(self: object, images: Tensor, *more: Any, **named: Any) -> Any:  # noqa: ANN401
            found.append(images.shape[2] * images.shape[3])
            return inner(self, images, *more, **named)

        monkeypatch.setattr(kind, verb, noted)

    note(LossNetwork, "forward")
    note(Network, "encode")
    return found


def strips(kind: TaughtKind, size: tuple[int, int], **more: Any) -> Lesson:  # noqa: ANN401
    given = [flat(size), drawn(1, (90, 90))]
    photos = [flat(size), drawn(2)]
    return Lesson(kind, given, 2, photos=photos, device="cpu", pixels=PIXELS, **more)


@pytest.mark.parametrize("kind", TaughtKind)
@pytest.mark.parametrize("size", STRIPS)
def test_what_reaches_the_networks_of_a_painting_of_any_shape_is_bounded(
    seen: list[int], kind: TaughtKind, size: tuple[int, int]
) -> None:
    lesson = strips(kind, size)
    begun = taught.read(lesson.taught())
    while lesson.step < lesson.steps:
        lesson.advance()
    assert 0 < max(seen) <= PIXELS
    for data in (begun, taught.read(lesson.taught())):
        for jpeg in data.paintings:
            assert Image.open(io.BytesIO(jpeg)).size <= (65_500, 65_500)
    assert max(seen) <= PIXELS


def test_without_a_bound_of_its_own_a_lesson_has_the_usual_one(seen: list[int]) -> None:
    lesson = Lesson(TaughtKind.CONDITIONAL, [flat((1, 60_000))], 1, device="cpu")
    lesson.advance()
    assert max(seen) <= 1_600_000


@pytest.mark.parametrize("size", [(1, 300_000), (300_000, 1), (512, 24_000), (3000, 3000)])
def test_a_painting_of_any_shape_is_kept_as_a_small_jpeg(size: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(taught.small(flat(size)))) as kept:
        width, height = pictures.work(*kept.size)
        assert width * height <= taught.KEPT_PIXELS


def test_an_ordinary_painting_is_learnt_and_kept_as_it_was() -> None:
    lesson = Lesson(TaughtKind.FEEDFORWARD, [drawn(1, (300, 700))], 2, device="cpu")
    assert [one.size for one in lesson.sized] == [(300, 700)]
    with Image.open(io.BytesIO(taught.small(drawn(1, (600, 1200))))) as kept:
        assert kept.size == (512, 1024)


@pytest.mark.parametrize("kind", TaughtKind)
def test_a_lesson_is_watched_before_its_first_step_and_while_it_is_kept(kind: TaughtKind) -> None:
    asked: list[None] = []
    lesson = strips(kind, (80, 80), watch=lambda: asked.append(None))
    lesson.advance()
    assert len(asked) >= 3  # loading, photos, paintings
    before = len(asked)
    lesson.taught()
    assert len(asked) > before


@pytest.mark.parametrize("kind", TaughtKind)
def test_what_watches_a_lesson_can_stop_it_before_its_first_step(kind: TaughtKind) -> None:
    def stop() -> None:
        raise InterruptedError

    lesson = strips(kind, (80, 80), watch=stop)
    with pytest.raises(InterruptedError):
        lesson.advance()
    assert lesson.step == 0
