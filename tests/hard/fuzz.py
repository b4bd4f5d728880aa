"""`make fuzz RUNS=100000`: feeds the decoder files that atheris makes out of the hostile ones.

Guided by which lines of Pillow's and our own Python they reach. Anything but a clean picture or
a sentence, ten seconds for one file, or a crash of the C below ends it with the file kept.
"""

import argparse
import io
import re
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "adain.files", "worker.images.decoder"]):
    from PIL import Image

    from adain.files import kinds
    from tests import hostile
    from worker.images import decoder

LONGEST = 20_000  # bytes of a file
PIXELS = 250_000

REPORTED = 10_000  # files between two reports

ends = Counter[str]()


def look_at(data: bytes) -> None:
    """Have the file looked at in one of the three ways."""
    if ends.total() % REPORTED == REPORTED - 1:
        print(f"after {ends.total() + 1} files: {dict(ends)}", flush=True)
    look = {0: decoder.mask, 1: decoder.note}.get(len(data) % 8, decoder.clean)
    try:
        made = look(data, PIXELS)
    except decoder.ImageRejected as rejected:
        if not {"accepted", "mask"} & set(re.findall(r"\w+", str(rejected))):
            raise
        ends["sentences"] += 1
    except MemoryError:  # where the real process would be replaced
        ends["out of memory"] += 1
    else:
        ends["pictures"] += 1
        if made.suffix != "txt":
            with Image.open(io.BytesIO(made.data)) as image:
                image.load()
                assert image.size == (made.width, made.height)


def main() -> None:
    """Fuzz for so many runs."""
    parser = argparse.ArgumentParser("python -m tests.hard.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kinds.register()
    decoder.limit_memory()
    warnings.simplefilter("ignore", UserWarning)  # Pillow's, on every second file
    with tempfile.TemporaryDirectory() as folder:
        for name, data in hostile.corpus().items():
            if len(data) <= LONGEST:
                Path(folder, name).write_bytes(data)
        options = [
            f"-runs={args.runs}",
            f"-seed={args.seed}",
            f"-max_len={LONGEST}",
            "-timeout=10",
            "-len_control=0",
        ]
        options += ["-rss_limit_mb=0", "-print_final_stats=1", f"-artifact_prefix={Path.cwd()}/"]
        atheris.Setup([sys.argv[0], *options, folder], look_at)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
