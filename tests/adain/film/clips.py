"""Films made for tests: of given frames and times, with sound, rotation and other oddities."""

import io
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av import AudioFrame, VideoFrame
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
RATE = 48_000  # samples a second of the sounds
BASE = Fraction(1, 90_000)


def gradient(width: int = 96, height: int = 64, shift: int = 0) -> Picture:
    """A picture with some structure, moved to the right."""
    y, x = np.mgrid[0:height, 0:width]
    x = x + shift
    red, green, blue = 128 + 100 * np.sin(x / 9), 4 * y % 256, (3 * x + y) % 256
    return np.stack([red, green, blue], -1).astype(np.uint8)


def moving(count: int, width: int = 96, height: int = 64) -> list[Picture]:
    """Frames of a slow pan."""
    return [gradient(width, height, shift) for shift in range(count)]


def _add_sound(
    container: av.container.OutputContainer, codec: str, samples: NDArray[np.float32], start: float
) -> None:
    stream = cast(AudioStream, container.add_stream(codec, rate=RATE, layout="mono"))
    kind = {"libopus": "flt"}.get(codec, "fltp")
    stream.codec_context.format = kind
    size = stream.codec_context.frame_size or 1024
    for at in range(0, len(samples), size):
        block = samples[None, at : at + size]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format=kind, layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = at + round(start * RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _video(
    container: av.container.OutputContainer, codec: str, rate: Fraction, how: dict[str, Any]
) -> VideoStream:
    stream = cast(VideoStream, container.add_stream(codec, rate=rate, options=how["options"]))
    stream.pix_fmt = how["pixels"]
    stream.time_base = stream.codec_context.time_base = how["base"]
    if how["pixel_aspect"]:
        stream.codec_context.sample_aspect_ratio = how["pixel_aspect"]
    return stream


def write(
    path: Path,
    frames: Sequence[Picture],
    rate: Fraction = Fraction(25),
    times: Iterable[Fraction] | None = None,
    codec: str = "libx264",
    sound: tuple[str, NDArray[np.float32], float] | None = None,
    **how: Any,  # noqa: ANN401, some of `_video`, and options of the container
) -> Path:
    """Write a film; `sound` is a codec, samples and the seconds at which they begin."""
    how = {"options": {}, "pixels": "yuv420p", "base": BASE, "pixel_aspect": None, **how}
    times = times or [number / rate for number in range(len(frames))]
    with av.open(str(path), "w", options=how.get("container", {})) as container:
        stream = _video(container, codec, rate, how)
        stream.height, stream.width = frames[0].shape[:2]
        if sound:
            _add_sound(container, *sound)
        for pixels, time in zip(frames, times, strict=True):
            format = "rgba" if pixels.shape[2] == 4 else "rgb24"
            frame = VideoFrame.from_ndarray(pixels, format)
            frame = frame.reformat(format=how["pixels"], dst_colorspace=how.get("matrix"))
            frame.pts, frame.time_base = round(time / how["base"]), how["base"]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def tone(seconds: float, bursts: Sequence[float] = ()) -> NDArray[np.float32]:
    """A quiet sound with loud bursts of 50 ms at some seconds."""
    at = np.arange(round(seconds * RATE)) / RATE
    loud = np.full(len(at), 0.0)
    for burst in bursts:
        loud[(at >= burst) & (at < burst + 0.05)] = 0.8
    return (loud * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def turned(data: bytes, degrees: int) -> bytes:
    """Return an MP4 whose first track says that it is to be turned clockwise when it is shown."""
    at = data.index(b"tkhd") + 4 + 40
    sine, cosine = {0: (0, 1), 90: (1, 0), 180: (0, -1), 270: (-1, 0)}[degrees]
    one = 1 << 16
    matrix = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    return data[:at] + struct.pack(">9i", *matrix) + data[at + 36 :]


def animation(
    kind: str,
    frames: Sequence[Image.Image],
    **how: Any,  # noqa: ANN401, as Pillow takes it
) -> bytes:
    """Return an animated GIF, PNG or WebP."""
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], **how)
    return out.getvalue()


def read(path: Path) -> tuple[list[Picture], list[Fraction]]:
    """Return all frames of a film and their times in seconds."""
    frames, times = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            frames.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            times.append(Fraction(frame.pts * frame.time_base))
    return frames, times


def received(path: Path) -> tuple[NDArray[np.float32], float]:
    """Return the sound of a film, on its time from 0, and its samples a second."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        found = np.zeros(0, np.float32)
        for frame in container.decode(stream):
            begin = None if frame.time is None else round(frame.time * RATE)
            for made in resampler.resample(frame):
                samples = np.asarray(made.to_ndarray(), np.float32)[0]
                begin = len(found) if begin is None else begin
                if begin > len(found):
                    found = np.pad(found, (0, begin - len(found)))
                found = np.concatenate([found[: max(begin, 0)], samples[max(0, -begin) :]])
                begin = None
    return found, RATE


def seconds(path: Path) -> float:
    """Return how long the moving picture of a film lasts, as a player counts."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        if video.duration is not None and video.time_base is not None:
            return float(video.duration * video.time_base)
        return (container.duration or 0) / av.time_base
