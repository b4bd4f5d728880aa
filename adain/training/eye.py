"""The loss network of training, which may combine the layers of several.

The full VGG-19 is slow and available to relu3_1 only; a small one is fast and goes on to relu4_1 or
relu5_1. So an `Eye` may have the first layers of one and the deeper ones of another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from adain.losses.names import STYLE_LOSSES, targets
from adain.model.covariance import covariance
from adain.training.losses import halved
from adain.training.lossnet import LossNetwork, LossNetworkMissing

_CONTENT = 3  # relu4_1 among the layers
_SPREADS = (1, 2)  # relu2_1 and relu3_1, whose covariances are compared
_QUARTER = 3  # layers that mean something at a quarter of the size

SPREADS = "covariance"  # the loss of covariances
_OWN = {"style", "paper_style", SPREADS, *STYLE_LOSSES}  # losses at the picture's own size


@dataclass
class Seen:
    """What an eye sees in N pictures."""

    relu4_1: Tensor  # N×C×h×w
    vectors: dict[str, list[Tensor]]  # by loss; a layer each, N×V, covariances N×C×C
    features: list[Tensor] = field(default_factory=list)  # a layer each, where they were asked for


class Eye(nn.Module):
    """A loss network; `front` stands in for its first layers, `far` looks at a quarter's size.

    With a front the deeper layers' estimates of the full network's channels are left out.
    """

    def __init__(
        self,
        network: LossNetwork,
        front: LossNetwork | None = None,
        far: LossNetwork | None = None,
    ) -> None:
        super().__init__()
        self.network, self.front, self.far = network, front, far or network
        if front is not None:
            for one in (self.network, self.far):
                one.estimates = nn.ModuleList()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Look at N×3×H×W in [0, 1]: features from relu1_1 on."""
        own: list[Tensor] = self.network(images)
        if self.front is None:
            return own
        first: list[Tensor] = self.front(images)
        return first + own[len(first) :]

    def look(
        self, images: Tensor, losses: Iterable[str], half: bool = False, painted: bool = False
    ) -> Seen:
        """See what these losses want to know of N×3×H×W in [0, 1]; `half`: in bfloat16.

        `painted`: features in place of what `STYLE_LOSSES` keep of a style.
        """
        asked, vectors = set(losses), dict[str, list[Tensor]]()
        named = asked & STYLE_LOSSES.keys()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            features = self(images) if asked & _OWN else self.network(images, _CONTENT + 1)
            small = halved(images)
            if asked & _OWN:
                vectors["style"] = self.network.style(features)
            if "style_half" in asked:
                seen = self.network(small, _CONTENT + 1)
                vectors["style_half"] = self.network.style(seen)
            if "style_quarter" in asked:
                seen = self.far(halved(small), _QUARTER)
                vectors["style_quarter"] = self.far.style(seen)
            if SPREADS in asked:
                vectors[SPREADS] = [covariance(features[layer])[1] for layer in _SPREADS]
            if not painted:
                vectors |= {name: targets(name, features) for name in named}
        return Seen(features[_CONTENT], vectors, features if painted and named else [])


def eyes(networks: Sequence[LossNetwork], layers: int) -> list[Eye]:
    """Make eyes of loss networks: one of each, to be used by turns.

    One that ends before relu4_1 becomes the front of the first of the others; there is one eye
    then, and the last of the others looks at a quarter's size. Raises `LossNetworkMissing` where
    what comes out does not have so many layers.
    """
    fronts = [one for one in networks if len(one.blocks) <= _CONTENT]
    deep = [one for one in networks if len(one.blocks) > _CONTENT]
    if len(fronts) > 1 or not deep:
        raise LossNetworkMissing(
            "A loss network that ends before relu4_1 wants one beside it that goes on; "
            "name both with --loss, and no second that ends so early."
        )
    made = [Eye(deep[0], fronts[0], deep[-1])] if fronts else [Eye(one) for one in deep]
    for eye in made:
        if len(eye.network.blocks) < layers:
            raise LossNetworkMissing(
                f"The recipe wants a loss network of {layers} layers, to relu{layers}_1; one of "
                f"those named has {len(eye.network.blocks)}."
            )
    return made
