"""A network in one piece of data, as the browser's engine reads it: description and weights.

Weights are 16-bit whole numbers with one scale a filter: half the size of float32, and nearer to
it than float16, since filters hold no numbers far apart. No torch: the web process makes this.

    4 bytes  length of the description, little-endian
    JSON     the description, padded with spaces to a multiple of 4 bytes
    then, for each convolution: float32 bias of each filter, float32 scale of each filter, int16
    weights filter × channel × 3 × 3, padded to a multiple of 4 bytes
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
_LARGEST = 32767
_LENGTH = 8  # bytes that say how long a safetensors file's header is

Tensors = Mapping[str, NDArray[np.float32]]


def described(network: str) -> bool:
    """Tell whether there is a description of a network."""
    return (FOLDER / f"{network}.json").is_file()


def plan(network: str) -> dict[str, Any]:
    """Return a network's description, as `adain.live.plan` makes it. Raises OSError."""
    read: dict[str, Any] = json.loads((FOLDER / f"{network}.json").read_text("utf-8"))
    return read


def read(file: Path) -> tuple[dict[str, Any], Tensors]:
    """Return a safetensors file's metadata and its float32 tensors. Raises ValueError."""
    data = file.read_bytes()
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    header: dict[str, Any] = json.loads(data[_LENGTH:end])
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, one in header.items():
        if one["dtype"] != "F32":
            raise ValueError(f"{name} is {one['dtype']}, not F32.")
        first, last = one["data_offsets"]
        flat = np.frombuffer(data[end + first : end + last], "<f4")
        tensors[name] = flat.reshape(one["shape"])
    return metadata, tensors


def grain(plan: Mapping[str, Any], metadata: Mapping[str, Any]) -> float:
    """Return the deviation of a network's noise: what its weights' file says, or else the plan."""
    return float(metadata.get("grain", plan["grain"]))


def convolutions(plan: Mapping[str, Any]) -> list[str]:
    """Return the names of a description's convolutions, in the order of their weights."""
    steps = [plan["encoder"], *plan["decoder"]]
    return [step["conv"] for part in steps for step in part if "conv" in step]


def rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return a scale for each filter, and weights as whole numbers of it."""
    most = np.abs(weights).max(axis=(1, 2, 3)).clip(min=1e-30)
    scales = (most / _LARGEST).astype(np.float32)
    return scales, np.rint(weights / scales[:, None, None, None]).astype(np.int16)


def _pieces(names: list[str], tensors: Tensors) -> Iterator[bytes]:
    for name in names:
        scales, whole = rounded(tensors[f"{name}.weight"])
        yield tensors[f"{name}.bias"].astype("<f4").tobytes()
        yield scales.astype("<f4").tobytes()
        yield whole.astype("<i2").tobytes()
        yield bytes(-whole.nbytes % 4)


def packed(network: str, weights: Path) -> bytes:
    """Return a network with the weights of a safetensors file.

    Raises OSError where there is no description or file, ValueError and KeyError for weights that
    are not the network's.
    """
    metadata, tensors = read(weights)
    whole = plan(network)
    whole["grain"] = grain(whole, metadata)
    text = json.dumps(whole, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    pieces = _pieces(convolutions(whole), tensors)
    return b"".join([len(text).to_bytes(4, "little"), text, *pieces])
