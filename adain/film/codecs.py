"""How films are written: H.264 with AAC where x264 is there, or VP9 with Opus."""

from dataclasses import dataclass, field
from fractions import Fraction

import av

from adain.film.limits import FilmError

BASE = Fraction(1, 90_000)  # seconds that times in films are counted in
KEY_SECONDS = 2  # between two frames of a clean film that can be decoded alone
SOUND_BITS = 160_000  # a second


@dataclass(frozen=True)
class Codec:
    """One way to write a film."""

    name: str  # that settings and people use
    video: str
    audio: str
    container: str
    clean: dict[str, str]  # options of the film that only we read
    painted: dict[str, str]  # of the film that people see
    cap: dict[str, float]  # options that bound a film's bits a second, and times how many they are
    container_options: dict[str, str] = field(default_factory=dict)  # of a film that people see
    rates: tuple[int, ...] = (48_000,)  # samples a second that its sound may have
    samples: str = "flt"  # how its sound's encoder takes them


H264 = Codec(
    "h264",
    "libx264",
    "aac",
    "mp4",
    {"preset": "ultrafast", "crf": "14", "forced-idr": "1", "g": "100000"},
    {"preset": "veryfast", "crf": "20", "profile": "high"},
    # what may be taken at once is little: a film is joined of parts, each with a buffer of its own
    {"maxrate": 1, "bufsize": 2, "rc_init_occupancy": 0.25},
    {"movflags": "+faststart"},
    (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "fltp",
)
VP9 = Codec(
    "vp9",
    "libvpx-vp9",
    "libopus",
    "webm",
    {"deadline": "realtime", "cpu-used": "8", "crf": "14", "b": "0", "g": "100000"},
    {"deadline": "realtime", "cpu-used": "6", "crf": "30", "row-mt": "1"},
    {"b": 1},
)
CODECS = {one.name: one for one in (H264, VP9)}


def there(codec: Codec) -> bool:
    """Tell whether both halves of a codec are installed."""
    return {codec.video, codec.audio} <= av.codecs_available


def chosen(name: str = "") -> Codec:
    """Return a codec by its name, "": the first that is installed; raises `FilmError`."""
    for codec in CODECS.values():
        if name in ("", codec.name) and there(codec):
            return codec
    raise FilmError(
        "film.no_codec",
        f"Films can't be written here: the codec {name or 'H.264 or VP9'} is not installed.",
        name=name or "H.264, VP9",
    )
