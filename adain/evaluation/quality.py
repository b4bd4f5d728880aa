"""`python -m adain.evaluation.quality NETWORK … --content DIR --style DIR`: quality as a table.

Entrants are networks by name, weights files, and folders of pictures made elsewhere, so that
peers appear in the same table. Each figure is a mean over pairs with a 95 % bootstrap interval.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Protocol

import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from adain import methods, pixels, weights
from adain.catalog import DEFAULT_METHOD, NETWORKS, Effort
from adain.evaluation import measures
from adain.evaluation.cards import Deck
from adain.evaluation.measures import Measures
from adain.files import pictures
from adain.request import Request
from adain.stylizer import FOLDER, Stylizer
from adain.training import crops, lossnet, runs
from adain.training.crops import NoPictures, Pictures
from adain.training.lossnet import LossNetwork, LossNetworkMissing

_RESCALED_OVER = 32  # pictures over which a raw VGG-19's filters are brought to a mean of 1


class NotMeasurable(Exception):
    """An entrant or a pair that is not there; the message says which."""


@dataclass(frozen=True)
class Pair:
    """A photo and a painting, and what a picture made of them elsewhere is called."""

    photo: Path
    painting: Path

    @property
    def name(self) -> str:
        """`photo_stylized_painting`, without what the paper's authors add to cropped inputs."""
        parts = (path.stem.removesuffix("_cropped") for path in (self.photo, self.painting))
        return "_stylized_".join(parts)


class Entrant(Protocol):
    """Something that gives a picture for a pair."""

    name: str

    def paint(self, pair: Pair, photo: Image.Image, painting: Image.Image) -> Image.Image: ...

    def identity(self, photo: Image.Image) -> Image.Image | None:
        """Return the photo as its own style."""


class Painter:
    """A network of ours, and a method."""

    def __init__(self, name: str, stylizer: Stylizer, how: str = DEFAULT_METHOD) -> None:
        self.name, self._stylizer = name, stylizer
        self._method, _, effort = how.partition("-")
        self._effort = Effort(effort or Effort.MORE)

    def _made(self, photo: Image.Image, painting: Image.Image) -> Image.Image:
        request = Request(photo, [painting], size=0, method=self._method, effort=self._effort)
        return methods.make(self._stylizer, [request])[0]

    def paint(self, pair: Pair, photo: Image.Image, painting: Image.Image) -> Image.Image:
        """Stylize at the size the pictures have."""
        return self._made(photo, painting)

    def identity(self, photo: Image.Image) -> Image.Image | None:
        """Stylize the photo with itself."""
        return self._made(photo, photo)


class Album:
    """A folder of pictures made elsewhere, named after their pairs."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = folder.name, folder

    def paint(self, pair: Pair, photo: Image.Image, painting: Image.Image) -> Image.Image:
        """Find the picture and bring it to the photo's size."""
        found = [path for path in sorted(self._folder.iterdir()) if path.stem == pair.name]
        if not found:
            raise NotMeasurable(f"There is no picture {pair.name} in {self._folder}.")
        return pictures.rgb(Image.open(found[0])).resize(photo.size, Image.Resampling.LANCZOS)

    def identity(self, photo: Image.Image) -> Image.Image | None:
        """Return None: a folder has no result for a photo in its own style."""
        return None


def entrant(name: str, folder: Path, device: str) -> Entrant:
    """Find an entrant: a network by name, a weights file, or a folder of pictures.

    A network's name may end in a method: `compact:refine-little`.
    """
    path, (network, _, how) = Path(name), name.partition(":")
    if network in NETWORKS:
        return Painter(name, Stylizer.load(network, folder, device), how or DEFAULT_METHOD)
    if path.is_dir():
        return Album(path)
    if not path.is_file():
        raise NotMeasurable(f"{name!r} is no network, no weights file and no folder.")
    return Painter(f"{path.parent.name}/{path.name}", _of_file(path, torch.device(device)))


def _of_file(file: Path, device: torch.device) -> Stylizer:
    for network in NETWORKS:
        try:
            return Stylizer(weights.load_file_of(network, file), network, "measured", device)
        except weights.WeightsError as error:
            refused = error
    raise refused


def _listed(table: Path) -> list[Pair]:
    """Read `photo<TAB>painting` lines, paths relative to the table's folder."""
    lines = [line.split("\t") for line in table.read_text().splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise NotMeasurable(f"{table} wants a photo and a painting on each line, with a tab.")
    return [Pair(*(table.parent / name for name in line)) for line in lines]


def _crossed(content: Path, style: Path, split: Path | None, count: int) -> list[Pair]:
    """Pair held-out photos and paintings, at most `count`: each as often as any other."""
    names = crops.part(split, "held out")
    photos, paintings = (Pictures(folder, names=names).paths for folder in (content, style))
    pairs = [
        Pair(photo, paintings[(place + turn) % len(paintings)])
        for turn in range(len(paintings))
        for place, photo in enumerate(photos)
    ]
    return pairs[:count]


def _shown(file: Path, rows: list[list[Image.Image]], side: int) -> None:
    """Write the contact sheet: photo, painting, then each entrant."""
    squares = [[ImageOps.fit(picture, (side, side)) for picture in row] for row in rows]
    runs.sheet(file, squares)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m adain.evaluation.quality", description="Measure results."
    )
    parser.add_argument(
        "entrants",
        nargs="+",
        help="networks (compact, compact:refine-little), weights files, picture folders",
    )
    parser.add_argument("--content", type=Path, help="folder of photos")
    parser.add_argument("--style", type=Path, help="folder of paintings")
    parser.add_argument("--split", type=Path, help="measure only on what this table holds out")
    parser.add_argument("--pairs", type=Path, help="a table of pairs in place of two folders")
    parser.add_argument("--count", type=int, default=48, help="most pairs (default 48)")
    parser.add_argument("--size", type=int, default=512, help="shorter side (default 512)")
    parser.add_argument("--loss", type=Path, default=lossnet.SHIPPED, help="network to measure in")
    parser.add_argument(
        "--vgg19", type=Path, help="measure style in this full VGG-19 to relu3_1 as well"
    )
    parser.add_argument("--cards", type=Path, help="write cards for a blind comparison there")
    parser.add_argument("--each", action="store_true", help="a table of every pair as well")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this JPEG")
    parser.add_argument("--sheet-side", type=int, default=256, help="of its pictures (default 256)")
    parser.add_argument("--weights-folder", type=Path, default=FOLDER)
    parser.add_argument("--device", default="cpu")
    return parser


def _pairs(args: argparse.Namespace) -> list[Pair]:
    if args.pairs:
        return _listed(args.pairs)
    if not (args.content and args.style):
        raise NotMeasurable("Name --content and --style folders, or a table of --pairs.")
    return _crossed(args.content, args.style, args.split, args.count)


def _sized(path: Path, size: int) -> Image.Image:
    """Open a picture, its shorter side scaled, cut to sides that every network takes."""
    image = pictures.scaled(pictures.rgb(Image.open(path)), size)
    return image.crop((0, 0, image.width // 8 * 8, image.height // 8 * 8))


def _full(file: Path, pairs: Sequence[Pair]) -> LossNetwork:
    """Load a full VGG-19; a raw one is brought to a mean activation of 1 on the pairs' pictures."""
    network = lossnet.load(file)
    if network.raw:
        paths = sorted({path for pair in pairs for path in (pair.photo, pair.painting)})
        squares = [
            ImageOps.fit(pictures.rgb(Image.open(path)), (256, 256))
            for path in paths[:_RESCALED_OVER]
        ]
        some = torch.cat([pixels.tensor(square) for square in squares])
        lossnet.rescale(network, pixels.unit(some))
    return network


def _run(args: argparse.Namespace) -> None:
    """Measure every entrant on every pair and print the tables."""
    eye, pairs = lossnet.load(args.loss), _pairs(args)
    full = _full(args.vgg19, pairs) if args.vgg19 else None
    deck = Deck(args.cards, SystemRandom()) if args.cards else None
    entrants = [entrant(name, args.weights_folder, args.device) for name in args.entrants]
    found: dict[str, list[Measures]] = {one.name: [] for one in entrants}
    rows, each = [], {}
    for pair in tqdm(pairs, unit="pair"):
        photo, painting = _sized(pair.photo, args.size), _sized(pair.painting, args.size)
        row = [photo, painting]
        for one in entrants:
            row.append(one.paint(pair, photo, painting))
            own = one.identity(photo)
            measured = measures.measure(eye, row[-1], photo, painting, own, full)
            found[one.name].append(measured)
            each[f"{pair.name}, {one.name}"] = [measured]
        rows.append(row)
        if deck:
            names = [one.name for one in entrants]
            deck.add(photo, painting, dict(zip(names, row[2:], strict=True)))
    if args.each:
        print(measures.table(each), end="\n\n")
    print(
        f"Mean over {len(rows)} pairs at {args.size} px [95 % interval]\n\n{measures.table(found)}"
    )
    if args.sheet:
        _shown(args.sheet, rows, args.sheet_side)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    try:
        _run(args)
    except (NotMeasurable, NoPictures, LossNetworkMissing, weights.WeightsError, OSError) as error:
        print(f"adain.evaluation.quality: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
