"""Writes docs/formats.md: how each kind of file is read, and its largest error.

`python -m tests.worker.images.formats`. The picture is a smooth one, each file as lossless as its
kind allows; the error is that of the worst sample, of 255.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adain.files import kinds, pictures, profiles
from worker.images import images

FILE = Path(__file__).parents[3] / "docs" / "formats.md"
PHONE = Path(__file__).parents[2] / "data" / "cases" / "phone-containers"
LOSSLESS, LOSSY, CODED = 2, 12, 40  # what an error may be at most, by how a file is coded
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROFILE = profiles.profile(ADOBE, (0.3127, 0.3290), (2.2,))
TURNED = 6  # of EXIF: the picture is to be turned by 90° to the right

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A way to write the picture."""

    kind: str
    mode: str
    most: int
    name: str = ""
    options: dict[str, object] = field(default_factory=dict)


CASES = [
    *(Case("PNG", mode, LOSSLESS) for mode in ("RGB", "RGBA", "L", "LA", "P", "I;16")),
    *(Case("TIFF", mode, LOSSLESS) for mode in ("RGB", "RGBA", "L", "P", "I;16", "F", "CMYK")),
    Case("TIFF", "RGB", LOSSLESS, "TIFF, LZW", {"compression": "tiff_lzw"}),
    *(Case("BMP", mode, LOSSLESS) for mode in ("RGB", "L", "P")),
    Case("GIF", "P", LOSSLESS),
    *(Case("WEBP", mode, LOSSLESS, "", {"lossless": True}) for mode in ("RGB", "RGBA")),
    *(
        Case("JPEG", mode, LOSSY, "", {"quality": 100, "subsampling": 0})
        for mode in ("RGB", "L", "CMYK")
    ),
    Case("AVIF", "RGB", LOSSY, "", {"quality": 100, "subsampling": "4:4:4"}),
]


def picture() -> Image.Image:
    """Return a smooth picture in colour, wider than high."""
    ramp = Image.linear_gradient("L")
    channels = [ramp, ramp.rotate(90), ramp.rotate(180)]
    return Image.merge("RGB", [channel.resize((48, 32)) for channel in channels])


def in_mode(mode: str) -> Image.Image:
    """Return the picture in a mode of Pillow's."""
    grey = np.asarray(picture().convert("L"))
    match mode:
        case "P":
            return picture().quantize(200)
        case "I;16":
            return Image.fromarray(grey.astype(np.uint16) * 257)
        case "F":
            return Image.fromarray(grey.astype(np.float32) / 255)
    return picture().convert(mode)


def expected(mode: str, profile: bool) -> Samples:
    """Return the samples that are right, as computed by formula."""
    grey = mode in {"L", "LA", "I;16", "F"}
    shown = in_mode("L") if grey else in_mode(mode)
    samples = np.asarray(shown.convert("RGB")).astype(float)
    return in_srgb(samples) if profile else samples


def in_srgb(samples: Samples) -> Samples:
    """Convert from the profile's space: gamma 2.2, a matrix, sRGB's curve."""

    def to_xyz(primaries: tuple[tuple[float, float], ...]) -> Samples:
        xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
        white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
        return np.asarray(xyz * np.linalg.solve(xyz, white))

    srgb = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
    light = (samples / 255) ** 2.2 @ (np.linalg.inv(to_xyz(srgb)) @ to_xyz(ADOBE)).T
    light = light.clip(0, 1)
    curve = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curve)


def written(case: Case, turned: bool, profile: bool) -> bytes:
    """Return the picture as a file."""
    image, options = in_mode(case.mode), dict(case.options)
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        options["exif"] = exif = Image.Exif()
        exif[0x0112] = TURNED
    if profile:
        options["icc_profile"] = PROFILE
    out = io.BytesIO()
    image.save(out, case.kind, **options)
    return out.getvalue()


def errors(data: bytes, wanted: Samples) -> tuple[float, float]:
    """Return the largest errors of an upload, by page or API, and of the command line."""
    upload = Image.open(io.BytesIO(images.clean(data).data))
    command_line = pictures.rgb(pictures.opened_bytes(data, None))
    found = [np.asarray(one).astype(float) for one in (upload, command_line)]
    return tuple(round(float(np.abs(one - wanted).max()), 1) for one in found)  # type: ignore[return-value]


@dataclass(frozen=True)
class Row:
    """What was measured of one file."""

    kind: str
    mode: str
    orientation: str
    profile: str
    errors: tuple[float, float]
    most: int


def variants(case: Case) -> Iterator[tuple[bool, bool]]:
    yield False, False
    if case.kind not in {"BMP", "GIF"}:
        yield True, False
        if case.mode not in {"L", "LA", "I;16", "F", "CMYK"}:
            yield False, True


def rows() -> Iterator[Row]:
    """Measure every file, read in both ways."""
    kinds.register()
    for case in CASES:
        for turned, profile in variants(case):
            found = errors(written(case, turned, profile), expected(case.mode, profile))
            how = ("EXIF, by 90°" if turned else "upright"), ("Adobe RGB" if profile else "none")
            most = CODED if profile and case.most == LOSSY else case.most
            yield Row(case.name or case.kind, case.mode, *how, found, most)
    if kinds.HEIC:
        wanted = np.asarray(Image.open(PHONE / "expected.png").convert("RGB")).astype(float)
        for name, turn in (("photo", "upright"), ("photo-turned", "EXIF, by 90°")):
            found = errors((PHONE / f"{name}.heic").read_bytes(), wanted)
            yield Row("HEIC, quality 85", "RGB", turn, "none", found, CODED)


def table() -> str:
    """Return the document."""
    lines = [
        "# What comes in of each kind of file",
        "",
        "Drawn by `python -m tests.worker.images.formats`; the test beside it measures again and",
        "holds each error under a bound. Errors are of the worst sample, of 255, against values",
        "computed by formula. Page and API read alike, and keep lossy kinds as JPEG.",
        "",
        "| kind | mode | orientation | profile | page and API | command line |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows():
        columns = row.kind, row.mode, row.orientation, row.profile, *map(str, row.errors)
        lines.append("| " + " | ".join(columns) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(table(), "utf-8")
