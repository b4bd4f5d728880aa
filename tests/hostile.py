"""Malicious pictures, and unusual ones that are harmless.

`python -m tests.hostile FOLDER` writes them. They are the fuzzer's seeds, and each is tested.
"""

import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

Kind = str
SIDE = 24
KINDS: tuple[Kind, ...] = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
KEEPING_EXIF = {"PNG", "JPEG", "WEBP"}  # Pillow writes EXIF there as it is given
HEIC = Path(__file__).parent / "data" / "cases" / "phone-containers" / "photo.heic"


def _photo(mode: str = "RGB") -> Image.Image:
    return Image.radial_gradient("L").resize((SIDE, SIDE)).convert(mode)


def _file(kind: Kind, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or _photo()).save(out, kind, **options)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(header: tuple[int, int, int, int], data: bytes = b"", *, before: bytes = b"") -> bytes:
    """Return a PNG: width, height, bits, colour type; chunks `before`; then the packed data."""
    wide, high, bits, color = header
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, bits, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _with_chunks(chunks: bytes) -> bytes:
    """Return a sound PNG with more chunks behind its header."""
    data = _file("PNG")
    return data[:33] + chunks + data[33:]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _with_segments(segments: bytes) -> bytes:
    """Return a sound JPEG with other segments in place of its own first one."""
    return b"\xff\xd8" + segments + _file("JPEG")[20:]


def _ifd(entries: int, size: int) -> bytes:
    """Return EXIF of so many entries that all name the same bytes."""
    rows = (struct.pack("<HHLL", 1 + row, 1, size, 0) for row in range(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + b"".join(rows)


def scans(count: int, side: int = 1500) -> bytes:
    """Return a progressive JPEG, all of one colour, whose last scan comes many times over."""
    data = _file("JPEG", Image.new("RGB", (side, side)), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def _shapes() -> dict[str, bytes]:
    """Headers that promise more than there is."""
    jpeg, webp = bytearray(_file("JPEG")), bytearray(_file("WEBP", lossless=True))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    webp[21:25] = b"\xff\xff\xff\x0f"
    made = {
        f"header-{wide}x{high}.png": _png((wide, high, 8, 2), zlib.compress(bytes(3 * SIDE)))
        for wide, high in ((0, 0), (0, 9), (30_000, 30_000), (2**31 - 1, 2**31 - 1), (9, 2**31))
    }
    return made | {
        "line.png": _png((900_000, 1, 1, 0), zlib.compress(bytes(1 + 900_000 // 8))),
        "column.png": _png((1, 20_000, 8, 0), zlib.compress(bytes(2 * 20_000))),
        "header-65535.jpg": bytes(jpeg),
        "header-16383.webp": bytes(webp),
    }


def _bombs() -> dict[str, bytes]:
    """Files that are small and unpack, or take as long, as if they were large."""
    zeros = zlib.compress(bytes(30_000_000))
    text, iccp = b"note\0\0" + zeros, b"profile\0\0" + zeros
    flood = _chunk(b"tEXt", b"a\0b") * 200_000
    exif = _ifd(5400, 60_000)
    return {
        "more-data-than-pixels.png": _png((4, 4, 8, 2), zeros),
        "text.png": _with_chunks(_chunk(b"zTXt", text)),
        "texts.png": _with_chunks(_chunk(b"zTXt", text[:6] + zlib.compress(bytes(10**6))) * 90),
        "international-text.png": _with_chunks(_chunk(b"iTXt", b"note\0\1\0\0\0" + zeros)),
        "profile.png": _with_chunks(_chunk(b"iCCP", iccp)),
        "chunks.png": _with_chunks(flood),
        "exif.png": _with_chunks(_chunk(b"eXIf", _ifd(60_000, 700_000))),
        "exif.jpg": _with_segments(_segment(0xE1, b"Exif\0\0" + exif[:65_000])),
        "many-exif.jpg": _with_segments(_segment(0xE1, b"Exif\0\0" + exif[:65_000]) * 40),
        "mpo.jpg": _with_segments(_segment(0xE2, b"MPF\0" + exif[:65_000])),
        "segments.jpg": _with_segments(_segment(0xFE, b"") * 400_000),
        "filling.jpg": b"\xff\xd8" + b"\xff" * 3_000_000 + _file("JPEG")[2:],
        "junk.jpg": _with_segments(b"\x01" * 3_000_000),
        "scans.jpg": scans(10_000),
    }


def _metadata() -> dict[str, bytes]:
    """Profiles and EXIF that are junk, wrong or empty."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiles = {"junk": b"\xff" * 500, "half": srgb[:200], "empty": b"", "other": srgb[::-1]}
    profiles["sound"] = srgb
    made = {}
    for kind in KINDS:
        for name, profile in profiles.items():
            made[f"profile-{name}.{kind.lower()}"] = _file(kind, icc_profile=profile)
        for turn in (0, 3, 6, 9, 65535):
            exif = Image.Exif()
            exif[0x0112] = turn
            made[f"turned-{turn}.{kind.lower()}"] = _file(kind, exif=exif.tobytes())
        if kind not in KEEPING_EXIF:
            continue
        for name, junk in {"junk": b"\x99" * 90, "endless": b"II*\0\x08\0\0\0\xff\xff"}.items():
            made[f"exif-{name}.{kind.lower()}"] = _file(kind, exif=b"Exif\0\0" + junk)
    return made


def _modes() -> dict[str, bytes]:
    """Sound pictures in every way they come, which must pass."""
    palette = _photo().quantize(16)
    grey = zlib.compress(b"".join(b"\0" + bytes(range(0, 4 * SIDE, 2)) for _ in range(SIDE)))
    color = zlib.compress((b"\0" + bytes(range(6 * SIDE))) * SIDE)
    frames = [_photo().rotate(turn) for turn in (90, 180)]
    moving: dict[str, Any] = {"save_all": True, "append_images": frames, "duration": 40}
    return {
        "palette-transparent.png": _file("PNG", palette, transparency=3),
        "palette-alpha.png": _file("PNG", palette, transparency=bytes(range(0, 256, 16))),
        "one-bit.png": _file("PNG", _photo("1")),
        "grey-alpha.png": _file("PNG", _photo("LA")),
        "rgba.png": _file("PNG", _photo("RGBA")),
        "grey-transparent.png": _file("PNG", _photo("L"), transparency=9),
        "sixteen-grey.png": _png((SIDE, SIDE, 16, 0), grey),
        "sixteen-rgb.png": _png((SIDE, SIDE, 16, 2), color),
        "cmyk.jpg": _file("JPEG", _photo("CMYK")),
        "cmyk-profile.jpg": _file("JPEG", _photo("CMYK"), icc_profile=b"junk" * 40),
        "progressive.jpg": _file("JPEG", progressive=True),
        "grey.jpg": _file("JPEG", _photo("L")),
        "lossless.webp": _file("WEBP", _photo("RGBA"), lossless=True),
        "moving.png": _file("PNG", **moving),
        "moving.webp": _file("WEBP", **moving),
        "several.jpg": _file("MPO", save_all=True, append_images=frames),
        "picture-and-zip.jpg": _file("JPEG") + b"PK\x03\x04" + bytes(60),
        "picture-and-page.png": _file("PNG") + b"<script>alert(1)</script>",
        "linear.png": _with_chunks(_chunk(b"gAMA", (100_000).to_bytes(4))),
        "points.png": _with_chunks(_chunk(b"cICP", bytes([9, 8, 0, 1]))),
        "moving.gif": _file("GIF", **moving),
        "moving.avif": _file("AVIF", **moving),
        "palette.tif": _file("TIFF", palette),
        "packed.tif": _file("TIFF", compression="tiff_lzw"),
        "cmyk.tif": _file("TIFF", _photo("CMYK"), compression="tiff_deflate"),
        "float.tif": _file("TIFF", _photo("F")),
        "integers.tif": _file("TIFF", _photo("I")),
        "grey.bmp": _file("BMP", _photo("L")),
        "talkative.png": _with_chunks(_chunk(b"tEXt", b"Comment\0<script>")),
    }


def _broken() -> dict[str, bytes]:
    """Files cut short, with a wrong name, or with another's beginning."""
    made: dict[str, bytes] = {"empty.png": b"", "drawing.png": b"<svg xmlns='x'/>"}
    for kind in KINDS:
        data = _file(kind)
        for share in (2, 4, 8, 30, len(data) // 2, len(data) - 3):
            made[f"cut-{share}.{kind.lower()}"] = data[:share]
        made[f"gif-in-front.{kind.lower()}"] = b"GIF89a" + data
        made[f"zeros.{kind.lower()}"] = data[: len(data) // 2] + bytes(len(data) // 2)
    heic = HEIC.read_bytes()
    made["whole.heic"] = heic
    for share in (2, 30, 200, len(heic) // 2, len(heic) - 3):
        made[f"cut-{share}.heic"] = heic[:share]
    made["zeros.heic"] = heic[: len(heic) // 2] + bytes(len(heic) // 2)
    sampled = bytearray(_file("JPEG", progressive=True))
    first = sampled.index(b"\xff\xc2") + 11
    sampled[first : first + 7 : 3] = bytes(3)
    made["no-sampling.jpg"] = bytes(sampled)
    made["wrong-sum.png"] = _file("PNG")[:-20] + b"\xff\xff\xff\xff" + _file("PNG")[-16:]
    made["no-palette.png"] = _png((4, 4, 8, 3), zlib.compress(bytes(20)))
    made["beyond-palette.png"] = _png(
        (4, 4, 8, 3), zlib.compress(b"\0\xff\xff\xff\xff" * 4), before=_chunk(b"PLTE", b"abc")
    )
    return made


PARTS: dict[str, Callable[[], dict[str, bytes]]] = {
    "shapes": _shapes,
    "bombs": _bombs,
    "metadata": _metadata,
    "modes": _modes,
    "broken": _broken,
}


def corpus(*parts: str) -> dict[str, bytes]:
    """Return the files of these parts, or of all, by name."""
    made: dict[str, bytes] = {}
    for part in parts or PARTS:
        made |= PARTS[part]()
    return made


def main() -> None:
    """Write the corpus into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in corpus().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
