"""Compile engine.c to WebAssembly, with and without relaxed SIMD and threads, by clang and lld.

    python -m adain.live.build web/static/engine

writes engine.wasm and its variants. They are checked in, so that running the studio needs no
compiler; a test compares them with what this makes.
"""

import argparse
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "engine.c"
VERSION = "16"  # of clang and lld: other versions make other bytes, of the same behaviour
COMPILER = f"clang-{VERSION}"
PACKAGES = (f"clang-{VERSION}", f"lld-{VERSION}")  # Debian's
_RELAXED = ["-mrelaxed-simd", "-DRELAXED"]
_SHARED = ["-matomics", "-mbulk-memory", "-Wl,--shared-memory", "-Wl,--max-memory=268435456"]
VARIANTS = {  # those for threads have a memory that is shared
    "engine.wasm": [],
    "engine-relaxed.wasm": _RELAXED,
    "engine-threads.wasm": _SHARED,
    "engine-relaxed-threads.wasm": _RELAXED + _SHARED,
}
FLAGS = [
    "--target=wasm32",
    "-msimd128",
    "-O3",
    "-ffp-contract=off",
    "-fno-builtin",
    "-fno-math-errno",
    "-nostdlib",
    "-Wall",
    "-Werror",
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--export=__heap_base",
    "-Wl,--export=__stack_pointer",
    "-Wl,-z,stack-size=65536",
    "-Wl,--strip-all",
]


def built(folder: Path) -> list[Path]:
    """Compile all variants into a folder; return their files.

    Raises FileNotFoundError where there is no compiler, CalledProcessError where it refuses.
    """
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise FileNotFoundError(f"This needs {COMPILER}; Debian's packages: {' '.join(PACKAGES)}.")
    made = []
    for name, flags in VARIANTS.items():
        made.append(folder / name)
        command = [compiler, *FLAGS, *flags, SOURCE.name, "-o", str(made[-1].resolve())]
        subprocess.run(command, cwd=SOURCE.parent, check=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile the engine to WebAssembly.")
    parser.add_argument("folder", type=Path, help="where the files go")
    for file in built(parser.parse_args().folder):
        print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
