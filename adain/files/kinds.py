"""The kinds of picture files that can be opened, and what is said of others.

HEIC needs the extra `heic`; `register` makes Pillow open it.
"""

import math
import struct
from importlib.util import find_spec

from PIL import AvifImagePlugin, Image, ImageFile

HEIC = find_spec("pi_heif") is not None
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", *(["HEIF"] if HEIC else []))
ACCEPTED = (
    "PNG, JPEG, WebP, AVIF, HEIC, GIF, TIFF and BMP are accepted"
    if HEIC
    else "PNG, JPEG, WebP, AVIF, GIF, TIFF and BMP are accepted"
)
LONGEST = {"WEBP": 16_383, "JPEG": 65_500, "AVIF": 65_536}  # pixels of a side that can be written
_UNREADABLE = {"EPS", "MPEG"}  # drawn by another program, or named only
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_SIZES = (256, 257)  # tags of a TIFF: width and height
_DNG_VERSION, _SUBFILE_TYPE, _SUBFILES = 50706, 254, 330  # tags of a TIFF
NAMES = {  # of kinds that are not accepted
    "svg": "SVG drawings",
    "heic": "HEIC pictures",
    "pdf": "PDF documents",
    "postscript": "PostScript files",
    "photoshop": "Photoshop documents",
    "icon": "Icons",
    "archive": "Archives",
    "jpeg_xl": "JPEG XL pictures",
    "jpeg_2000": "JPEG 2000 pictures",
    "raw": "Raw files of cameras",
    "film": "Films",
    "tiff": "TIFF files of an unusual inner format (such as colours in floating point, "
    "or 16-bit grey with transparency)",
}
_OTHERS = (  # where it stands, and the first bytes there
    ("pdf", 0, b"%PDF"),
    ("postscript", 0, b"%!PS"),
    ("photoshop", 0, b"8BPS"),
    ("icon", 0, b"\0\0\1\0"),
    ("archive", 0, b"PK\3\4"),
    ("jpeg_xl", 0, b"\xff\x0a"),
    ("jpeg_xl", 4, b"JXL "),
    ("jpeg_2000", 4, b"jP  "),
    ("raw", 4, b"ftypcrx"),
    ("film", 4, b"ftyp"),
)


def register() -> None:
    """Have Pillow open HEIC where it can, and every decoder start as few threads as it may."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    if HEIC:
        import pi_heif

        pi_heif.options.DECODE_THREADS = 0
        pi_heif.register_heif_opener()


def holds(kind: str, width: int, height: int) -> bool:
    """Tell whether a picture of that size can be written as such a format of Pillow's."""
    return max(width, height) <= LONGEST.get(kind, math.inf)


def openable() -> tuple[str, ...]:
    """Return every format whose pictures Pillow decodes by itself."""
    Image.init()

    def decodes(name: str) -> bool:
        factory = Image.OPEN[name][0]
        return not (isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile))

    return tuple(name for name in Image.OPEN if name not in _UNREADABLE and decodes(name))


def endings() -> frozenset[str]:
    """Return the endings of names of files, in small letters, that `openable` formats have."""
    formats = {*openable(), "MPO"}  # which is opened as JPEG
    return frozenset(one for one, name in Image.registered_extensions().items() if name in formats)


def _is_tiff(data: bytes) -> bool:
    """Whether a TIFF says how large its picture is, by the numbers of its first directory's tags.

    Pillow reads what the tags name: of a large file thousands of times, if the file says so.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return False
    try:
        [place] = struct.unpack_from(f"{order}L", data, 4)
        [count] = struct.unpack_from(f"{order}H", data, place)
        tags = {
            struct.unpack_from(f"{order}H", data, place + 2 + 12 * each)[0] for each in range(count)
        }
    except struct.error:  # it ends before
        return False
    return tags.issuperset(_SIZES)


def other(data: bytes) -> str:
    """Return which of `NAMES` a file is that can't be opened, "" if none."""
    if b"<svg" in data[:4096].lower():
        return "svg"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "" if HEIC else "heic"
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return ""
    for name, place, begin in _OTHERS:
        if data[place : place + len(begin)] == begin:
            return name
    return "tiff" if _is_tiff(data) else ""


def refusal(data: bytes) -> str:
    """Return the sentence on bytes that can't be opened."""
    if kind := other(data):
        return f"{NAMES[kind]} can't be used: export the picture as PNG or JPEG; {ACCEPTED}."
    return f"This file is not a picture that can be read; {ACCEPTED}."


def is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, of which Pillow shows a small picture."""
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or (_SUBFILES in tags and tags.get(_SUBFILE_TYPE, 0) & 1 == 1)
