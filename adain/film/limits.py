"""What films may be at most, and the error for those that can't be used."""

from dataclasses import dataclass

USUAL_STEADY, STEADIEST = 0.6, 0.85  # how much of the strokes before a frame keeps; 0: lively
MOST_RATE = 60  # frames a second
BITS_A_PIXEL = 0.5  # of a frame of a painted film, at most, on average
MOST_BITS = 20_000_000  # a second, however large
MORE_BITS = 1.25  # times as many a film may have in all: each of its parts begins with a reserve
_SMALLEST = 16  # pixels of a side


class FilmError(ValueError):
    """A film that can't be used: a sentence, and the same as a code and values."""

    def __init__(self, code: str, sentence: str, /, **params: int | str) -> None:
        super().__init__(sentence)
        self.code, self.params = code, params


@dataclass(frozen=True)
class Limits:
    """What is accepted of a film, and how large and quick the painted film may be."""

    seconds: float = 60.0
    side: int = 1920  # pixels of the longer side of what is painted; a larger film is made smaller
    rate: float = 30.0  # frames a second of what is painted; of a quicker film some are left out
    bytes: int = 200 << 20
    source_pixels: int = 4096 * 4096  # of a frame as it comes
    source_rate: int = 250  # frames a second as they come, over the whole film
    streams: int = 16

    @property
    def frames(self) -> int:
        """The most frames that may be decoded."""
        return round(self.seconds * self.source_rate)

    def check_seconds(self, seconds: float) -> None:
        """Raise `FilmError` if a film lasts longer."""
        if seconds > self.seconds + 0.5:
            raise FilmError(
                "film.too_long",
                f"This film lasts {seconds:.0f} seconds; up to {self.seconds:g} are accepted.",
                seconds=round(seconds),
                limit=round(self.seconds),
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise `FilmError` if a film's frames are larger, or have no size."""
        if not 0 < width * height <= self.source_pixels:
            raise FilmError(
                "film.too_large",
                f"A frame of this film has {width} × {height} pixels; "
                f"up to {self.source_pixels // 1_000_000} megapixels are accepted.",
                width=width,
                height=height,
                limit=self.source_pixels // 1_000_000,
            )

    def check_frames(self, frames: int) -> None:
        """Raise `FilmError` if a film has more frames."""
        if frames > self.frames:
            raise FilmError(
                "film.too_many_frames",
                f"This film has more than {self.frames} frames, the most that are accepted.",
                limit=self.frames,
            )

    def check_source_rate(self, frames: int, seconds: float) -> None:
        """Raise `FilmError` if so many frames come in so short a time."""
        if frames > self.source_rate * (seconds + 2):
            self.check_frames(self.frames + 1)


def most_bits(width: int, height: int, rate: float) -> int:
    """Return how many bits a second a painted film may have."""
    return min(MOST_BITS, round(width * height * max(rate, 1) * BITS_A_PIXEL))


def size_for(width: int, height: int, side: int, limits: Limits) -> tuple[int, int]:
    """Return the even sides of what is painted: `side` pixels the shorter one, 0 as it came.

    Never larger than it came.
    """
    scale = min(1.0, limits.side / max(width, height))
    if side:
        scale = min(scale, side / min(width, height))
    wide, high = (max(_SMALLEST, round(one * scale / 2) * 2) for one in (width, height))
    return wide, high
