"""Parts of a painted film → the film: packets copied, none decoded, with the clean film's sound."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream
from PIL import Image

from adain.film import files
from adain.film.codecs import BASE, Codec

AnyPacket: TypeAlias = "Packet[Any]"


@dataclass(frozen=True)
class Part:
    """A part of a painted film, whose own time begins at 0."""

    file: Path
    begin: Fraction  # seconds at which it begins in the whole


def _packets(film: InputContainer) -> Iterator[AnyPacket]:
    """Yield the packets of a film's only stream of picture or sound."""
    yield from (packet for packet in film.demux() if packet.dts is not None)


class _Joining:
    """The film that parts become."""

    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._last: int | None = None  # when the packet before is decoded, in ticks

    def add(self, packet: AnyPacket, begin: Fraction) -> Fraction:
        """Write a packet of the picture; returns when it is shown, in seconds."""
        assert packet.pts is not None
        assert packet.dts is not None
        base, off = packet.time_base, files.ticks(begin)
        shown, decoded = (round(at * base / BASE) + off for at in (packet.pts, packet.dts))
        if self._last is not None:
            decoded = max(decoded, self._last + 1)  # each part's clock begins before its frames'
        duration = round((packet.duration or 0) * base / BASE)
        packet.time_base = BASE
        packet.pts, packet.dts, packet.duration = max(shown, decoded), decoded, duration
        packet.stream, self._last = self._stream, decoded
        self._container.mux(packet)
        return shown * BASE


def _pictures(parts: Sequence[Part], codec: Codec) -> Iterator[tuple[AnyPacket, Fraction]]:
    for part in parts:
        with files.opened(part.file, codec) as film:
            for packet in _packets(film):
                yield packet, part.begin


def _sound(container: OutputContainer, clean: InputContainer) -> Iterator[Fraction]:
    """Copy the sound of a clean film, a packet a step; yields the time of each."""
    template = clean.streams.audio[0]
    stream = container.add_stream_from_template(template)

    def copied() -> Iterator[Fraction]:
        for packet in clean.demux(template):
            if packet.dts is not None:
                at = Fraction(packet.dts * packet.time_base)
                packet.stream = stream
                container.mux(packet)
                yield at

    return copied()


def first(film: Path, codec: Codec) -> Image.Image:
    """Return the first frame of a film."""
    with files.opened(film, codec) as opened:
        return Image.fromarray(next(files.frames(opened))[0])


def join(parts: Sequence[Part], clean: Path, sound: bool, into: Path, codec: Codec) -> None:
    """Write the film of some parts, all written by one codec at one size."""
    with ExitStack() as stack:
        options = codec.container_options
        container = stack.enter_context(
            av.open(str(into), "w", format=codec.container, options=dict(options))
        )
        first = stack.enter_context(files.opened(parts[0].file, codec))
        own = stack.enter_context(files.opened(clean, codec))
        stream = container.add_stream_from_template(first.streams.video[0])
        stream.time_base = BASE
        sound_times = _sound(container, own) if sound else iter(())
        joining, received = _Joining(container, stream), Fraction(-1)
        for packet, begin in _pictures(parts, codec):
            shown = joining.add(packet, begin)
            while received <= shown and (at := next(sound_times, None)) is not None:
                received = at
        for _ in sound_times:
            pass
