"""`make fuzz RUNS=100000`: feeds the decoder files that atheris makes out of the hostile ones.

Guided by which lines of Pillow's and our own Python they reach. Anything but a clean picture or
a sentence, two seconds of the processor for one file, five minutes by the clock, or a crash of the
C below ends it with the file kept. Every report says how many files there were of each kind by
their first bytes, the longest time of one in seconds of the processor, and the most memory in MB.
"""

import argparse
import faulthandler
import io
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(
    include=["PIL", "adain.files", "worker.images.decoder", "worker.images.header"]
):
    from PIL import Image

    from adain.files import kinds
    from tests import hostile
    from worker.images import decoder, header

LONGEST = 20_000  # bytes of a file
PIXELS = 250_000

REPORTED = 10_000  # files between two reports
LONGEST_TIME = 2.0  # seconds of the processor for one file
CROP = (100_000, 250_000, 900_000, 1_000_000)  # of `decoder.SHARES`
LOOKS: list[tuple[Any, ...]] = [  # what the decoder is asked for, and with which numbers
    (decoder.clean,),
    (decoder.clean, 1),  # without its plain border
    (decoder.clean, 0, *CROP),
    (decoder.clean,),
    (decoder.mask,),
    (decoder.opposite,),
    (decoder.small, 64, 1),
    (decoder.small_mask, 64, 48, *CROP),
    (decoder.note,),
]
BEGINNINGS = {
    **{b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"RIFF": "WebP", b"GIF8": "GIF"},
    **{b"II": "TIFF", b"MM": "TIFF", b"BM": "BMP"},
}

ends, begun = Counter[str](), Counter[str]()
longest = 0.0


def kind(data: bytes) -> str:
    """Return the kind of a file by its first bytes."""
    if data[4:8] == b"ftyp":
        return "AVIF" if data[8:10] == b"av" else "HEIC"
    return next((name for start, name in BEGINNINGS.items() if data.startswith(start)), "none")


def report() -> None:
    """Print what was seen so far."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kinds_seen = ", ".join(f"{count} {name}" for name, count in begun.most_common())
    print(f"after {begun.total()} files ({kinds_seen}): {dict(ends)}; ", end="")
    print(f"longest {longest:.2f} s, at most {memory:.0f} MB", flush=True)


def look_at(data: bytes) -> None:
    """Look at a file, and hold the time that it takes under the limit."""
    global longest
    started = time.process_time()
    decoder._allow(decoder.SECONDS)  # as the real process does before each picture
    look_at_one(data)
    begun[kind(data)] += 1
    took = time.process_time() - started
    longest = max(longest, took)
    assert took < LONGEST_TIME, f"{took:.1f} s for one file"
    if begun.total() % REPORTED == 0:
        report()


def look_at_one(data: bytes) -> None:
    """Have the file looked at in one of the ways that there are, by its length."""
    look, *to = LOOKS[len(data) % len(LOOKS)]
    try:
        made = look(data, PIXELS, *to)
    except header.ImageRejected as rejected:
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
    parser.add_argument("--kind", help="PNG, AVIF, HEIC …: made out of files of that kind alone")
    args = parser.parse_args()
    kinds.register()
    faulthandler.register(signal.SIGXCPU, chain=True)  # says where a file took too long
    decoder.limit_memory()
    warnings.simplefilter("ignore", UserWarning)  # Pillow's, on every second file
    with tempfile.TemporaryDirectory() as folder:
        for name, data in hostile.corpus().items():
            if len(data) <= LONGEST and args.kind in {None, kind(data)}:
                Path(folder, name).write_bytes(data)
        options = [
            f"-runs={args.runs}",
            f"-seed={args.seed}",
            f"-max_len={LONGEST}",
            "-timeout=300",
            "-len_control=0",
        ]
        options += ["-rss_limit_mb=0", "-print_final_stats=1", f"-artifact_prefix={Path.cwd()}/"]
        atheris.Setup([sys.argv[0], *options, folder], look_at)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
