import math
from itertools import pairwise

import torch
from torch import Tensor

from adain.color import chroma, keep_colors, limit_chroma, match_colors, most_chroma


def picture(seed: int, height: int = 24, width: int = 24, spread: float = 0.08) -> Tensor:
    """Correlated colours, well inside [0, 1]: 3×H×W."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(3) + 0.5 * torch.rand(3, 3, generator=generator)
    noise = torch.randn(3, height * width, generator=generator) * spread
    return (0.5 + mix @ noise).view(3, height, width).clamp(0, 1)


def luma(image: Tensor) -> Tensor:
    return (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)


def test_matching_gives_the_contents_mean_and_covariance() -> None:
    content, style = picture(1, spread=0.04), picture(2)
    matched = match_colors(style, content).flatten(1)
    torch.testing.assert_close(matched.mean(1), content.flatten(1).mean(1), atol=1e-3, rtol=0)
    torch.testing.assert_close(matched.cov(), content.flatten(1).cov(), atol=1e-4, rtol=0.02)


def test_matching_does_not_depend_on_how_many_pixels_each_picture_has() -> None:
    content, style = picture(1, spread=0.04), picture(2)
    larger = content.repeat(1, 4, 4)
    torch.testing.assert_close(
        match_colors(style, larger), match_colors(style, content), atol=5e-4, rtol=1e-3
    )


def test_a_picture_matched_to_itself_stays() -> None:
    style = picture(2)
    torch.testing.assert_close(match_colors(style, style), style, atol=1e-4, rtol=0)


def test_a_grey_a_flat_and_a_one_pixel_picture_match_without_a_nan() -> None:
    grey = picture(1)[:1].expand(3, -1, -1)
    for style in (grey, torch.full((3, 8, 8), 0.2), torch.full((3, 1, 1), 0.7)):
        matched = match_colors(style, picture(2))
        assert torch.isfinite(matched).all()
        assert matched.shape == style.shape
        assert matched.min() >= 0
        assert matched.max() <= 1


def test_keeping_colours_takes_the_results_luminance_and_the_contents_chroma() -> None:
    content, result = picture(1, spread=0.03), picture(2, spread=0.03)
    kept = keep_colors(result, content)
    torch.testing.assert_close(luma(kept), luma(result), atol=1e-5, rtol=0)
    torch.testing.assert_close(kept[0] - kept[2], content[0] - content[2], atol=1e-5, rtol=0)


def test_chroma_is_0_of_grey_and_1_of_pure_colours_and_noise_does_not_count() -> None:
    grey = picture(1)[None, :1].expand(1, 3, -1, -1)
    assert chroma(grey) < 1e-6
    noisy = grey + torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(0)) / 255
    assert chroma(noisy) < 2 / 255
    rose = grey.clone()
    rose[..., 8:16, 8:16] = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    assert chroma(rose) == 1


def test_the_most_chroma_grows_from_0_without_a_jump_until_there_is_no_limit() -> None:
    at = [most_chroma(step / 1000) for step in range(1000)]
    assert at[0] == 0
    assert at == sorted(at)
    below = [limit for limit in at if limit < 1]
    assert max(b - a for a, b in pairwise(below)) < 0.12
    assert all(limit > step / 1000 for step, limit in enumerate(at) if step)
    assert at[200] == math.inf


def test_limiting_chroma_keeps_luminance_and_hue_and_what_is_within() -> None:
    result = torch.stack([picture(1, spread=0.2), picture(2, spread=0.2)])
    same = limit_chroma(result, torch.tensor([math.inf, 1.0]))
    assert torch.equal(same, result)
    limited = limit_chroma(result, torch.tensor([0.0, 0.1]))
    torch.testing.assert_close(luma(limited[0]), luma(result[0]))
    torch.testing.assert_close(luma(limited[1]), luma(result[1]))
    spread = limited.amax(1) - limited.amin(1)
    assert spread[0].max() < 1e-6
    assert spread[1].max() < 0.1 + 1e-6
    within = (result[1].amax(0) - result[1].amin(0)) <= 0.1
    assert torch.equal(limited[1][:, within], result[1][:, within])
    grey = luma(result[1])
    ours, whole = limited[1] - grey, result[1] - grey
    torch.testing.assert_close(ours[0] * whole[2], ours[2] * whole[0], atol=1e-5, rtol=1e-4)
