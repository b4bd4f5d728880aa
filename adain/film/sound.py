"""Sound of a film: decoded, laid on the film's own time, encoded.

Gaps become silence and what overlaps is left out, so that sound and picture stay together.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias, cast

import av
import numpy as np
from av import AudioFrame, AudioResampler, Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from adain.film.codecs import SOUND_BITS, Codec

Samples = NDArray[np.float32]  # channels × samples
AudioPacket: TypeAlias = "Packet[AudioStream]"

_APART = 0.02  # seconds that a time may be off before silence is put in or samples left out
_DEFAULT_RATE = 48_000
_BLOCK = 1_024  # samples given to an encoder that takes any number


class Sound:
    """Takes decoded sound of a film that begins at `origin`; gives packets, `most` seconds of them.

    What lies beyond is left out, wherever a packet says that it begins.
    """

    def __init__(
        self,
        container: OutputContainer,
        source: AudioStream,
        codec: Codec,
        origin: Fraction,
        most: float,
    ) -> None:
        given = source.codec_context.sample_rate
        self._rate = given if given in codec.rates else _DEFAULT_RATE
        self._layout = "mono" if source.codec_context.channels == 1 else "stereo"
        made = container.add_stream(codec.audio, rate=self._rate, layout=self._layout)
        self._stream = cast(AudioStream, made)
        self._stream.codec_context.bit_rate = SOUND_BITS
        self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        self._stream.codec_context.format = self._sample_format = codec.samples
        self._origin, self._most = origin, round(most * self._rate)
        self._waiting = np.zeros((1 if self._layout == "mono" else 2, 0), np.float32)
        self._placed = 0  # samples laid on the film's time
        self._sent = 0  # samples given to the encoder

    @property
    def seconds(self) -> float:
        """How long the sound is so far."""
        return self._placed / self._rate

    def add(self, frame: AudioFrame) -> Iterator[AudioPacket]:
        """Lay decoded samples at their time; yields what the encoder made."""
        begin = None if frame.time is None else Fraction(frame.time) - self._origin
        for made in self._resampler.resample(frame):
            self._place(np.asarray(made.to_ndarray(), np.float32), begin)
            begin = None
        yield from self._encoded()

    def _place(self, samples: Samples, begin: Fraction | None) -> None:
        off = 0 if begin is None else round(begin * self._rate) - self._placed
        if self._placed + off >= self._most:
            return
        if off > _APART * self._rate:
            samples = np.pad(samples, ((0, 0), (off, 0)))
        elif off < -_APART * self._rate:
            samples = samples[:, -off:]
        samples = samples[:, : self._most - self._placed]
        self._waiting = np.concatenate([self._waiting, samples], 1)
        self._placed += samples.shape[1]

    def _encoded(self, last: bool = False) -> Iterator[AudioPacket]:
        size = self._stream.codec_context.frame_size or _BLOCK
        while self._waiting.shape[1] >= size or (last and self._waiting.shape[1]):
            block, self._waiting = self._waiting[:, :size], self._waiting[:, size:]
            yield from self._stream.encode(self._frame(np.ascontiguousarray(block)))

    def _frame(self, block: Samples) -> AudioFrame:
        if self._sample_format == "flt":  # all channels of a sample side by side
            block = np.ascontiguousarray(block.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(block, format=self._sample_format, layout=self._layout)
        frame.sample_rate, frame.pts = self._rate, self._sent
        frame.time_base = Fraction(1, self._rate)
        self._sent += frame.samples
        return frame

    def end(self, seconds: float) -> Iterator[AudioPacket]:
        """Cut the sound at so many seconds and yield what is left of it."""
        for made in self._resampler.resample(None):
            self._place(np.asarray(made.to_ndarray(), np.float32), None)
        most = round(seconds * self._rate) - self._sent
        self._waiting = self._waiting[:, : max(0, most)]
        yield from self._encoded(last=True)
        yield from self._stream.encode(None)


def decoded(packet: AudioPacket) -> list[AudioFrame]:
    """Decode a packet of sound; one that is broken gives nothing, and silence takes its place."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []
