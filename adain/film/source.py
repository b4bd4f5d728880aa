"""Open a stranger's film: one named reader, no other file, and its header within limits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from adain.film import kinds
from adain.film.limits import FilmError, Limits

_SQUARE = Fraction(1)
_ODD = Fraction(4)  # a pixel's sides differ by less, or the file is wrong about them


@dataclass(frozen=True)
class Source:
    """An open film: its picture, its sound if it has some, and how its frames are shown."""

    container: InputContainer
    video: VideoStream
    audio: AudioStream | None

    @property
    def rate(self) -> float:
        """Frames a second by the header, 0 if it does not say."""
        return float(self.video.average_rate or 0)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in square pixels, before rotation."""
        width, height = self.video.codec_context.width, self.video.codec_context.height
        pixel = self.video.sample_aspect_ratio or _SQUARE
        if pixel and 1 / _ODD < pixel < _ODD:
            width = round(width * pixel)
        return width, height


def refuse_damaged() -> NoReturn:
    """Raise `FilmError` for a film that can't be decoded."""
    raise FilmError(
        "film.damaged", f"This film is damaged or incomplete; {kinds.ACCEPTED}."
    ) from None


def check_kind(file: IO[bytes], limits: Limits) -> str:
    """Return the reader for a film file; raises `FilmError` for other files and long ones."""
    head = file.read(kinds.HEAD)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    reader = kinds.reader(head)
    if not reader:
        raise FilmError("film.unknown", f"This file is not a film; {kinds.ACCEPTED}.")
    if size > limits.bytes:
        raise FilmError(
            "film.file_too_large",
            f"This file has {size >> 20} MiB; up to {limits.bytes >> 20} are accepted.",
            size=size >> 20,
            limit=limits.bytes >> 20,
        )
    return reader


def _no_other(*asked: object, **how: object) -> NoReturn:
    raise PermissionError("a film names another file")


def _picture(container: InputContainer) -> VideoStream:
    """Return the moving picture, not the cover of a sound file."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise FilmError("film.no_picture", "There is no moving picture in this file.")


def _checked(container: InputContainer, limits: Limits) -> Source:
    if len(container.streams) > limits.streams:
        raise FilmError(
            "film.too_many_streams",
            f"This film has {len(container.streams)} tracks; up to {limits.streams} are accepted.",
            count=len(container.streams),
            limit=limits.streams,
        )
    video = _picture(container)
    limits.check_size(video.codec_context.width, video.codec_context.height)
    if container.duration:
        limits.check_seconds(container.duration / av.time_base)
    limits.check_frames(video.frames)
    audio = container.streams.audio[0] if container.streams.audio else None
    return Source(container, video, audio)


@contextmanager
def opened(file: IO[bytes], reader: str, limits: Limits) -> Iterator[Source]:
    """Open a film with the reader that `check_kind` returned; raises `FilmError`."""
    options: dict[str, Any] = {"format": reader, "io_open": _no_other}
    try:
        container = av.open(file, "r", options={"protocol_whitelist": ""}, **options)
    except (av.FFmpegError, OSError, ValueError):
        refuse_damaged()
    with container:
        yield _checked(container, limits)
