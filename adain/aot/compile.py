"""`python -m adain.aot.compile [FOLDER]`: compile a network ahead of time, for this machine.

torch's AOTInductor fuses pads, activations, statistics and AdaIN into single loops; it needs a C++
compiler and a minute or two, once. docs/benchmarks.md has the gain. The output is compared with the
network's before the code is used. Raises `NotNow` with a sentence.
"""

import argparse
import contextlib
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from adain import pixels
from adain.aot import trusted_folders
from adain.aot.runtime import FOLDER, PARTS, SOUND, Compiled, place, together
from adain.aot.trusted_folders import NotNow, alone
from adain.catalog import DEFAULT_NETWORK, NETWORKS
from adain.live import backend
from adain.model.moments import Moments
from adain.model.network import Network
from adain.stylizer import FOLDER as WEIGHTS
from adain.stylizer import Stylizer
from adain.tiles import SIDE

ALIKE = 0.02  # relative, in half precision; of a picture in mid grey 2.5 of 255


# ---------------------------------------------------------------- what is compiled


class Measuring(nn.Module):
    """A style's way through the network: its moments at each level."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, folded: Tensor) -> list[Tensor]:
        """A folded picture in bytes → mean and spread of level 0, of level 1 …: N×…."""
        x = self.network.enter(pixels.unit(folded).to(self.network.dtype))
        found, _ = self.network.measure(x)
        return list(chain(*found))


class Painting(nn.Module):
    """A content's way through the network by `Transfer.COVARIANCE` (see `Network.paint`)."""

    def __init__(self, network: Network, interpolating: bool) -> None:
        super().__init__()
        self.network, self.interpolating = network, interpolating

    def forward(
        self, folded: Tensor, coverage: Tensor, alpha: Tensor, *styles: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A folded picture in bytes → the same painted, and not yet clamped to bytes.

        `coverage` and `alpha` are as `adain` has them, `styles` mean and spread of level 0, of
        level 1 …: N×K×… each.
        """
        unit = pixels.unit(folded)
        x, photo = (
            self.network.enter(unit.to(self.network.dtype)),
            unit if self.interpolating else None,
        )
        x = self.network.paint(x, _by_level(styles), coverage, alpha, photo=photo)
        return pixels.as_bytes(x), x


def _by_level(values: Sequence[Tensor]) -> list[Moments]:
    return [Moments(*values[at : at + 2]) for at in range(0, len(values), 2)]


def _modules(network: Network) -> dict[str, nn.Module]:
    ways = (Measuring(network), Painting(network, False), Painting(network, True))
    return dict(zip(PARTS, (way.eval() for way in ways), strict=True))


def _example(
    network: Network, sides: tuple[int, int], styles: int, alpha: float, n: int = 1
) -> list[Tensor]:
    """Return example inputs of `Painting`: smooth pictures, and styles measured from such."""
    generator = torch.Generator().manual_seed(styles)
    coarse = torch.rand(n + styles, 3, 8, 8, generator=generator)
    smooth = pixels.as_bytes(F.interpolate(coarse, sides, mode="bicubic"))
    folded = network.folded(smooth.to(network.device)).contiguous(memory_format=torch.channels_last)
    shares, strength = torch.full((n, styles, 1, 1), 1 / styles), torch.full((n,), alpha)
    wanted = [torch.stack([value] * n) for value in Measuring(network)(folded[n:])]
    return [folded[:n], shares.to(network.device), strength.to(network.device), *wanted]


# ---------------------------------------------------------------- compiling it


# Without `reorder_for_locality`: it moves what only the outputs need behind the next residual
# block, which by then has written into the features that were to be measured.
_OPTIONS = {"freezing": True, "reorder_for_locality": False}


def _compile(module: nn.Module, network: Network, file: Path) -> None:
    """Compile for pictures of any size that takes no tiles, and for any number of styles.

    What the code calls and torch has no compiled form of, eigenvalues, is listed in a file of the
    same name that ends in .json; without it the code can't run.
    """
    cell, most = network.stride // network.fold, SIDE // network.stride
    many = together(network.device) and isinstance(module, Painting)
    n = {0: Dim("pictures", min=1)} if many else {}
    sides = {at: cell * Dim(name, min=2, max=most) for at, name in ((2, "height"), (3, "width"))}
    k = {1: Dim("styles", min=1)}
    given = _example(network, (512, 384), 2, 1.0, 2 if many else 1)
    dynamic = [n | sides, n | k, n, ((n | k),) * (len(given) - 3)]
    if isinstance(module, Measuring):
        given, dynamic = given[:1], [sides]
    exported = torch.export.export(module, tuple(given), dynamic_shapes=tuple(dynamic))
    options = _OPTIONS | {"aot_inductor.output_path": str(file)}
    file.parent.mkdir(exist_ok=True)
    torch._inductor.aot_compile(exported.module(), tuple(given), options=options)
    for calls in file.parent.glob("*.wrapper.json"):
        calls.rename(file.with_suffix(".json"))


def _differs(made: Path, network: Network) -> float:
    """How far compiled code is from the network itself: a mean, relative to what should be."""
    code, modules, found = Compiled(made, network), _modules(network), list[float]()
    for sides, styles, alpha in (((64, 48), 1, 1.0), ((16, 200), 3, 0.5), ((512, 512), 1, 1.0)):
        given = _example(network, sides, styles, alpha)
        picture, coverage, strength = network.unfolded(given[0]), given[1], given[2]
        wanted = _by_level(given[3:])
        own, _ = modules["paint" if alpha == 1 else "interpolate"](*given)
        ours, _ = code.paint(picture, coverage, strength, wanted)
        pairs = [(network.unfolded(own).float(), ours.float())]
        pairs += zip(modules["measure"](given[0]), chain(*code.measure(picture)), strict=True)
        found += [float((a - b.to(a)).abs().mean() / a.abs().mean()) for a, b in pairs]
    return max(found, key=lambda far: (math.isnan(far), far))


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield a new folder to compile in; in a container nothing in /tmp may be executed."""
    for left in folder.glob("scratch*"):  # left by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=folder) as name:
        yield Path(name)


@torch.no_grad()
def make(network: Network, name: str, folder: Path) -> Path:
    """Have code of a network in `folder`, made if it is not there yet; return where.

    `name` is the network's with its weights', as `Style.network` has it. Raises `NotNow`, or
    what the compiler has to say.
    """
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise NotNow("there is no C++ compiler here; on Debian: sudo apt install g++")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    there = place(network, name, folder)
    if weak := trusted_folders.weak_point(folder):
        raise NotNow(trusted_folders.refusal(weak, folder))
    with alone(folder), _scratch(folder) as scratch:
        if (there / SOUND).exists():
            return there
        shutil.rmtree(there, ignore_errors=True)  # left by a process that was killed
        there.mkdir(mode=0o700)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch)
        for part, module in _modules(network).items():
            _compile(module, network, there / f"{part}.so")
        far = _differs(there, network)
        if not far <= ALIKE:  # so that a NaN is no likeness
            raise RuntimeError(f"compiled, the network paints otherwise: by {far:.1%}")
        for left in there.iterdir():
            if left.suffix not in {".so", ".cubin"} and left.stem not in PARTS:  # its sources
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        (there / SOUND).touch()
    return there


def quickest(stylizer: Stylizer, folder: Path) -> Path:
    """Have what this machine paints with most quickly in `folder`; return where.

    The engine (`adain.live.backend`) is made in seconds wherever it can run a network; machine code
    by torch only where that is quicker, or there is no other. Raises `NotNow`.
    """
    model = stylizer.model
    fits = backend.fits(model, stylizer.network)
    if fits:
        there = backend.make(deepcopy(model), stylizer.network, folder)
    if fits and model.dtype == torch.float32:
        return there
    return make(model, stylizer.name, folder)


def _sacrifice() -> None:
    """Have Linux end this process first where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Make code of one network, and say where it is."""
    parser = argparse.ArgumentParser("python -m adain.aot.compile", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="where code is kept")
    parser.add_argument("--network", choices=NETWORKS, default=DEFAULT_NETWORK)
    parser.add_argument("--weights-folder", type=Path, default=WEIGHTS)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    _sacrifice()
    since = time.monotonic()
    stylizer = Stylizer.load(args.network, args.weights_folder, args.device)
    try:
        there = quickest(stylizer, args.folder)
    except NotNow as error:
        sys.exit(str(error))
    print(f"made in {time.monotonic() - since:.0f} s, {there}")


if __name__ == "__main__":
    main()
