"""A picture made by optimisation, with any of the style losses: the slow way, step by step.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from adain.losses.critic import Critic
from adain.losses.names import ADVERSARIAL, distances, targets
from adain.training import losses
from adain.training.lossnet import LossNetwork

STYLE = 30.0  # weight of the style losses beside the content's
_HISTORY, _RATE = 20, 0.02  # of L-BFGS; of Adam, for what changes while it is followed

Objective = Callable[[Tensor], Tensor]  # a picture 1×3×H×W → one number


def objective(
    eye: LossNetwork, content: Tensor, style: Tensor, loss: str, weight: float = STYLE
) -> Objective:
    """Make what is to be small: the content's distance and a style loss at every layer."""
    with torch.no_grad():
        kept = eye(content)[-1]
        wanted = [] if loss == ADVERSARIAL else targets(loss, eye(style))
    critic = Critic(content.device)

    def measured(picture: Tensor) -> Tensor:
        seen = eye(picture)
        if loss == ADVERSARIAL:
            far = critic(picture, style)
        else:
            far = distances(loss, seen, wanted).sum(1)
        own = losses.content(seen[-1], kept) + losses.outside(picture)
        return (own + weight * far).sum()

    return measured


def descend(start: Tensor, measured: Objective, steps: Sequence[int]) -> Iterator[Tensor]:
    """Yield the picture after so many steps of L-BFGS in all, for each of the rising numbers."""
    picture = start.clone(memory_format=torch.contiguous_format).requires_grad_()
    optimiser = torch.optim.LBFGS([picture], max_iter=1, history_size=_HISTORY)
    yield from _followed(picture, optimiser, measured, steps)


def follow(start: Tensor, measured: Objective, steps: Sequence[int]) -> Iterator[Tensor]:
    """Do the same by Adam, for a loss that learns beside the picture."""
    picture = start.clone(memory_format=torch.contiguous_format).requires_grad_()
    yield from _followed(picture, torch.optim.Adam([picture], _RATE), measured, steps)


def _followed(
    picture: Tensor, optimiser: torch.optim.Optimizer, measured: Objective, steps: Sequence[int]
) -> Iterator[Tensor]:
    def closure() -> float:
        optimiser.zero_grad()
        loss = measured(picture)
        torch.autograd.backward(loss)
        return loss.item()

    done = 0
    for wanted in steps:
        for _ in range(wanted - done):
            optimiser.step(closure)
        done = wanted
        yield picture.detach().clamp(0, 1)
