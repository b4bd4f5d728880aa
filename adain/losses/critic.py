"""A patch discriminator that learns beside what it judges: the adversarial loss."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FILTERS = (32, 64, 64)
_RATE = 1e-3


def _network() -> nn.Sequential:
    """3×H×W → 1×H/8×W/8, each output of a patch of 22 px; the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers, channels = list[nn.Module](), 3
        for filters in _FILTERS:
            layers += [nn.Conv2d(channels, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels = filters
        return nn.Sequential(*layers, nn.Conv2d(channels, 1, 1))


class Critic:
    """Tells patches of a style from patches of pictures, and says how well it can.

    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
    for the patches; Goodfellow et al., "Generative Adversarial Nets", NIPS 2014, for the loss.
    """

    def __init__(self, device: torch.device) -> None:
        self._network = _network().to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), _RATE, (0.5, 0.999))

    def learn(self, made: Tensor, wanted: Tensor) -> None:
        """Make one step with N×3×H×W pictures in [0, 1] and with the style's, of any size."""
        with torch.enable_grad():
            own, its = (self._network(2 * x.detach() - 1) for x in (made, wanted))
            self._optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(F.softplus(own).mean() + F.softplus(-its).mean())
        self._optimiser.step()

    def judged(self, made: Tensor) -> Tensor:
        """Return how surely pictures are set apart from the style: N; 0 where they are not."""
        self._network.requires_grad_(False)
        found = F.softplus(-self._network(2 * made - 1)).mean((1, 2, 3))
        self._network.requires_grad_(True)
        return found

    def __call__(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Learn from both, then judge what was made: N."""
        self.learn(made, wanted)
        return self.judged(made)

    def state(self) -> dict[str, Any]:
        """All that it needs to go on."""
        return {
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
