"""A whole studio as `make up` runs it, on a throw-away folder, to be measured from outside."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 180.0  # seconds to get ready; the machine may be busy


@dataclass(frozen=True)
class Studio:
    """Where it is, and its web server's process."""

    address: str
    web: int


def _ready(said: Path, process: subprocess.Popen[bytes]) -> Studio:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        text = said.read_text()
        if found := re.search(r"Ready after .*? (http\S+)", text):
            web = re.findall(r"web started, process (\d+)", text)[-1]
            return Studio(found[1], int(web))
        time.sleep(0.1)
    raise SystemExit(f"The studio did not start:\n{said.read_text()}")


@contextmanager
def studio(**settings: object) -> Iterator[Studio]:
    """Run one with these settings, and end it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        given = {"data": Path(folder) / "data", "port": 0} | settings
        said = Path(folder) / "said"
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "web.cli", "up"],
                env=kept | {f"STUDIO_{name.upper()}": str(value) for name, value in given.items()},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _ready(said, process)
        finally:
            process.terminate()
            process.wait(60)
