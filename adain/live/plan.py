"""What the browser's engine has to know of a network: its steps and levels, as data.

    python -m adain.live.plan

writes compact.json beside this file, from the network as `adain.model.builders` builds it. The
weights are not in it: `adain.live.packed` puts them beside it, without torch.
"""

import json
from pathlib import Path
from typing import Any

from torch import nn

from adain.catalog import DEFAULT_NETWORK, Transfer
from adain.live.packed import FOLDER
from adain.model.builders import Residual, build
from adain.model.covariance import LEAST, RIDGE
from adain.model.moments import EPSILON

Step = dict[str, Any]


class CannotRun(Exception):
    """A network with layers that the engine does not have; the message says which."""


def _conv(name: str, layer: nn.Conv2d) -> Step:
    """Describe a 3×3 convolution with a border reflected by one."""
    kind = (layer.kernel_size, layer.padding, layer.padding_mode, layer.groups)
    if kind != ((3, 3), (1, 1), "reflect", 1):
        raise CannotRun(f"{name} is no 3×3 convolution with a reflected border.")
    channels, filters, stride = layer.in_channels, layer.out_channels, layer.stride[0]
    return {"conv": name, "in": channels, "out": filters, "stride": stride, "relu": False}


def _steps(name: str, layer: nn.Module) -> list[Step]:
    """Describe a layer; rectification is a part of what stands before it."""
    if isinstance(layer, nn.Conv2d):
        return [_conv(name, layer)]
    if isinstance(layer, Residual):
        first = _conv(f"{name}.a", layer.a) | {"relu": True, "keep": True}
        return [first, _conv(f"{name}.b", layer.b) | {"plus": True}]
    if isinstance(layer, nn.Upsample):
        return [{"up": True}]
    raise CannotRun(f"{name} is a {type(layer).__name__}, which the engine does not have.")


def _part(name: str, layers: nn.Sequential) -> list[Step]:
    """Describe a run of layers of the encoder or decoder."""
    made: list[Step] = []
    for number, layer in layers.named_children():
        if isinstance(layer, nn.ReLU):
            made[-1]["relu"] = True
        elif not isinstance(layer, nn.PixelUnshuffle):
            made += _steps(f"{name}.{number}", layer)
    return made


def plan(name: str) -> dict[str, Any]:
    """Describe a network of the catalog. Raises `CannotRun`."""
    network = build(name)
    if network.fold != 2:
        raise CannotRun(f"{name} does not fold 2×2 pixels into a cell.")
    levels = zip(network.levels, network.channels, network.strides, strict=True)
    full = Transfer.COVARIANCE.full
    return {
        "network": name,
        "black": network.black,
        "white": network.white,
        "stride": network.stride,
        "grain": network.grain_deviation,  # unless the weights' file says another
        "epsilon": EPSILON,
        "ridge": RIDGE,
        "least": LEAST,
        "levels": [{"channels": c, "stride": s, "full": full(level)} for level, c, s in levels],
        "encoder": _part("encoder", network.encoder),
        "decoder": [_part("decoder", layers) for layers in network.steps],
    }


def text(name: str = DEFAULT_NETWORK) -> str:
    """Return the description as it is written."""
    return json.dumps(plan(name), indent=1) + "\n"


def main() -> None:
    file: Path = FOLDER / f"{DEFAULT_NETWORK}.json"
    file.write_text(text(), "utf-8")
    print(file)


if __name__ == "__main__":
    main()
