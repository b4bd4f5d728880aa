"""Transparent parts of pictures: never looked at, and kept if that is asked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from adain import tiles
from adain.catalog import Color, Transfer, Transparency
from adain.files import opacity, pictures
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.test_stylizer import array, drawn, mask

SIZE = (96, 72)
INSIDE = (24, 18, 72, 56)


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


def hole() -> Image.Image:
    """An opacity: soft at its edge."""
    sharp = Image.new("L", SIZE, 0)
    ImageDraw.Draw(sharp).ellipse(INSIDE, fill=255)
    return sharp.filter(ImageFilter.GaussianBlur(1))


def cut(image: Image.Image, under: int) -> Image.Image:
    """A picture with other colours under what is transparent all through."""
    opaque = hole()
    image = image.copy()
    image.paste(drawn(under, image.size), mask=opaque.point(lambda value: 255 * (value == 0)))
    image.putalpha(opaque)
    return image


def asked(under: int, **changes: object) -> Request:
    request = Request(cut(drawn(1), under), [drawn(2)], size=0, transparency=Transparency.KEEP)
    return replace(request, **changes)  # type: ignore[arg-type]


CHANGES: list[dict[str, object]] = [
    {},
    {"alpha": 0.5},
    {"alpha": 0.0},
    {"size": 48},
    {"strokes": 1.0, "size": 48},
    {"color": Color.LUMINANCE},
    {"color": Color.CONTENT},
    {"transfer": Transfer.ADAIN},
    {"styles": [drawn(2), drawn(3)], "masks": [mask((0, 0, 40, 72)), mask((40, 0, 96, 72))]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_result_has_the_opacity_of_the_photo_and_nothing_of_what_lies_under_it(
    stylizer: Stylizer, change: dict[str, object]
) -> None:
    one, other = stylizer.stylize([asked(under, **change) for under in (5, 6)])
    size = change.get("size", 0)
    assert isinstance(size, int)
    assert one.mode == "RGBA"
    wanted = pictures.scaled(hole(), size)
    assert one.getchannel("A").tobytes() == wanted.tobytes()
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("change", [{"alpha": 0.0}, {"masks": [mask((0, 0, 0, 0))]}])
def test_what_is_not_painted_is_the_photo_however_transparent(
    stylizer: Stylizer, change: dict[str, object]
) -> None:
    photo = drawn(1)
    photo.putalpha(Image.linear_gradient("L").resize(SIZE))
    [made] = stylizer.stylize([asked(5, content=photo, **change)])
    seen = array(photo)[..., 3] > 0
    assert np.array_equal(array(made)[seen], array(photo)[seen])
    assert np.array_equal(array(made)[..., 3], array(photo)[..., 3])


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("transparency", Transparency)
def test_an_opaque_photo_is_painted_as_ever(
    stylizer: Stylizer, transparency: Transparency, change: dict[str, object]
) -> None:
    request = asked(5, content=drawn(1), transparency=Transparency.FLATTEN)
    request = replace(request, **change)  # type: ignore[arg-type]
    content = drawn(1).convert("RGBA")
    same = replace(request, content=content, transparency=transparency)
    plain, opaque = (stylizer.stylize([one])[0] for one in (request, same))
    assert opaque.mode == "RGB"
    assert opaque.tobytes() == plain.tobytes()


def test_flattened_the_whole_picture_is_painted_on_its_ground(stylizer: Stylizer) -> None:
    request = asked(5, transparency=Transparency.FLATTEN)
    flat = replace(request, content=pictures.rgb(request.content))
    one, other = stylizer.stylize([request]), stylizer.stylize([flat])
    assert one[0].mode == "RGB"
    assert one[0].tobytes() == other[0].tobytes()


@pytest.mark.parametrize("like", [None, drawn(4), cut(drawn(4), 9)])
def test_a_style_is_measured_where_it_is_opaque(
    stylizer: Stylizer, like: Image.Image | None
) -> None:
    one, other = (stylizer.style(cut(drawn(2), under), 64, like) for under in (5, 6))
    for ours, theirs in zip(one.levels, other.levels, strict=True):
        assert all(map(torch.equal, ours, theirs))
    assert one.chroma == other.chroma


def test_transparent_margins_of_a_style_weigh_nothing(stylizer: Stylizer) -> None:
    style = drawn(2, (96, 96))
    wide = Image.new("RGBA", (192, 192))
    wide.paste(style, (48, 48))
    for ours, theirs in zip(
        stylizer.style(wide, 192).levels, stylizer.style(style, 96).levels, strict=True
    ):
        far = (ours.mean - theirs.mean).abs().mean() / theirs.mean.abs().mean()
        assert far < 0.25  # cells at the edge see what lies beyond it
    white = Image.new("RGB", wide.size, "white")
    white.paste(style, (48, 48))
    apart = [
        (stylizer.style(one, 192).levels[0].mean - stylizer.style(style, 96).levels[0].mean).abs()
        for one in (wide, white)
    ]
    assert apart[0].mean() < apart[1].mean() / 2


def test_transparent_pictures_in_tiles_and_batches_are_alike(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [asked(5), asked(5, content=drawn(1)), asked(5, alpha=0.5)]
    alone = [array(stylizer.stylize([request])[0]) for request in requests]
    for ours, theirs in zip(stylizer.stylize(requests), alone, strict=True):
        assert np.abs(array(ours) - theirs).max() <= 1
    monkeypatch.setattr(tiles, "SIDE", 32)
    for request, theirs in zip(requests, alone, strict=True):
        assert np.abs(array(stylizer.stylize([request])[0]) - theirs).max() <= 1


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (40, 30, 42, 31), (0, 0, 96, 72), (95, 71, 96, 72)])
def test_colours_of_opaque_parts_are_extended_over_all(box: tuple[int, int, int, int]) -> None:
    image = Image.new("RGBA", SIZE, (9, 200, 30, 0))
    image.paste((200, 30, 90, 255), box)
    far = np.abs(np.asarray(opacity.filled(image), dtype=int) - (200, 30, 90))
    assert far.max() <= 3  # of rounding at each level


def test_a_picture_without_anything_opaque_is_painted(stylizer: Stylizer) -> None:
    nothing = Image.new("RGBA", SIZE, (200, 30, 90, 0))
    assert set(opacity.filled(nothing).convert("L").tobytes()) == {128}
    [made] = stylizer.stylize([asked(5, content=nothing)])
    assert made.getchannel("A").getextrema() == (0, 0)


CASE = Path(__file__).parents[1] / "data" / "cases" / "logo-white-on-transparent"


def stands_out(image: Image.Image, opaque: np.ndarray) -> float:
    """How far what is drawn differs from its surroundings on a plain ground, of 255."""
    flat = np.asarray(pictures.rgb(image).convert("L"), dtype=float)
    return abs(float(flat[opaque].mean() - flat[~opaque].mean()))


@pytest.mark.parametrize("transparency", Transparency)
@pytest.mark.parametrize("name", ["white-logo.png", "cut-out.png"])
def test_a_logo_can_be_seen_in_the_result(
    stylizer: Stylizer, name: str, transparency: Transparency
) -> None:
    photo = Image.open(CASE / name)
    request = Request(photo, [drawn(2)], size=0, transparency=transparency)
    [made] = stylizer.stylize([request])
    opacity = photo.convert("RGBA").getchannel("A")
    assert stands_out(made, np.asarray(opacity) > 127) > 20
    if transparency == Transparency.KEEP:
        assert made.getchannel("A").tobytes() == opacity.tobytes()
