"""Films of our own, written and read: frames in RGB with their times, and sound."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

import av
import numpy as np
from av import Packet, VideoFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

from adain.film import codecs, colours
from adain.film.codecs import BASE, Codec
from adain.film.colours import Picture
from adain.film.limits import most_bits

_LEAST = Fraction(1, 1000)  # seconds between two frames: WebM counts in milliseconds
_BT709 = 1  # as files number primaries, transfer and matrix
_LIMITED = 1  # 16 to 235
_REORDERED = 16  # frames, at most, that are decoded before one that is shown earlier
_READERS = {"mp4": "mov", "webm": "matroska"}


def ticks(seconds: Fraction) -> int:
    """Seconds → the unit that times in our films are counted in."""
    return round(seconds / BASE)


class Writer:
    """A film being written to a path or an open file; `clean`: for ourselves, quickly."""

    def __init__(
        self, file: str | IO[bytes], codec: Codec, size: tuple[int, int], rate: float, clean: bool
    ) -> None:
        options = {} if clean else codec.container_options
        self.container: OutputContainer = av.open(
            file, "w", format=codec.container, options=options
        )
        self._clean, self._size = clean, size
        self._key = -1  # of the last key frame, in `KEY_SECONDS`
        self._last: tuple[Picture, Fraction] | None = None
        self._waiting: dict[int, int] = {}  # of frames not yet written: time → duration, in ticks
        self._decoded = -_REORDERED  # when the last packet is decoded, in ticks
        self._end = 0  # of what is written, in ticks
        self._stream = self._video(codec, rate)

    def _video(self, codec: Codec, rate: float) -> VideoStream:
        width, height = self._size
        options = codec.clean if self._clean else codec.painted
        stream = cast(
            VideoStream,
            self.container.add_stream(
                codec.video, rate=Fraction(rate).limit_denominator(1001), options=dict(options)
            ),
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        stream.time_base = context.time_base = BASE
        context.color_range, context.colorspace = _LIMITED, _BT709
        context.color_primaries = context.color_trc = _BT709
        if not self._clean:
            bits = most_bits(width, height, rate)
            bounds = {name: str(round(times * bits)) for name, times in codec.cap.items()}
            context.options = context.options | bounds
        return stream

    def _frame(self, pixels: Picture, time: Fraction, duration: Fraction) -> VideoFrame:
        frame = VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | colours.EXACT,
        )
        frame.pts, frame.time_base = ticks(time), BASE
        frame.duration = ticks(time + duration) - ticks(time)
        key = int(time // codecs.KEY_SECONDS)
        if self._clean and key > self._key:
            frame.pict_type = PictureType.I
        self._key = max(key, self._key)
        return frame

    def add(self, pixels: Picture, time: Fraction) -> bool:
        """Write a frame that is shown from a time in seconds on until the next one's.

        One that comes less than a millisecond after the one before is left out; tells whether not.
        """
        if self._last is not None:
            before, since = self._last
            if time - since < _LEAST:
                return False
            self._mux(self._frame(before, since, time - since))
        self._last = pixels, time
        return True

    def _mux(self, frame: VideoFrame | None) -> None:
        if frame is not None and frame.pts is not None:
            self._waiting[frame.pts] = frame.duration
        for packet in self._stream.encode(frame):
            self._retime(packet)
            self.container.mux(packet)

    def _retime(self, packet: "Packet[VideoStream]") -> None:
        """Have a packet decoded just before the first frame that is still to be shown.

        By x264's own times it is some frames earlier, and players end a film of uneven times as
        much too early, since MP4 counts its length by when packets are decoded.
        """
        assert packet.pts is not None
        first = next(iter(self._waiting))
        early = max(self._decoded + 1, first - _REORDERED)
        self._decoded = first if packet.pts == first else early
        packet.dts, packet.duration = self._decoded, self._waiting.pop(packet.pts)
        self._end = max(self._end, packet.pts + packet.duration)
        if not self._waiting:  # the last there is, perhaps
            packet.duration = self._end - packet.dts

    def end(self, until: Fraction) -> None:
        """Write the last frame, shown until a time in seconds."""
        if self._last is not None:
            pixels, since = self._last
            self._mux(self._frame(pixels, since, max(until - since, BASE)))
        self._mux(None)

    def sound_of(self, source: InputContainer) -> Iterator[float]:
        """Return what copies the sound of a film of ours, a packet a step, yielding its seconds.

        Called before the first frame is added.
        """
        template = source.streams.audio[0]
        stream = self.container.add_stream_from_template(template)

        def copied() -> Iterator[float]:
            for packet in source.demux(template):
                if packet.dts is not None:
                    at = float(packet.dts * packet.time_base)
                    packet.stream = stream
                    self.container.mux(packet)
                    yield at

        return copied()

    def close(self) -> None:
        """Finish the file."""
        self.container.close()


def mux(container: OutputContainer, packets: "Iterator[Packet[AudioStream]]") -> None:
    """Write packets as they come."""
    for packet in packets:
        container.mux(packet)


# ---------------------------------------------------------------- read


@contextmanager
def opened(path: Path, codec: Codec) -> Iterator[InputContainer]:
    """Open a clean film that was written by a codec."""
    with av.open(str(path), "r", format=_READERS[codec.container]) as container:
        yield container


def pixels(frame: VideoFrame, size: tuple[int, int] | None = None) -> Picture:
    """Return a frame in RGB, at a size (width, height) or its own."""
    width, height = size or (frame.width, frame.height)
    how = Interpolation.BILINEAR | colours.EXACT
    made = frame.reformat(width, height, "rgb24", interpolation=how)
    return np.asarray(made.to_ndarray(), np.uint8)


def frames(
    container: InputContainer, size: tuple[int, int] | None = None, since: int = 0
) -> Iterator[tuple[Picture, Fraction]]:
    """Yield frames with their times in seconds, from the beginning or a time in ticks on."""
    video = container.streams.video[0]
    if since:
        assert video.time_base is not None
        container.seek(int(since * BASE / video.time_base), stream=video)  # a key frame before it
    else:
        container.seek(0)
    for frame in container.decode(video):
        assert frame.pts is not None  # as we wrote it
        assert frame.time_base is not None
        at = Fraction(frame.pts * frame.time_base)
        if ticks(at) >= since:
            yield pixels(frame, size), at
