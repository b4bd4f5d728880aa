"""The engine's library for this processor: compiled by its C++ compiler, kept, found again.

It lies in a folder beside the networks' machine code (`adain.aot`), under the same rules: code that
others could have put there is not loaded. No torch.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from adain.aot import trusted_folders
from adain.aot.trusted_folders import CodeUnusable, NotNow, alone

_FOLDER = Path(__file__).parent
SOURCES = tuple(_FOLDER / name for name in ("native.c", "engine.c", "vectors.h"))
_FLAGS = (
    "-x",
    "c",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-w",
)
_THREADS = "-fopenmp"


def processor() -> str:
    """Return what code for this processor may make use of."""
    with suppress(OSError), Path("/proc/cpuinfo").open() as lines:
        return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return platform.processor()


def place(folder: Path) -> Path:
    """Return where the library of this source and this processor lies in a folder."""
    parts = [processor(), *_FLAGS, *(source.read_text("utf-8") for source in SOURCES)]
    return folder / f"engine-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}.so"


def _tuned() -> list[str]:
    """Return the flags that allow all that this processor has."""
    return ["-march=native" if platform.machine() in {"x86_64", "AMD64"} else "-mcpu=native"]


def compile_into(file: Path, compiler: str, tuned: Sequence[str]) -> None:
    """Compile into a file; without threads where the compiler has none. Raises `NotNow`."""
    for more in ([_THREADS], []):
        command = [compiler, *_FLAGS, *tuned, *more, str(SOURCES[0]), "-o", str(file)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode == 0:
            return
    raise NotNow(f"{compiler} can't compile the engine: {made.stderr.strip()}")


def make(folder: Path, sound: Callable[[Path], bool]) -> Path:
    """Have the library in `folder`, made and seen to be `sound` if it is not there yet.

    Raises `NotNow`.
    """
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise NotNow("there is no C++ compiler here; on Debian: sudo apt install g++")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    if weak := trusted_folders.weak_point(folder):
        raise NotNow(trusted_folders.refusal(weak, folder))
    there = place(folder)
    if there.exists():
        return there
    with alone(folder), tempfile.TemporaryDirectory(prefix="scratch-", dir=folder) as scratch:
        made = Path(scratch) / there.name
        compile_into(made, compiler, _tuned())
        if not sound(made):
            raise NotNow("compiled, the engine paints otherwise than the network")
        made.chmod(0o700)
        made.replace(there)
    return there


def find(folder: Path) -> Path | None:
    """Return the library in a folder, if there is one; raises `CodeUnusable`."""
    there = place(folder.resolve())
    if not there.exists():
        return None
    if weak := trusted_folders.weak_point(there):
        raise CodeUnusable(trusted_folders.unused(there, weak))
    return there
