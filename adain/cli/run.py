"""A run of the command line: makes every picture of a plan that can be made, and says the rest."""

import argparse
import errno
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageOps
from tqdm import tqdm

from adain import catalog
from adain.catalog import Color
from adain.cli import inputs, outputs, sheet
from adain.cli.inputs import STANDARD, Input, Unusable
from adain.cli.messages import say
from adain.cli.outputs import Refused
from adain.cli.plan import Plan
from adain.cli.sheet import Sheet
from adain.files import pictures
from adain.request import Request, Style

if TYPE_CHECKING:
    from adain.teaching.taught import TaughtStylizer  # which loads torch

_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EPIPE}  # after which no other picture is written either


_NO_PICTURES = (
    "Scales and shifts that were taught are used as they are: without the colours of the photo, "
    "and by the method adain."
)


def sentence(error: Exception, what: object = "") -> str:
    """Return what to say of a file or picture with which something went wrong."""
    if isinstance(error, Unusable | Refused):
        return str(error)
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = said.splitlines()[0] if said else type(error).__name__
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in said):
        said = "there is not enough memory for it; choose a smaller --size."
    return f"{what}: {said}" if what else said


@dataclass(frozen=True)
class Column:
    """What a photo is painted with: a request that lacks its photo."""

    request: Request
    place: int  # in the plan
    squares: list[Image.Image]  # of the styles, for the sheet


class Measures(Protocol):
    """A network with its weights, as far as a run asks it: a `Stylizer`, or what stands for one."""

    network: str
    sha256: str

    def style(self, image: Image.Image, size: int) -> Image.Image | Style: ...


@dataclass
class Run:
    """The plan, what carries it out, and what became of it so far."""

    args: argparse.Namespace
    plan: Plan
    stylizer: Measures
    make: Callable[[Sequence[Request]], list[Image.Image]]
    taught: "TaughtStylizer | None" = None  # what a style that is a taught one is painted by
    made: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def _noting(self, what: object) -> Iterator[None]:
        """Note what goes wrong with one picture, and go on with the next."""
        try:
            yield
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            if isinstance(error, OSError) and error.errno in _FATAL:
                raise
            self.failures.append(sentence(error, what))

    def _write(self, image: Image.Image, path: Path, ending: str = "") -> None:
        outputs.check(path, self.args.overwrite)
        outputs.write(image, path, ending or self.plan.ending)

    # -------------------------------------------------------- styles

    def _style(self, place: int) -> Image.Image:
        """Return a style picture, and write it if that is wanted."""
        path, painting = (one := self.plan.styles.inputs[place]).path, one.painting
        if painting is not None and self.taught:
            return self.taught.paintings[painting]
        style, notice = inputs.style(path, self.args.keep_margins, self.args.style_crop)
        if notice:
            say(notice)
        if self.plan.style_originals:
            with self._noting(path):
                self._write(style, self.plan.style_originals[place])
        return style

    @cached_property
    def _masks(self) -> list[Image.Image]:
        return [inputs.mask(path) for path in self.args.masks]

    def _request(self, styles: Sequence[Image.Image]) -> Request:
        args, none = self.args, Image.new("RGB", (1, 1))  # each photo in its turn
        masks = list(self._masks)
        if (len(masks), len(styles)) == (1, 2):
            masks.append(ImageOps.invert(masks[0]))
        how = (args.alpha, args.color, args.size, args.transfer, args.strokes, args.region)
        names = ("method", "effort", "loss", "start")
        method = {name: getattr(args, name) for name in names}
        return Request(none, styles, args.weights, masks, *how, args.transparency, **method)

    def _column(self, place: int, styles: Sequence[Image.Image]) -> Column:
        request = self._request(styles)
        pictured = self.args.color == Color.CONTENT or catalog.method(self.args.method).maker
        if self.taught and (rows := self.taught.rows):
            if pictured:
                raise Unusable(_NO_PICTURES)
            own = [rows[place]] if self.plan.each else rows
            request = replace(request, styles=own)
        elif not pictured:  # then a style is the same for every photo
            measured = [self.stylizer.style(one, request.style_side(one)) for one in styles]
            request = replace(request, styles=measured)
        return Column(request, place, [sheet.square(style) for style in styles])

    def _columns(self) -> list[Column]:
        """Return the columns whose styles can be used."""
        count, made = len(self.plan.styles.inputs), list[Column]()
        if not self.plan.each:
            return [self._column(0, [self._style(place) for place in range(count)])]
        self._request([Image.new("RGB", (1, 1))])  # what is wrong with it is so for every style
        for place in range(count):
            with self._noting(self.plan.styles.inputs[place].path):
                made.append(self._column(place, [self._style(place)]))
        return made

    # -------------------------------------------------------- photos

    def _paint(self, photo: Input, request: Request, output: Path) -> Image.Image:
        """Make a picture, write it, and say so."""
        outputs.check(output, self.args.overwrite)
        started = time.perf_counter()
        [image] = self.make([request])
        self._write(image, output)
        made = {
            "content": str(photo.path),
            "output": str(output),
            "width": image.width,
            "height": image.height,
            "seconds": round(time.perf_counter() - started, 3),
            "network": self.stylizer.network,
            "method": request.method,
            "sha256": self.stylizer.sha256,
        }
        line = json.dumps(made) if self.args.json else str(output)
        tqdm.write(line, file=sys.stderr if output == STANDARD else sys.stdout)
        sys.stdout.flush()
        self.made += 1
        return image

    def _keep_photo(self, content: Image.Image, output: Path) -> None:
        """Write a photo as the network gets it."""
        with self._noting(output):
            self._write(pictures.scaled(pictures.rgb(content), self.args.size), output)

    def _row(self, place: int, columns: Sequence[Column], page: Sheet | None) -> None:
        """Make the pictures of one photo."""
        photo = self.plan.photos.inputs[place]
        given, crop = inputs.opened(photo.path), self.args.crop
        for path, mask in zip(self.args.masks, self._masks, strict=True):
            inputs.check_mask(path, mask, pictures.upright_size(given), crop)
        content = inputs.part(pictures.cut_out(given), crop) if crop else given
        if self.plan.photo_originals:
            self._keep_photo(content, self.plan.photo_originals[place])
        results: list[Image.Image | None] = [None] * len(columns)
        for number, column in enumerate(columns):
            output = self.plan.results[place][column.place]
            with self._noting(output):
                request = inputs.cropped(column.request, given, crop)
                results[number] = self._paint(photo, request, output)
        if page:
            page.add(pictures.rgb(content), results)

    def _page(self, columns: Sequence[Column], places: range, output: Path | None) -> None:
        """Make the pictures of some photos, and their contact sheet."""
        count = len(self.plan.photos.inputs)
        page = Sheet([column.squares for column in columns], len(places)) if output else None
        for place in tqdm(places, disable=count == 1 or None, initial=places.start, total=count):
            path = self.plan.photos.inputs[place].path
            with self._noting(path):
                self._row(place, columns, page)
        if page and output and page.rows:
            with self._noting(output):
                self._write(page.image, output, output.suffix.lower()[1:])

    def _report(self) -> None:
        failed = [*self.plan.photos.unread, *self.plan.styles.unread, *self.failures]
        if len(failed) > 1 or (failed and self.made):
            some = "picture is" if self.made == 1 else "pictures are"
            say(f"{self.made} {some} made, {len(failed)} failed:")
        for one in failed:
            say(one)

    def all(self) -> int:
        """Make every picture that can be made; returns the exit status."""
        try:
            columns = self._columns()
            count = len(self.plan.photos.inputs) if columns else 0
            for number, first in enumerate(range(0, count, sheet.ROWS)):
                output = self.plan.sheets[number] if self.plan.sheets else None
                self._page(columns, range(first, min(first + sheet.ROWS, count)), output)
        finally:
            self._report()
        if not self.failures and not self.plan.photos.unread and not self.plan.styles.unread:
            return 0
        return 1 if self.made else 2
