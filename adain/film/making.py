"""A film → a painted film: cleaned, its shots found and measured, painted, written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from PIL import Image

from adain.film import animation, files, kinds, painter, shots
from adain.film.cleaning import Clean
from adain.film.codecs import Codec
from adain.film.colours import Picture
from adain.film.files import Writer
from adain.film.flow import Steady
from adain.film.limits import USUAL_STEADY
from adain.film.painter import Painter, Shot
from adain.request import Request
from adain.stylizer import Stylizer

Report = Callable[[str, int, int], None]  # stage, frames done of how many; may raise to stop
Size = tuple[int, int]
# frames of a film at a size, or its own, with their times; may raise what ends the film
Read = Callable[[InputContainer, Size | None], Iterator[tuple[Picture, Fraction]]]
STAGES = ("clean", "shots", "paint")


def _unreported(stage: str, done: int, of: int) -> None:
    pass


@dataclass(frozen=True)
class Settings:
    """How a film is painted beside its request, whose content is not used."""

    side: int = 512  # pixels of the shorter side, never more than the film has; 0: as it came
    steady: float = USUAL_STEADY  # 0, lively, to `limits.STEADIEST`
    until: Sequence[float] = ()  # weights at the film's end; none: the same throughout


@dataclass(frozen=True)
class Plan:
    """Where a film's shots begin, and what is fixed for each."""

    cuts: list[int]
    shots: list[Shot]
    times: list[Fraction]  # of its frames, in seconds

    def at(self, frame: int) -> Shot:
        """Return the shot that a frame belongs to."""
        return self.shots[sum(cut <= frame for cut in self.cuts) - 1]


def planned(
    film: InputContainer, clean: Clean, paint: Painter, report: Report, read: Read = files.frames
) -> Plan:
    """Find and measure the shots of a clean film, in two passes over it."""
    small = shots.LOOKED_AT if clean.width >= clean.height else shots.LOOKED_AT[::-1]
    times: list[Fraction] = []

    def looked_at() -> Iterator[Picture]:
        for number, (pixels, time) in enumerate(read(film, small)):
            report("shots", number // 2, clean.frames)
            times.append(time)
            yield pixels

    cuts = shots.cuts(shots.changes(looked_at()))
    ends = [*cuts[1:], clean.frames]
    wanted = [
        painter.samples(first, end, clean.width * clean.height)
        for first, end in zip(cuts, ends, strict=True)
    ]
    held: dict[int, Picture] = {}
    found: list[Shot] = []
    for number, (pixels, _) in enumerate(read(film, None)):
        report("shots", (clean.frames + number) // 2, clean.frames)
        if number in wanted[len(found)]:
            held[number] = pixels
        if number == wanted[len(found)][-1]:
            places = [each / clean.frames for each in held]
            found.append(paint.shot(list(held.values()), places))
            held.clear()
            if len(found) == len(wanted):
                break
    return Plan(cuts, found, times)


def painted(
    film: InputContainer, clean: Clean, paint: Painter, steady: float, report: Report
) -> Iterator[tuple[Picture, Fraction]]:
    """Yield the painted frames of a clean film with their times in seconds."""
    plan = planned(film, clean, paint, report)
    blend, cuts = Steady(steady), set(plan.cuts)
    for number, (pixels, time) in enumerate(files.frames(film)):
        report("paint", number, clean.frames)
        made = paint.paint(pixels, plan.at(number), number / clean.frames)
        yield blend.next(pixels, made, number in cuts), time
    report("paint", clean.frames, clean.frames)


def _first(film: InputContainer) -> Image.Image:
    return Image.fromarray(next(files.frames(film))[0])


def write(
    frames: Iterator[tuple[Picture, Fraction]], clean: Clean, source: Path, into: str, codec: Codec
) -> None:
    """Write painted frames as a film, with the sound of its clean film at `source`."""
    writer = Writer(into, codec, (clean.width, clean.height), clean.rate, clean=False)
    with files.opened(source, codec) as own:
        sound = writer.sound_of(own) if clean.sound else iter(())
        received = -1.0
        for pixels, time in frames:
            writer.add(pixels, time)
            while received <= time and (at := next(sound, None)) is not None:
                received = at
        writer.end(Fraction(clean.seconds))
        for _ in sound:
            pass
        writer.close()


def paint_clean(
    stylizer: Stylizer,
    request: Request,
    source: Path,
    clean: Clean,
    into: Path,
    codec: Codec,
    settings: Settings,
    report: Report = _unreported,
) -> None:
    """Paint a clean film into a file whose ending says its kind."""
    with files.opened(source, codec) as film:
        first = replace(request, content=_first(film))
        paint = Painter(stylizer, first, settings.until)
        frames = painted(film, clean, paint, settings.steady, report)
        if into.suffix.lower() in kinds.ANIMATIONS:
            animation.write(frames, clean.seconds, clean.rate, into)
        else:
            write(frames, clean, source, str(into), codec)
