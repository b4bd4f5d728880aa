"""Style swap: where patches come from, what comes back, and how much is held at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from adain import methods
from adain.catalog import Color, Transparency
from adain.methods import swap
from adain.methods.swap import Patches
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training.losses import normalised
from tests.adain.test_stylizer import array, drawn, mask

REQUEST = Request(drawn(1), [drawn(2)], size=72, method="swap")


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


def made(stylizer: Stylizer, request: Request) -> Image.Image:
    return methods.make(stylizer, [request])[0]


def features(seed: int, height: int = 9, width: int = 7, channels: int = 6) -> Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def bank(style: Tensor) -> Patches:
    return Patches(style, torch.ones_like(style[:, :1]))


def places(content: Tensor, style: Tensor) -> Tensor:
    return torch.cat(list(swap.matches(content, bank(style))))


def swapped(content: Tensor, style: Tensor) -> Tensor:
    height, width = content.shape[2:]
    return swap.assembled(bank(style), places(content, style), height, width)


def test_a_content_that_is_the_style_comes_back() -> None:
    one = features(1)
    assert places(one, one).tolist() == list(range(63))
    assert torch.allclose(swapped(one, one), one, atol=1e-6)


def test_each_patch_is_the_styles_most_similar_one() -> None:
    """By hand: the largest cosine between every pair of normalised patches."""
    content, style = features(1, 5, 6), features(2, 7, 4)
    own, its = (
        torch.nn.functional.pad(normalised(x), (1, 1, 1, 1), mode="replicate")
        for x in (content, style)
    )
    for place, found in enumerate(places(content, style).tolist()):
        y, x = divmod(place, 6)
        patch = own[0, :, y : y + 3, x : x + 3].flatten()
        alike = [
            torch.cosine_similarity(patch, its[0, :, v : v + 3, u : u + 3].flatten(), dim=0)
            for v in range(7)
            for u in range(4)
        ]
        assert float(alike[found]) == pytest.approx(float(max(alike)), abs=1e-6)


def test_every_cell_is_the_mean_of_patches_of_the_style() -> None:
    """A style of few values gives those, and what lies between them: nothing else."""
    content, style = features(1, 8, 8, 1), torch.full((1, 1, 8, 8), 2.0)
    style[..., 4:] = 5.0
    found = swapped(content, style)
    assert found.min() >= 2
    assert found.max() <= 5
    chosen = places(content, style).view(8, 8)
    for y in range(1, 7):
        for x in range(1, 7):
            cells = []
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    v, u = divmod(int(chosen[y + down, x + right]), 8)
                    cells.append(
                        float(style[0, 0, min(max(v - down, 0), 7), min(max(u - right, 0), 7)])
                    )
            assert float(found[0, 0, y, x]) == pytest.approx(sum(cells) / 9, abs=1e-5)


def test_pieces_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    content, style = features(1, 12, 5), features(2, 6, 8)
    whole = places(content, style)
    monkeypatch.setattr(swap, "MOST_AT_ONCE", 1)
    assert len(list(swap.matches(content, bank(style)))) == 12
    assert torch.equal(places(content, style), whole)


def test_memory_is_bounded_whatever_the_sizes() -> None:
    for width, patches in ((64, 4096), (160, 16384), (2000, 10), (1, 1)):
        rows = swap.rows_at_once(width, patches)
        assert rows == 1 or rows * width * patches <= swap.MOST_AT_ONCE
    assert swap.rows_at_once(64, 4096) * 64 * 4096 * 4 <= 16 << 20  # bytes, at 512 px
    long = torch.ones(1, 2, 3, 20_000)
    assert len(Patches(long, long[:, :1])) <= swap.MOST_PATCHES


def test_patches_with_transparent_cells_are_not_taken() -> None:
    style, opaque = features(2, 8, 8), torch.ones(1, 1, 8, 8)
    opaque[..., 5:] = 0
    style[..., 5:] = 1000
    found = swap.assembled(
        Patches(style, opaque),
        torch.cat(list(swap.matches(features(1, 8, 8), Patches(style, opaque)))),
        8,
        8,
    )
    assert found.max() < 10
    assert len(Patches(style, 0 * opaque)) == 64  # nothing opaque: all of it counts


def test_a_photo_in_its_own_style_is_what_the_network_makes_of_it(stylizer: Stylizer) -> None:
    photo = drawn(1)
    own = replace(REQUEST, styles=[photo])
    plain, found = (array(made(stylizer, one)) for one in (own.plain(), own))
    assert np.abs(plain - found).mean() < 1
    other = array(made(stylizer, REQUEST))
    assert np.abs(other - array(made(stylizer, REQUEST.plain()))).mean() > 2


def test_strength_goes_from_the_photo_to_the_swap(stylizer: Stylizer) -> None:
    photo = array(REQUEST.content)
    assert np.array_equal(array(made(stylizer, replace(REQUEST, alpha=0.0))), photo)
    apart = [
        np.abs(array(made(stylizer, replace(REQUEST, alpha=alpha))) - photo).mean()
        for alpha in (0.05, 0.5, 1.0)
    ]
    assert apart[0] < 0.4 * apart[1]
    assert apart == sorted(apart)


def test_outside_of_a_mask_the_photo_stays_to_the_bit(stylizer: Stylizer) -> None:
    left = replace(REQUEST, masks=[mask((0, 0, 40, 72))])
    photo, painted = array(REQUEST.content), array(made(stylizer, left))
    assert np.array_equal(photo[:, 80:], painted[:, 80:])
    assert np.abs(photo - painted)[:, :40].mean() > 2


def test_each_style_fills_its_own_region(stylizer: Stylizer) -> None:
    masks = [mask((0, 0, 48, 72)), mask((48, 0, 96, 72))]
    two = array(made(stylizer, replace(REQUEST, styles=[drawn(2), drawn(3)], masks=masks)))
    one = [array(made(stylizer, replace(REQUEST, styles=[drawn(seed)]))) for seed in (2, 3)]
    left, right = (
        [np.abs(two - single)[:, part].mean() for single in one]
        for part in (slice(0, 40), slice(56, 96))
    )
    assert left[0] < left[1]
    assert right[1] < right[0]


def test_colours_and_transparency_are_as_chosen(stylizer: Stylizer) -> None:
    grey = REQUEST.content.convert("L").convert("RGB")
    kept = array(made(stylizer, replace(REQUEST, content=grey, color=Color.LUMINANCE)))
    assert np.abs(kept - kept[..., :1]).max() <= 1
    photo = drawn(1).convert("RGBA")
    photo.paste((0, 0, 0, 0), (0, 0, 30, 72))
    clear = made(stylizer, replace(REQUEST, content=photo, transparency=Transparency.KEEP))
    assert clear.getchannel("A").tobytes() == photo.getchannel("A").tobytes()
    matched = made(stylizer, replace(REQUEST, color=Color.CONTENT))
    assert np.abs(array(matched) - array(made(stylizer, REQUEST))).mean() > 1


@pytest.mark.parametrize("strokes", [0.0, 1.0])
def test_each_piece_is_reported_and_what_raises_there_stops_it(
    stylizer: Stylizer, strokes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "MOST_AT_ONCE", 1 << 10)
    reported: list[tuple[str, float]] = []
    request = replace(REQUEST, strokes=strokes, styles=[drawn(2), drawn(3)])
    methods.make(stylizer, [request], lambda *said: reported.append(said))
    pieces = [stage for stage, _ in reported if stage.startswith("swap")]
    assert len(pieces) > 4
    assert pieces == [f"swap {n}/{len(pieces)}" for n in range(1, len(pieces) + 1)]
    assert [part for _, part in reported] == sorted(part for _, part in reported)

    def stop(stage: str, fraction: float) -> None:
        reported.append((stage, fraction))
        if stage.startswith("swap 3/"):
            raise KeyboardInterrupt

    reported.clear()
    with pytest.raises(KeyboardInterrupt):
        methods.make(stylizer, [request], stop)
    assert reported[-1][0].startswith("swap 3/")
