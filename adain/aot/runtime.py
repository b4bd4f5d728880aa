"""Load and run the ahead-of-time compiled code of a network; `compile.py` makes it.

Compiled is the common case: a whole picture, without masks, by covariance. Everything else goes
through `tiled_forward.py`, as does every picture until the code exists.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from adain import pixels
from adain.aot import trusted_folders
from adain.aot.trusted_folders import CodeUnusable
from adain.live import library
from adain.model.moments import Moments
from adain.model.network import Network

FOLDER = trusted_folders.FOLDER
PARTS = ("measure", "paint", "interpolate")
SOUND = "sound"  # a file that stands beside code which was seen to paint as the network does
_ADAIN = Path(__file__).parents[1]
SOURCES = (  # what code is made of
    *sorted((_ADAIN / "model").glob("*.py")),
    *(_ADAIN / name for name in ("catalog.py", "pixels.py", "tiles.py", "aot/compile.py")),
)


def _processor(device: torch.device) -> str:
    """What code for a device may make use of."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return library.processor()


@cache
def _made_from(device: torch.device) -> str:
    """Return what code depends on beside weights and dtype: torch, the processor, the sources."""
    sources = [source.read_text() for source in SOURCES]
    return repr((torch.__version__, _processor(device), sources))


def place(network: Network, name: str, folder: Path) -> Path:
    """Where code for this network, this machine and this torch lies.

    `name` is the network's with its weights', as `Style.network` has it.
    """
    text = f"{name} {network.dtype} {_made_from(network.device)}"
    return folder / hashlib.sha256(text.encode()).hexdigest()[:32]


def together(device: torch.device) -> bool:
    """Tell whether pictures of one size are better painted at once than one by one."""
    return device.type == "cuda"


def _run(file: Path, device: torch.device) -> Callable[[list[Tensor]], list[Tensor]]:
    """Return the function in a file of code.

    By what torch's own loader ends in; its public name for that brings the whole compiler into
    the process, 160 MB and 2 seconds.
    """
    if device.type == "cuda":
        where = (str(file), 1, str(device), str(file.parent))
        return torch._C._aoti.AOTIModelContainerRunnerCuda(*where).run
    return torch._C._aoti.AOTIModelContainerRunnerCpu(str(file), 1).run


class Compiled:
    """A network's code; takes N×3×H×W bytes of which it knows that they are no tiles."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._runs = {part: _run(folder / f"{part}.so", network.device) for part in PARTS}
        self._network = network

    def _folded(self, images: Tensor) -> Tensor:
        folded = self._network.folded(pixels.sent(images, self._network.device))
        return folded.contiguous(memory_format=torch.channels_last)

    def measure(self, image: Tensor) -> list[Moments]:
        """Measure one picture at each level as `Network.measure` does: 1×…."""
        found = self._runs["measure"]([self._folded(image)])
        return [Moments(*found[at : at + 2]) for at in range(0, len(found), 2)]

    def paint(
        self, images: Tensor, coverage: Tensor, alpha: Tensor, styles: Sequence[Moments]
    ) -> tuple[Tensor, Tensor]:
        """Paint as `compile.Painting` says: N×3×H×W bytes, and the same folded, not clamped.

        The rest is as `Network.paint` takes it, styles by level.
        """
        run = self._runs["interpolate" if bool((alpha < 1).any()) else "paint"]
        numbers = (coverage, alpha, *(value for style in styles for value in style))
        given = [self._folded(images), *(number.float() for number in numbers)]  # code asks not
        size = len(images) if together(self._network.device) else 1
        pieces = zip(*(torch.split(tensor, size) for tensor in given), strict=True)
        painted, raw = zip(*(run(list(piece)) for piece in pieces), strict=True)
        return self._network.unfolded(torch.cat(painted)).cpu(), torch.cat(raw)


def load(network: Network, name: str, folder: Path) -> Compiled | None:
    """Return a network's code if there is some; raises `CodeUnusable`."""
    there = place(network, name, folder.resolve())
    if not (there / SOUND).exists():
        return None
    if weak := trusted_folders.weak_points(there):
        raise CodeUnusable(trusted_folders.unused(there, weak[0]))
    try:
        return Compiled(there, network)
    except RuntimeError as error:
        shutil.rmtree(there, ignore_errors=True)
        raise CodeUnusable(f"code in {there} can't be used, and is removed: {error}") from error
