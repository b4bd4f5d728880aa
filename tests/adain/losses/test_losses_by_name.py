import copy
import math

import pytest
import torch
from torch import Tensor

from adain.losses import statistics
from adain.losses.critic import Critic
from adain.losses.names import STYLE_LOSSES, distances, targets
from adain.model.moments import moments

OF_STATISTICS = sorted(STYLE_LOSSES.keys() - {"mrf"})


def features(seed: int, channels: int = 6, side: int = 9, n: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n, channels, side, side + 2, generator=generator)
    mixed = torch.einsum(
        "ij,njhw->nihw", torch.randn(channels, channels, generator=generator), drawn
    )
    return torch.relu(mixed + torch.randn(1, channels, 1, 1, generator=generator))


def apart(name: str, made: Tensor, style: Tensor) -> Tensor:
    loss = STYLE_LOSSES[name]
    return loss.distance(made, loss.target(style))


@pytest.mark.parametrize("name", list(STYLE_LOSSES))
def test_a_loss_is_zero_at_equality_and_above_elsewhere_for_each_picture(name: str) -> None:
    x, y = features(1), features(2)
    torch.testing.assert_close(apart(name, x, x), torch.zeros(2), atol=1e-6, rtol=0)
    assert (apart(name, x, y) > 1e-3).all()
    torch.testing.assert_close(apart(name, x, y)[:1], apart(name, x[:1], y[:1]))


@pytest.mark.parametrize("name", OF_STATISTICS)
def test_a_statistic_does_not_depend_on_where_a_feature_lies(name: str) -> None:
    x, y = features(1), features(2)
    order = torch.randperm(9 * 11, generator=torch.Generator().manual_seed(0))
    moved = x.flatten(2)[:, :, order].view_as(x)
    torch.testing.assert_close(apart(name, moved, x), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(apart(name, moved, y), apart(name, x, y))


@pytest.mark.parametrize("name", list(STYLE_LOSSES))
def test_a_few_steps_down_a_loss_make_it_smaller_and_reach_every_channel(name: str) -> None:
    x, wanted = features(1).requires_grad_(), STYLE_LOSSES[name].target(features(2))
    before = STYLE_LOSSES[name].distance(x, wanted).sum()
    [gradient] = torch.autograd.grad(before, x)
    assert (gradient.abs().sum((2, 3)) > 0).all()
    step = 1e-2 * before.detach() / gradient.square().sum()
    after = STYLE_LOSSES[name].distance(x.detach() - step * gradient, wanted).sum()
    assert after < before


@pytest.mark.parametrize("name", list(STYLE_LOSSES))
def test_pictures_of_two_sizes_can_be_compared(name: str) -> None:
    tile = features(3, side=8).repeat(1, 1, 1, 1)
    large = tile.repeat(1, 1, 2, 2)
    assert (apart(name, tile, large) < 0.02).all()


def test_the_gradient_of_grams_distance_is_the_known_one() -> None:
    x, y = features(1).double().float().requires_grad_(), features(2)
    wanted = statistics.gram(y)
    [gradient] = torch.autograd.grad(apart("gram", x, y).sum(), x)
    off = statistics.gram(x) - wanted  # Gatys et al., eq. 6, divided by the norm
    known = 4 * torch.einsum("ncd,ndhw->nchw", off, x) / (9 * 11)
    known = known / wanted.square().sum((1, 2))[:, None, None, None]
    torch.testing.assert_close(gradient, known.detach(), atol=1e-6, rtol=1e-3)


def test_gram_of_constant_channels_is_their_product() -> None:
    x = torch.tensor([2.0, 3.0]).view(1, 2, 1, 1).expand(1, 2, 4, 5)
    assert statistics.gram(x)[0].tolist() == [[4, 6], [6, 9]]


def test_linear_mmd_is_the_distance_of_means() -> None:
    x, y = features(1), features(2)
    means = [moments(one)[0] for one in (x, y)]
    wanted = (means[0] - means[1]).square().sum(1) / means[1].square().sum(1)
    torch.testing.assert_close(apart("mmd_linear", x, y), wanted)


def test_coral_says_nothing_of_means() -> None:
    x = features(1)
    torch.testing.assert_close(apart("coral", x + 3, x), torch.zeros(2), atol=1e-5, rtol=0)
    assert (apart("gram", x + 3, x) > 0.1).all()


def test_rbf_mmd_is_that_of_the_exact_kernel() -> None:
    x, y = (features(seed, side=6, n=1) for seed in (1, 2))
    width = STYLE_LOSSES["mmd_rbf"].target(y)[0, 0]
    a, b = (one.flatten(2)[0].T for one in (x, y))

    def kernel(one: Tensor, other: Tensor) -> Tensor:
        return torch.exp(-torch.cdist(one, other).square() / (2 * width**2)).mean()

    exact = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    assert apart("mmd_rbf", x, y).item() == pytest.approx(exact.item(), abs=0.02)


def test_sorted_values_see_what_mean_and_deviation_do_not() -> None:
    normal = torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    normal = (normal - normal.mean()) / normal.std(unbiased=False)
    two = torch.ones(1, 1, 40, 40)
    two[:, :, :, ::2] = -1
    assert apart("mean_deviation", normal, two).item() == pytest.approx(0, abs=1e-6)
    assert apart("histogram", normal, two).item() > 0.1
    assert apart("sliced", normal, two).item() > 0.1


def test_sliced_sees_channels_together_and_histogram_does_not() -> None:
    x = features(1)
    other = torch.cat([x[:, :3], x[:, 3:].flip(2, 3)], 1)  # the same channels, else together
    torch.testing.assert_close(apart("histogram", other, x), torch.zeros(2), atol=1e-6, rtol=0)
    assert (apart("sliced", other, x) > 1e-4).all()


def test_patches_of_a_shifted_texture_are_all_found() -> None:
    tile = features(4, side=5).repeat(1, 1, 4, 4)
    shifted = tile.roll((2, 3), (2, 3))
    torch.testing.assert_close(apart("mrf", shifted, tile), torch.zeros(2), atol=1e-6, rtol=0)
    shuffled = tile.flatten(2)[:, :, torch.randperm(tile[0, 0].numel())].view_as(tile)
    assert (apart("mrf", shuffled, tile) > 0.05).all()


def test_layers_stand_beside_each_other() -> None:
    layers, others = [features(1), features(2, 4)], [features(3), features(4, 4)]
    found = distances("gram", layers, targets("gram", others))
    torch.testing.assert_close(found[:, 1], apart("gram", layers[1], others[1]))


def test_a_critic_learns_to_tell_a_picture_from_a_style_and_the_picture_to_pass() -> None:
    generator = torch.Generator().manual_seed(0)
    style = torch.rand(1, 3, 64, 64, generator=generator)
    picture = torch.full_like(style, 0.5)
    critic = Critic(torch.device("cpu"))
    assert critic.judged(picture).item() == pytest.approx(math.log(2), abs=0.1)
    for _ in range(20):
        critic.learn(picture, style)
    assert critic.judged(style).item() < 0.3 < 1 < critic.judged(picture).item()
    moved = picture.requires_grad_()
    [gradient] = torch.autograd.grad(critic.judged(moved).sum(), moved)
    assert critic.judged(moved - 0.1 * gradient.sign()) < critic.judged(moved)


def test_a_critic_goes_on_from_its_state() -> None:
    picture, style = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    one, other = (Critic(torch.device("cpu")) for _ in range(2))
    one.learn(picture, style)
    other.restore(copy.deepcopy(one.state()))
    torch.testing.assert_close(one(picture, style), other(picture, style))
