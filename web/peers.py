"""`python -m web.peers 'NAME=COMMAND' …`: other programs beside ours, each by its command line.

A command has {photos} (a folder), {style} (a file), {out} (a folder) and {size} in it. It runs with
one photo and with many; the difference, divided, is what one more picture costs a program that
has started. Ours and the peers take turns in the same run. Prints one line of ratio a peer.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from web.bench import noise, photo

OURS = f"{shlex.quote(sys.executable)} -m adain {{photos}} {{style}} -o {{out}} --size {{size}}"


def _folder(place: Path, count: int, size: int) -> Path:
    place.mkdir()
    for number in range(count):
        (place / f"photo-{number:03}.jpg").write_bytes(photo(size))
    return place


def _seconds(command: str, photos: Path, style: Path, size: int) -> float:
    """Run a command and return how long it took; raises CalledProcessError when it failed."""
    with tempfile.TemporaryDirectory() as out:
        words = [
            word.format(photos=photos, style=style, out=out, size=size)
            for word in shlex.split(command)
        ]
        begun = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        return time.perf_counter() - begun


def measure(peers: dict[str, str], size: int, count: int, rounds: int) -> dict[str, float]:
    """Return the seconds that one more picture costs each program, ours as "adain"."""
    programs = {"adain": OURS} | peers
    costs: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="studio-peers-") as name:
        place = Path(name)
        style = place / "style.jpg"
        style.write_bytes(noise(size))
        one, many = _folder(place / "one", 1, size), _folder(place / "many", 1 + count, size)
        for _ in range(rounds):
            for program, command in programs.items():
                alone = _seconds(command, one, style, size)
                costs[program].append((_seconds(command, many, style, size) - alone) / count)
    return {program: median(found) for program, found in costs.items()}


def _named(given: str) -> tuple[str, str]:
    name, equals, command = given.partition("=")
    if not (name and equals and command):
        raise argparse.ArgumentTypeError("wanted NAME=COMMAND")
    return name, command


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m web.peers", description=__doc__)
    parser.add_argument("peers", nargs="+", type=_named, metavar="NAME=COMMAND")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--count", type=int, default=20, help="more pictures")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    found = measure(dict(args.peers), args.size, args.count, args.rounds)
    print(f"\n| one more picture of {args.size} px, file to file | ms |\n|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds * 1000:.0f} |")
    for name, _ in args.peers:
        print(f"ratio {name}/compact at {args.size} px: {found[name] / found['adain']:.1f} ×")


if __name__ == "__main__":
    main()
