"""The least time a network can take on a machine: its arithmetic and its memory, nothing else.

Each layer costs the larger of its operations over the machine's measured matrix rate and its
bytes over the measured copy rate (a roofline, layer by layer). Pads, activations and
up-sampling are taken to be free, as if they were fused into the convolutions.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adain.model.builders import build
from adain.model.network import Network

_MATRIX = 2048  # rows and columns of the matrices multiplied
_COPIED = 1 << 28  # bytes copied
_TIMES = 5


@dataclass(frozen=True)
class Machine:
    """What the device was measured to do in a number format."""

    operations: float  # a second, a multiplication and an addition being two
    bytes: float  # a second, read and written


@dataclass(frozen=True)
class Layer:
    """One layer's work for one picture."""

    operations: int
    bytes: int

    def seconds(self, machine: Machine) -> float:
        """Least time it takes."""
        return max(self.operations / machine.operations, self.bytes / machine.bytes)


def _best(work: Callable[[], object], device: torch.device) -> float:
    """Shortest of some times a piece of work takes, in seconds."""
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)


@torch.inference_mode()
def measure(device: torch.device, dtype: torch.dtype) -> Machine:
    """Measure a device's matrix and copy rates."""
    square = torch.rand(_MATRIX, _MATRIX, device=device).to(dtype)
    much = torch.zeros(_COPIED, dtype=torch.uint8, device=device)
    there = torch.empty_like(much)
    return Machine(
        2 * _MATRIX**3 / _best(lambda: square @ square, device),
        2 * _COPIED / _best(lambda: there.copy_(much), device),
    )


def _size(x: Tensor, dtype: torch.dtype) -> int:
    return x.numel() * dtype.itemsize


def layers(network: str, side: int, dtype: torch.dtype) -> list[Layer]:
    """List the layers a square picture goes through, AdaIN at each level among them."""
    found: list[Layer] = []

    def seen(layer: nn.Module, given: tuple[Tensor], made: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        operations = 2 * made.numel() * weight[0].numel()
        found.append(Layer(operations, sum(_size(x, dtype) for x in (given[0], weight, made))))

    with torch.device("meta"):
        model: Network = build(network)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(seen)

        def transfer(level: int, features: Tensor) -> Tensor:
            found.append(Layer(0, 3 * _size(features, dtype)))  # mean, variance; change
            return features

        model.run(model.encode(torch.empty(1, 3, side, side)), transfer)
    return found


def seconds(network: str, side: int, machine: Machine, dtype: torch.dtype) -> float:
    """Least time for one square picture with its style known."""
    return sum(layer.seconds(machine) for layer in layers(network, side, dtype))
