"""`python -m tests.bench.peers 'NAME=COMMAND' …`: other programs beside ours, by command line.

A command has {photos} (a folder), {style} (a file), {out} (a folder) and {size} in it. It runs with
one photo and with many; the difference, divided, is what one more picture costs a program that
has started, on the wall and in CPU time, which does not depend on what else runs. Ours and the
peers take turns in the same run. Prints one line of ratio a peer.
"""

import argparse
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.studio import painting, photo

OURS = f"{shlex.quote(sys.executable)} -m adain {{photos}} {{style}} -o {{out}} --size {{size}}"


def _folder(place: Path, count: int, size: int) -> Path:
    place.mkdir()
    for number in range(count):
        (place / f"photo-{number:03}.jpg").write_bytes(photo(size))
    return place


class Cost(NamedTuple):
    """Seconds on the wall, and of all cores together."""

    wall: float
    cpu: float


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cost(command: str, photos: Path, style: Path, size: int) -> Cost:
    """Run a command and return what it cost; raises CalledProcessError when it failed."""
    with tempfile.TemporaryDirectory() as out:
        words = [
            word.format(photos=photos, style=style, out=out, size=size)
            for word in shlex.split(command)
        ]
        begun, before = time.perf_counter(), _cpu()
        subprocess.run(words, check=True, capture_output=True)
        return Cost(time.perf_counter() - begun, _cpu() - before)


def measure(peers: dict[str, str], size: int, count: int, rounds: int) -> dict[str, Cost]:
    """Return what one more picture costs each program, ours as "adain"."""
    programs = {"adain": OURS} | peers
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="studio-peers-") as name:
        place = Path(name)
        style = place / "style.jpg"
        style.write_bytes(painting(size))
        one, many = _folder(place / "one", 1, size), _folder(place / "many", 1 + count, size)
        for _ in range(rounds):
            for program, command in programs.items():
                alone = _cost(command, one, style, size)
                all_ = _cost(command, many, style, size)
                more = zip(all_, alone, strict=True)
                costs[program].append(Cost(*((after - before) / count for after, before in more)))
    return {
        program: Cost(*map(median, zip(*found, strict=True))) for program, found in costs.items()
    }


def _named(given: str) -> tuple[str, str]:
    name, equals, command = given.partition("=")
    if not (name and equals and command):
        raise argparse.ArgumentTypeError("wanted NAME=COMMAND")
    return name, command


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m tests.bench.peers", description=__doc__)
    parser.add_argument("peers", nargs="+", type=_named, metavar="NAME=COMMAND")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--count", type=int, default=20, help="more pictures")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    found = measure(dict(args.peers), args.size, args.count, args.rounds)
    print(f"\n| one more picture of {args.size} px, file to file | ms | CPU ms |\n|---|---|---|")
    for name, cost in found.items():
        print(f"| {name} | {cost.wall * 1000:.0f} | {cost.cpu * 1000:.0f} |")
    ours = found["adain"]
    for name, _ in args.peers:
        wall, cpu = found[name].wall / ours.wall, found[name].cpu / ours.cpu
        print(f"ratio {name} {wall:.2f} (CPU time {cpu:.2f}, {args.size} px, compact here)")


if __name__ == "__main__":
    main()
