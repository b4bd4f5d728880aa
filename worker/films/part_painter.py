"""Parts of a clean film, painted into files: one after the other, or wherever one is free.

A part needs nothing of what others painted: the statistics of its shot are in the film's plan, and
frames before it are painted again, so that its strokes go on from them. Of two parts that follow
each other the second goes on from the first.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

from adain.film import files
from adain.film.codecs import BASE
from adain.film.colours import Picture
from adain.film.files import Writer
from adain.film.flow import Steady
from adain.film.making import Plan
from adain.film.painter import Painter
from worker.errors import Refused
from worker.films.clean_film import CleanFilm
from worker.films.parts import Part

LEAD = 16  # frames before a part that are painted again

Frame = tuple[int, Picture, Fraction]  # its number, and when it is shown, in seconds


class PartPainter:
    """Paints parts of one film into a folder."""

    def __init__(
        self, film: CleanFilm, paint: Painter, plan: Plan, steady: float, folder: Path
    ) -> None:
        self._film, self._painter, self._plan = film, paint, plan
        self._share, self._folder = steady, folder
        self._blend = Steady(steady)
        self._frames: Iterator[Frame] = iter(())
        self.at: int | None = None  # the frame that comes next, if any is known

    def _one(self, number: int, pixels: Picture) -> Picture:
        share = number / self._film.clean.frames
        made = self._painter.paint(pixels, self._plan.at(number), share)
        return self._blend.next(pixels, made, number in self._plan.cuts)

    def _go_to(self, first: int, parts: Sequence[Part], watch: Callable[[], None]) -> None:
        """Go to the first frame of a part; some before it are painted, and shown nowhere."""
        shot = max(cut for cut in self._plan.cuts if cut <= first)
        lead = max(first - LEAD, shot) if self._share else first
        known = max((one for one in parts if one.first <= lead), key=lambda one: one.first)
        self._blend = Steady(self._share)
        self._frames = self._film.frames(known.first, known.begin)
        for number, pixels, _ in islice(self._frames, first - known.first):
            watch()
            if number >= lead:
                self._one(number, pixels)

    def file(self, part: Part) -> Path:
        """Return where a part is painted."""
        return self._folder / f"part-{part.first}-{part.plan}-{part.attempt}"

    def paint(
        self,
        part: Part,
        parts: Sequence[Part],
        watch: Callable[[int], None],
        ends: Callable[[int, Fraction], bool],
    ) -> Path:
        """Paint a part of those that the film has, in order; return its file.

        `watch` hears how many frames are done, and may raise to stop; `ends` of the number of
        frames done and when the next is shown, and tells whether the part ends there. Raises
        `Refused`.
        """
        if self.at != part.first:
            self._go_to(part.first, parts, lambda: watch(0))
        self.at = None
        begin, until = part.begin * BASE, self._end(part, parts)
        codec, clean, file = self._film.codec, self._film.clean, self.file(part)
        writer, done = Writer(str(file), codec, self._film.size, clean.rate, clean=False), 0
        for number, pixels, at in islice(self._frames, part.frames):
            if done and ends(done, at):
                until = at
                break
            watch(done)
            writer.add(self._one(number, pixels), at - begin)
            done += 1
        else:
            self.at = part.end
        if done < part.frames:
            raise Refused("film.too_costly")
        watch(done)
        writer.end(until - begin)
        writer.close()
        return file

    def _end(self, part: Part, parts: Sequence[Part]) -> Fraction:
        """Return when the last frame of a part is shown no more, in seconds."""
        after = [one.begin for one in parts if one.first == part.end]
        return after[0] * BASE if after else Fraction(self._film.clean.seconds)


def begins(times: Sequence[Fraction], every: int) -> list[tuple[int, int]]:
    """Return frame and time in ticks where each part of a film begins, one in so many seconds."""
    found: list[tuple[int, int]] = []
    last = -1
    for number, at in enumerate(times):
        if (place := int(at // every)) > last:
            last = place
            found.append((number, files.ticks(at)))
    return found
