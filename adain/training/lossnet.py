"""Loss networks: VGG-19 up to relu4_1 at any width, with fixed weights.

So the same losses run in the full network, in a small one, or in the one shipped beside
`compact`. Files may end at relu3_1 or go on to relu5_1. Layer names are those of the paper.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from adain.model.covariance import covariance
from adain.model.moments import EPSILON, Statistics, statistics

_WEIGHTS = Path(__file__).parents[1] / "weights"
SHIPPED = _WEIGHTS / "losses.safetensors"  # small: results and lessons are measured in it
LARGE = _WEIGHTS / "losses_large.safetensors"  # nearer to VGG-19: pictures are refined by it
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
DEEPEST = 5  # layers there can be: relu5_1

# The convolutions before each of LAYERS, from the one before; "pool" is a 2×2 max-pool.
_BLOCKS = (
    ("11",),
    ("12", "pool", "21"),
    ("22", "pool", "31"),
    ("32", "33", "34", "pool", "41"),
    ("42", "43", "44", "pool", "51"),
)
_CONVS = [name for block in _BLOCKS for name in block if name != "pool"]
# How the convolutions are called in the files there are; the first maps the picture's colours.
OURS = "ours, or a small VGG"
NAMES = {
    OURS: ["conv0", *(f"conv{name}" for name in _CONVS)],
    "the normalised VGG-19": [
        "0",
        *(str(place) for place in (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42)),
    ],
    "torchvision's VGG-19": [
        "features.(colours)",
        *(f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)),
    ],
    "VGG-19 as first published": [
        "(colours)",
        *(f"conv{name[0]}_{name[1]}" for name in _CONVS),
    ],
}
_FIRSTS = [_CONVS.index(f"{layer}1") for layer in range(1, 1 + DEEPEST)]
_IMAGENET = Statistics(torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225]))
_BGR_MEAN = torch.tensor([103.939, 116.779, 123.68])  # of the first published one, of 255
_LEAST = 0.03  # of the layer's mean activation: a filter that fires less is not made louder

_BEFORE, _AFTER = "_before", "_after"  # 1 × 1 convolutions about one of fewer channels

State = dict[str, Tensor]


class LossNetworkMissing(Exception):
    """No loss network to measure in; the message says what is accepted."""


class LossNetwork(nn.Module):
    """VGG-19 up to relu4_1, or another layer, with channel counts of one's own, fixed.

    `widths` are those of relu1_1, relu2_1 … to the last layer there is.

    `estimates`, where there are any, are linear maps from each layer's channels to an estimate
    of the full network's channels there. `before` and `after` hold, by name, the 1 × 1
    convolutions about those 3 × 3 ones that work on fewer channels, with no ReLU between.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.raw = False  # to be rescaled before the paper's losses mean anything
        self.colours = nn.Conv2d(3, 3, 1)
        self.convs: dict[str, nn.Conv2d] = {}
        self.blocks = _BLOCKS[: len(widths)]
        channels = 3
        for name in _CONVS[: 1 + _FIRSTS[len(widths) - 1]]:
            filters = widths[int(name[0]) - 1]
            self.convs[name] = nn.Conv2d(channels, filters, 3, padding=1, padding_mode="reflect")
            channels = filters
        self.before: dict[str, nn.Conv2d] = {}
        self.after: dict[str, nn.Conv2d] = {}
        self.layers = nn.ModuleList(self.convs.values())
        self.estimates = nn.ModuleList()  # linear, one a layer, or none

    def forward(self, images: Tensor, layers: int = DEEPEST) -> list[Tensor]:
        """N×3×H×W RGB in [0, 1] → features at relu1_1, 2_1, 3_1, 4_1 …: H×W, /2, /4, /8 (up).

        No further than so many layers.
        """
        x = self.colours(images)
        features = []
        for block in self.blocks[:layers]:
            for name in block:
                if name == "pool":
                    x = F.max_pool2d(x, 2, ceil_mode=True)
                else:
                    x = self.after_relu(name, x)
            features.append(x)
        return features

    def response(self, name: str, x: Tensor) -> Tensor:
        """Return what a convolution gives before its ReLU, narrow ones included."""
        if name in self.before:
            x = self.before[name](x)
        x = self.convs[name](x)
        return self.after[name](x) if name in self.after else x

    def after_relu(self, name: str, x: Tensor) -> Tensor:
        """Return what a convolution gives after its ReLU."""
        return torch.relu(self.response(name, x))

    def put(
        self, name: str, conv: nn.Conv2d, before: nn.Conv2d | None, after: nn.Conv2d | None
    ) -> None:
        """Replace a convolution, with what is done before and after it, if anything."""
        self.convs[name] = conv
        if before is not None:
            self.before[name] = before
        if after is not None:
            self.after[name] = after
        each = (self.convs, self.before, self.after)
        self.layers = nn.ModuleList(one for convs in each for one in convs.values())

    def style(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Means and standard deviations of each layer's channels, from the first: N×V each.

        With estimates also those of the full network's channels, without forming its maps: of
        Wx + b the mean is Wμ + b and the variance the diagonal of WΣWᵀ.
        """
        vectors = []
        for layer, x in enumerate(features):
            measured = list(statistics(x))
            if self.estimates:
                mean, spread = covariance(x)
                full = self.estimates[layer]
                variance = torch.einsum("oc,ncd,od->no", full.weight, spread, full.weight)
                measured += [full(mean), (variance.clamp_min(0) + EPSILON).sqrt()]
            vectors.append(torch.cat(measured, 1))
        return vectors


def _read(file: Path) -> State:
    if not file.is_file():
        raise LossNetworkMissing(
            f"There is no loss network {file}. Name a .safetensors or .pth file of VGG-19 "
            "(torchvision's or the normalised one) or of a small VGG, or leave it out."
        )
    if file.suffix == ".safetensors":
        return load_file(file)
    state: State = torch.load(file, map_location="cpu", weights_only=True)
    return state


def _layout(state: State) -> tuple[list[str], int]:
    """Return how the convolutions are called, and how many layers are there whole."""
    for names in NAMES.values():
        there = [f"{name}.weight" in state for name in names[1:]]
        whole = there.index(False) if False in there else len(there)
        if layers := sum(first < whole for first in _FIRSTS[2:]):
            return names, 2 + layers
    raise LossNetworkMissing(f"The loss network's file is none of: {', '.join(NAMES)}.")


def _filters(state: State, name: str) -> int:
    """Return how many channels a convolution gives."""
    last = name + _AFTER if f"{name}{_AFTER}.weight" in state else name
    return len(state[f"{last}.weight"])


def _conv(state: State, name: str) -> nn.Conv2d | None:
    """Make a convolution of what a file holds under a name, None if nothing."""
    if f"{name}.weight" not in state:
        return None
    filters, channels, side, _ = state[f"{name}.weight"].shape
    bias = f"{name}.bias" in state
    conv = nn.Conv2d(channels, filters, side, padding=side // 2, padding_mode="reflect", bias=bias)
    parts = ("weight", "bias") if bias else ("weight",)
    conv.load_state_dict({part: state[f"{name}.{part}"] for part in parts})
    return conv


def load(file: Path = SHIPPED, layers: int = len(LAYERS)) -> LossNetwork:
    """Read a loss network of any width from any of the layouts there are, to so many layers.

    It has fewer where the file has: three at least. `raw` ones, torchvision's and the first
    published, need `rescale` before the paper's losses mean anything. Raises
    `LossNetworkMissing`.
    """
    state = {name: value.float() for name, value in _read(file).items()}
    (colours, *names), whole = _layout(state)
    layers = min(layers, whole)
    network = LossNetwork([_filters(state, names[at]) for at in _FIRSTS[:layers]])
    for name, its in zip(list(network.convs), names, strict=False):
        conv, before, after = (_conv(state, its + place) for place in ("", _BEFORE, _AFTER))
        assert conv is not None  # the layout says so
        network.put(name, conv, before, after)
    if f"{colours}.weight" in state:
        parts = {part: state[f"{colours}.{part}"] for part in ("weight", "bias")}
    elif names[0].startswith("conv"):  # blue, green, red from 0 to 255 less their means
        network.raw = True
        parts = {"weight": 255 * torch.eye(3).flip(0), "bias": -_BGR_MEAN}
    else:  # torchvision's: ImageNet's mean and standard deviation
        network.raw = True
        parts = {"weight": (1 / _IMAGENET.std).diag(), "bias": -_IMAGENET.mean / _IMAGENET.std}
    parts["weight"] = parts["weight"].view(3, 3, 1, 1)
    network.colours.load_state_dict(parts)
    for layer in range(1, 1 + layers):
        if f"conv{layer}1_aux.weight" in state:
            weight = state[f"conv{layer}1_aux.weight"].flatten(1)
            full = nn.Linear(*weight.T.shape)
            full.load_state_dict({"weight": weight, "bias": state[f"conv{layer}1_aux.bias"]})
            network.estimates.append(full)
    return ready(network)


def names_and_weights(network: LossNetwork) -> State:
    """Name a loss network's weights as `load` reads them."""
    names = dict(zip(_CONVS, NAMES[OURS][1:], strict=True))
    each = ((network.convs, ""), (network.before, _BEFORE), (network.after, _AFTER))
    modules = {names[name] + place: one for convs, place in each for name, one in convs.items()}
    return {
        f"{name}.{part}": value
        for name, conv in {NAMES[OURS][0]: network.colours, **modules}.items()
        for part, value in conv.state_dict().items()
    }


def ready(network: LossNetwork) -> LossNetwork:
    """Fix the weights and lay them out with channels last."""
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def of_encoder(encoder: nn.Module) -> LossNetwork:
    """Make a loss network of the paper's encoder, which is VGG-19 up to relu4_1; float32."""
    network = LossNetwork((64, 128, 256, 512))
    mine = [network.colours, *network.convs.values()]
    its = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    for conv, weights in zip(mine, its, strict=True):
        conv.load_state_dict(weights.state_dict())
    return ready(network)


def copy_into(network: LossNetwork, encoder: nn.Module) -> None:
    """Give the paper's encoder the weights of a full-width loss network."""
    mine: list[nn.Module] = [network.colours, *network.convs.values()]
    its = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    if [conv.weight.shape for conv in its] != [conv.weight.shape for conv in mine]:
        raise LossNetworkMissing(
            "vgg19 wants a full VGG-19 as its loss network, since that is its encoder; name its "
            "file with --loss."
        )
    for conv, weights in zip(its, mine, strict=True):
        conv.load_state_dict(weights.state_dict())


@torch.no_grad()
def rescale(network: LossNetwork, images: Tensor) -> None:
    """Give every filter a mean activation of 1 over the images, changing no feature's shape.

    Filters that hardly ever fire excepted. As Gatys et al. did to get the "normalised" VGG-19:
    each filter is divided by its mean activation, and the next layer's weights for it are
    multiplied by the same.
    """
    x = network.colours(images)
    scale = torch.ones(3, device=images.device)
    for block in network.blocks:
        for name in block:
            if name == "pool":
                x = F.max_pool2d(x, 2, ceil_mode=True)
                continue
            conv = network.convs[name]
            conv.weight.mul_(scale[:, None, None])
            activation = torch.relu(conv(x))
            mean = activation.mean((0, 2, 3))
            scale = mean.clamp_min(max(EPSILON, _LEAST * mean.mean().item()))
            conv.weight.div_(scale[:, None, None, None])
            if conv.bias is not None:
                conv.bias.div_(scale)
            x = activation / scale[:, None, None]
