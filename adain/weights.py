"""Weights files: find, add, fetch and load them; only files with a matching checksum are loaded.

`compact` ships inside the package. Others lie in a folder of the user's, put there by
`add` (a file at hand) or `fetch` (an address and its sha256). A network is one file
NAME.safetensors, or two, NAME.encoder.safetensors and NAME.decoder.safetensors, as the
paper's network is usually published; beside each stands its checksum as sha256sum writes it.
"""

import hashlib
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from adain import catalog
from adain.catalog import NETWORKS

if TYPE_CHECKING:  # weights are found without torch, and loaded with it
    from torch import Tensor

    from adain.model.network import Network

FOLDER = Path("data/weights")  # where weights of the user's own lie unless said otherwise
SHIPPED = Path(__file__).parent / "weights"
GRAIN = "grain"  # key in a file's metadata: the deviation of the noise it was taught with
_CHUNK = 1 << 20

State = dict[str, "Tensor"]


class WeightsError(Exception):
    """Weights that can't be used; the message says why and what to do."""


class WeightsMissing(WeightsError):
    """A network whose weights are not there."""


class WeightsCorrupt(WeightsError):
    """A weights file that is not what it was when it was added."""


@dataclass(frozen=True)
class Weights:
    """A network's verified files and the sha256 of their bytes, one after the other."""

    network: str
    files: tuple[Path, ...]
    sha256: str


def _sha256(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _checksum_file(file: Path) -> Path:
    return file.with_name(file.name + ".sha256")


def _verify(file: Path) -> None:
    checksum = _checksum_file(file)
    if not checksum.is_file():
        raise WeightsCorrupt(f"{file} has no {checksum.name} beside it; add the file again")
    if checksum.read_text().split()[:1] != [_sha256(file)]:
        raise WeightsCorrupt(f"{file} is damaged: its sha256 is not that in {checksum.name}")


def _files(network: str, folder: Path) -> tuple[Path, ...]:
    """Return where the network's weights lie, the user's before the shipped; () if nowhere."""
    for place in (folder, SHIPPED):
        whole = place / f"{network}.safetensors"
        parts = tuple(place / f"{network}.{part}.safetensors" for part in ("encoder", "decoder"))
        for files in ((whole,), parts):
            if all(file.is_file() for file in files):
                return files
    return ()


def find(network: str, folder: Path) -> Weights:
    """Return the verified weights of a network.

    Raises ValueError for an unknown name, `WeightsMissing` and `WeightsCorrupt`.
    """
    halves = catalog.network(network).halves
    files = _files(network, folder)
    if not files:
        raise WeightsMissing(
            f"The weights of {network!r} are not in {folder}. Get them with "
            "`adain-studio weights add FILE` or `adain-studio weights fetch URL --sha256 …`"
            f"{', once for the encoder, once for the decoder' if halves else ''}."
        )
    for file in files:
        _verify(file)
    return Weights(network, files, _sha256(*files))


def available(folder: Path) -> list[Weights]:
    """List the networks that can serve; damaged ones raise `WeightsCorrupt`."""
    return [find(network, folder) for network in NETWORKS if _files(network, folder)]


def _read(file: Path) -> State:
    """Read a .safetensors file or a plain PyTorch state dictionary, running no code in it."""
    import torch
    from safetensors.torch import load_file
    from torch import Tensor

    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # what is no pickle makes unpickling raise whatever it likes
        raise WeightsError(f"{file.name} is neither safetensors nor a PyTorch file") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{file.name} holds something other than named tensors")
    return state


def _metadata(file: Path) -> dict[str, str]:
    """What a .safetensors file says of itself; of others nothing is known."""
    from safetensors import safe_open

    if file.suffix != ".safetensors":
        return {}
    with safe_open(file, "pt") as opened:
        return opened.metadata() or {}


def _grain(file: Path) -> float | None:
    """The noise that the weights were taught with, if their file tells. Raises `WeightsError`."""
    reported = _metadata(file).get(GRAIN)
    try:
        deviation = None if reported is None else float(reported)
    except ValueError:
        deviation = -1.0
    if deviation is not None and not 0 <= deviation <= 10:  # NaN is neither
        raise WeightsError(f"{file.name} names a grain of {reported}; it is a number from 0 to 10.")
    return deviation


def _built(network: str, state: State, file: Path) -> "Network":
    """Build a network with these weights; `file` may tell its grain."""
    from adain.model.builders import build

    model = build(network)
    if (deviation := _grain(file)) is not None:
        model.set_grain(deviation)
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return model.eval().requires_grad_(False)


def load(network: str, folder: Path) -> "tuple[Network, Weights]":
    """Build a network and load its verified weights, in float32, ready to evaluate."""
    weights = find(network, folder)
    state: State = {}
    for file in weights.files:
        state |= _read(file)
    return _built(network, state, weights.files[-1]), weights


def load_file_of(network: str, file: Path) -> "Network":
    """Build a network from a whole-network file without a checksum, to train or measure."""
    name, state = recognise(_read(file))
    if name != network:
        raise WeightsError(f"{file.name} holds {name}, not {network}.")
    return _built(network, state, file)


def recognise(state: State) -> tuple[str, State]:
    """Tell by names and shapes whose weights these are.

    Returns ("compact", whole), or ("vgg19.encoder", part) and so on for half a network, with
    our names and without what does not belong. Raises `WeightsError`.
    """
    import torch

    from adain.model.builders import build

    for network in NETWORKS:
        with torch.device("meta"):
            wanted = {name: value.shape for name, value in build(network).state_dict().items()}
        if {name: value.shape for name, value in state.items()} == wanted:
            return network, state
        for part in ("encoder", "decoder"):
            names = [name for name in wanted if name.startswith(part)]
            plain = {name: name.removeprefix(part + ".") for name in names}
            if all(p in state and state[p].shape == wanted[name] for name, p in plain.items()):
                return f"{network}.{part}", {name: state[plain[name]] for name in names}
    raise WeightsError(f"These tensors belong to none of the networks: {', '.join(NETWORKS)}.")


def add(file: Path, folder: Path) -> str:
    """Copy a weights file into the folder as safetensors; return whose it is (see `recognise`).

    Takes `.safetensors` and PyTorch's `.pth`. Raises `WeightsError` for anything else, for
    values that are not finite, and FileNotFoundError.
    """
    import torch
    from safetensors.torch import save_file

    if not file.is_file():
        raise WeightsError(f"There is no file {file}.")
    name, state = recognise(_read(file))
    if not all(torch.isfinite(value).all() for value in state.values()):
        raise WeightsError(f"{file.name} holds values that are not finite.")
    _grain(file)  # refused now rather than when it is loaded
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.safetensors"
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        copy = Path(aside) / target.name
        save_file({k: v.contiguous() for k, v in state.items()}, copy, _metadata(file))
        _checksum_file(copy).write_text(f"{_sha256(copy)}  {target.name}\n")
        _checksum_file(copy).replace(_checksum_file(target))
        copy.replace(target)
    return name


def _download(url: str, file: Path, progress: Callable[[int], None]) -> None:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, file.open("wb") as stream:
            while chunk := answer.read(_CHUNK):
                stream.write(chunk)
                progress(len(chunk))
    except (urllib.error.URLError, TimeoutError) as error:
        raise WeightsError(f"{url} could not be fetched: {error}") from error


def fetch(
    url: str, sha256: str, folder: Path, progress: Callable[[int], None] = lambda size: None
) -> str:
    """Download a weights file, verify it and add it; return whose it is.

    `progress` gets the size of each piece in bytes. Raises `WeightsError`, and then leaves
    nothing behind.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise WeightsError(f"{url!r} is not an http or https address.")
    if not re.fullmatch("[0-9a-f]{64}", sha256.lower()):
        raise WeightsError("A sha256 has 64 digits from 0-9 and a-f.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        file = Path(aside) / (Path(unquote(urlsplit(url).path)).name or "weights")
        _download(url, file, progress)
        if _sha256(file) != sha256.lower():
            raise WeightsError(f"{url} gave a file with sha256 {_sha256(file)}, not {sha256}.")
        return add(file, folder)
