"""A stranger's film → a clean film: one that we wrote, upright, of square pixels, in BT.709.

All that comes after reads only the clean film. This is the part that a server runs confined.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, Any, TypeAlias

import av
from av import Packet, VideoFrame

from adain.film import animation, colours, files, kinds, sound, source
from adain.film.codecs import Codec
from adain.film.colours import Picture
from adain.film.files import Writer
from adain.film.limits import FilmError, Limits, size_for
from adain.film.pace import Pace
from adain.film.sound import Sound
from adain.film.source import Source

_USUAL_RATE = 25.0  # frames a second, where a file does not say
_THREADS = 2
_FRUITLESS = 1.0  # seconds of the processor's, after which no frame is hoped for any more
Watch = Callable[[int], None]  # how many frames are written so far
AnyPacket: TypeAlias = "Packet[Any]"


@dataclass(frozen=True)
class Look:
    """What is known of a film after its first frame."""

    width: int  # upright, in square pixels, as it came
    height: int
    degrees: float  # that its frames are turned by
    rate: float  # frames a second
    origin: Fraction  # seconds at which the film begins, by its own clock
    seconds: float  # 0: the header does not say
    sound: bool


@dataclass(frozen=True)
class Clean:
    """What a clean film is like."""

    width: int
    height: int
    rate: float
    frames: int
    seconds: float
    sound: bool
    cut: bool  # the file ends before its film does


# ---------------------------------------------------------------- frames


@dataclass
class _Decoder:
    """Decodes what can be decoded; counts what can't."""

    limits: Limits
    tried: int = 0
    broken: int = 0
    frames: int = 0

    def frames_of(self, packet: AnyPacket) -> Iterator[VideoFrame]:
        """Yield the frames of a packet; raises `FilmError` and MemoryError."""
        self.tried += packet.size > 0
        try:
            decoded = packet.decode()
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            self.broken += 1
            return
        for frame in decoded:
            if isinstance(frame, VideoFrame):
                self.frames += 1
                self.limits.check_frames(self.frames)
                self.limits.check_size(frame.width, frame.height)
                yield frame

    def check(self, expected: int) -> bool:
        """Refuse a film of which less than half is there; tell whether some is missing."""
        if not self.frames or self.broken > self.tried / 2 or self.frames < expected / 2:
            source.refuse_damaged()
        return self.frames < expected - max(2, expected // 20)


def _packets(film: Source) -> Iterator[AnyPacket]:
    """Yield packets of picture and sound until the file ends, or can't be read on."""
    streams = [film.video] if film.audio is None else [film.video, film.audio]
    try:
        yield from film.container.demux(*streams)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise


def _shown(frame: VideoFrame, rate: float) -> Fraction:
    """Return how long a frame is shown, in seconds."""
    if frame.duration and frame.time_base:
        return Fraction(frame.duration * frame.time_base)
    return Fraction(1 / rate).limit_denominator(90_000)


def _time(frame: VideoFrame, after: Fraction) -> Fraction:
    """Return a frame's time by its film's clock, or the time after the frame before."""
    if frame.pts is None or frame.time_base is None:
        return after
    return Fraction(frame.pts * frame.time_base)


# ---------------------------------------------------------------- look


def _first(film: Source, limits: Limits) -> VideoFrame:
    """Return the first frame that can be decoded; what can't be takes a second, and a packet."""
    decoder, begun = _Decoder(limits), time.process_time()
    for packet in _packets(film):
        if packet.stream.index == film.video.index:
            for frame in decoder.frames_of(packet):
                return frame
            if time.process_time() - begun > _FRUITLESS:
                break
    source.refuse_damaged()


def _look(film: Source, limits: Limits) -> tuple[Look, Picture]:
    frame = _first(film, limits)
    origin = _time(frame, Fraction(0))
    if film.audio is not None and film.audio.start_time is not None:
        origin = min(origin, film.audio.start_time * (film.audio.time_base or Fraction(0)))
    degrees = float(frame.rotation)
    width, height = film.shown
    pixels = colours.upright(colours.picture(frame, (width, height)), degrees)
    seconds = (film.container.duration or 0) / av.time_base
    known = Look(
        pixels.shape[1],
        pixels.shape[0],
        degrees,
        film.rate or _USUAL_RATE,
        origin,
        seconds,
        film.audio is not None,
    )
    return known, pixels


def look(file: IO[bytes], limits: Limits) -> tuple[Look, Picture]:
    """Check a film's kind and header and decode its first frame; raises `FilmError`."""
    reader = source.check_kind(file, limits)
    if reader == kinds.WEBP:
        pixels, rate, seconds = animation.webp_first(file, limits)
        height, width = pixels.shape[:2]
        return Look(width, height, 0, rate, Fraction(0), seconds, False), pixels
    with source.opened(file, reader, limits) as film:
        return _look(film, limits)


# ---------------------------------------------------------------- clean


def _unwatched(frames: int) -> None:
    pass


@dataclass
class _Cleaning:
    """A film on its way into a clean one."""

    known: Look
    limits: Limits
    writer: Writer
    size: tuple[int, int]
    pace: Pace
    sound: Sound | None = None
    watch: Watch = _unwatched
    frames: int = 0
    end: Fraction = field(default_factory=Fraction)

    def add(self, pixels: Picture, time: Fraction, shown: Fraction) -> None:
        """Write a frame that is due; the first is shown from the beginning of the film."""
        time = max(time - self.known.origin, Fraction(0)) if self.frames else Fraction(0)
        self.limits.check_seconds(float(time))
        self.frames += self.writer.add(pixels, time)
        self.last_until(time + shown)
        self.watch(self.frames)

    def last_until(self, end: Fraction) -> None:
        """Let the film last so long at least, but no last frame longer than a film may be."""
        self.end = max(self.end, min(end, Fraction(self.limits.seconds) + 1))

    def hear(self, packet: AnyPacket) -> None:
        """Write the sound of a packet."""
        if self.sound is not None and self.sound.seconds < self.limits.seconds:
            for frame in sound.decoded(packet):
                files.mux(self.writer.container, self.sound.add(frame))

    def finish(self) -> None:
        """Write what is left."""
        if self.sound is not None:
            most = max(float(self.end), min(self.sound.seconds, self.limits.seconds))
            files.mux(self.writer.container, self.sound.end(most))
        self.writer.end(self.end)


def _decoded(film: Source, work: _Cleaning, decoder: _Decoder) -> None:
    """Decode a film into a clean one."""
    turned = round(work.known.degrees / 90) % 2
    size = work.size[::-1] if turned else work.size
    for packet in _packets(film):
        if packet.stream.index != film.video.index:
            work.hear(packet)
            continue
        for frame in decoder.frames_of(packet):
            shown = _shown(frame, work.known.rate)
            time = _time(frame, work.known.origin + work.end)
            if work.pace.keeps(time):
                pixels = colours.picture(frame, size)
                work.add(colours.upright(pixels, work.known.degrees), time, shown)
            else:
                work.limits.check_seconds(float(time - work.known.origin))
                work.last_until(time - work.known.origin + shown)
            work.limits.check_source_rate(decoder.frames, float(work.end))


def _from_container(file: IO[bytes], reader: str, work: _Cleaning, codec: Codec) -> bool:
    """Clean a film that FFmpeg reads; tell whether its end is missing."""
    decoder = _Decoder(work.limits)
    with source.opened(file, reader, work.limits) as film:
        film.video.thread_type = "AUTO"
        film.video.codec_context.thread_count = _THREADS
        if film.audio is not None:
            target, most = work.writer.container, work.limits.seconds
            work.sound = Sound(target, film.audio, codec, work.known.origin, most)
        _decoded(film, work, decoder)
        cut = decoder.check(film.video.frames)
    return cut


def _check_moving(frames: int) -> None:
    if frames < 2:
        raise FilmError("film.still", "This film has one frame only: it is a picture.")


def clean(
    file: IO[bytes],
    into: str | IO[bytes],
    side: int,
    limits: Limits,
    codec: Codec,
    watch: Watch = _unwatched,
) -> Clean:
    """Write the clean film of a file, `side` pixels the shorter side; raises `FilmError`.

    `watch` hears of each frame, and may raise to stop.
    """
    known, _ = look(file, limits)
    file.seek(0)
    reader = source.check_kind(file, limits)
    size = size_for(known.width, known.height, side, limits)
    rate = min(known.rate, limits.rate)
    target = Writer(into, codec, size, rate, clean=True)
    pace = Pace(known.rate, limits.rate)
    work = _Cleaning(known, limits, target, size, pace, watch=watch)
    cut = False
    if reader == kinds.WEBP:
        for pixels, time, shown in animation.webp_frames(file, size, limits):
            if work.pace.keeps(time):
                work.add(pixels, time, shown)
    else:
        cut = _from_container(file, reader, work, codec)
    _check_moving(work.frames)
    work.finish()
    target.close()
    return Clean(*size, rate, work.frames, float(work.end), work.sound is not None, cut)
