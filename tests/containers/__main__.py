"""`make test-containers`: the images and the compose file, run by a real Docker engine.

IMAGES=stand-in (the usual): an engine of the test's own; images that only a registry of images has
are stood in for by Debian's packages, and torch is the build without CUDA in pip's own folders.
IMAGES=real: the machine's engine, and the images that the files name.

Everything is removed afterwards. Prints what was tried, one line each.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.containers import checks, images, single, space
from tests.containers.engine import Engine, Failed
from tests.containers.stack import PARTS, Stack


class Report:
    """Prints and counts what was tried; a failure does not keep the rest from being tried."""

    def __init__(self, only: str) -> None:
        self._only = only
        self.passed = 0
        self.failed: list[str] = []

    def tried(self, name: str, check: Callable[[], object]) -> bool:
        """Try one thing, if its name has the word that was asked for."""
        if self._only not in name:
            return True
        begun = time.monotonic()
        try:
            said = check()
        except Exception as error:
            self.failed.append(name)
            said = f"FAILED: {type(error).__name__}: {error}"
        else:
            self.passed += 1
        print(f"{name} ({time.monotonic() - begun:.0f} s): {said}", flush=True)
        return name not in self.failed


def _try_stack(report: Report, stack: Stack, fresh: Stack, folder: Path) -> None:
    """Try everything on the stack of the compose file."""
    begun = time.monotonic()
    if not report.tried("compose up", partial(stack.up, "prometheus")):
        print(stack.said())
        return
    print(f"all healthy after {time.monotonic() - begun:.0f} s: {stack.described()}")
    for name in ("page", "token", "limits", "writable", "closed", "rules", "panels", "loaded"):
        report.tried(name, partial(getattr(checks, name), stack))
    for service in PARTS:
        report.tried(f"kill {service}", partial(checks.killed, stack, service))
    report.tried("restart", partial(checks.restarted, stack))
    report.tried("restore", partial(checks.restored, stack, fresh, folder))


def _try_all(engine: Engine, kind: str, report: Report) -> None:
    wheel = images.torch_wheel() if kind == "stand-in" else None
    stack, fresh = Stack(engine, "studio-tested"), Stack(engine, "studio-restored")
    with tempfile.TemporaryDirectory(prefix="studio-containers-") as folder:
        try:
            report.tried("images", partial(images.build, engine, wheel, *images.TARGETS))
            report.tried("one container", partial(single.run, engine))
            report.tried("image of the demo", partial(space.build, engine, wheel))
            report.tried("demo", partial(space.run, engine))
            _try_stack(report, stack, fresh, Path(folder))
        finally:
            for one in (stack, fresh):
                with suppress(Failed):
                    one.down()
            single.remove(engine)
            space.remove(engine)


def main() -> None:
    """Build, run, try, and remove."""
    parser = argparse.ArgumentParser("python -m tests.containers", description=__doc__)
    parser.add_argument("--images", choices=images.KINDS, default=images.KINDS[0])
    parser.add_argument("--keep", type=Path, help="folder of the test's engine, kept afterwards")
    parser.add_argument("--only", default="", help="try only what has this word in its name")
    args = parser.parse_args()
    report = Report(args.only)
    with images.engine(args.images, args.keep) as running:
        _try_all(running, args.images, report)
    print(f"{report.passed} passed, {len(report.failed)} failed")
    sys.exit(bool(report.failed))


if __name__ == "__main__":
    main()
