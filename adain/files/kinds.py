"""The kinds of picture files that can be opened, and what is said of others.

HEIC needs the extra `heic`; `register` makes Pillow open it.
"""

from importlib.util import find_spec

from PIL import AvifImagePlugin, Image, ImageFile

HEIC = find_spec("pi_heif") is not None
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", *(["HEIF"] if HEIC else []))
ACCEPTED = (
    "PNG, JPEG, WebP, AVIF, HEIC, GIF, TIFF and BMP are accepted"
    if HEIC
    else "PNG, JPEG, WebP, AVIF, GIF, TIFF and BMP are accepted"
)
_UNREADABLE = {"EPS", "MPEG"}  # drawn by another program, or named only
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_DNG_VERSION, _SUBFILE_TYPE, _SUBFILES = 50706, 254, 330  # tags of a TIFF
_OTHERS = {  # by where it stands, and the first bytes there
    "PDF documents": (0, b"%PDF"),
    "PostScript files": (0, b"%!PS"),
    "Photoshop documents": (0, b"8BPS"),
    "Icons": (0, b"\0\0\1\0"),
    "Archives": (0, b"PK\3\4"),
    "JPEG XL pictures": (0, b"\xff\x0a"),
    "JPEG XL  pictures": (4, b"JXL "),
    "JPEG 2000 pictures": (4, b"jP  "),
    "Raw files of cameras": (4, b"ftypcrx"),
    "Films": (4, b"ftyp"),
}


def register() -> None:
    """Have Pillow open HEIC where it can, and every decoder start as few threads as it may."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    if HEIC:
        import pi_heif

        pi_heif.options.DECODE_THREADS = 0
        pi_heif.register_heif_opener()


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


def _other(data: bytes) -> str:
    if b"<svg" in data[:4096].lower():
        return "SVG drawings"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "" if HEIC else "HEIC pictures"
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return ""
    for name, (place, begin) in _OTHERS.items():
        if data[place : place + len(begin)] == begin:
            return " ".join(name.split())
    return ""


def refused(kind: str) -> str:
    """Return the sentence on files of a kind that is not accepted."""
    return f"{kind} can't be used: export the picture as PNG or JPEG; {ACCEPTED}."


def refusal(data: bytes) -> str:
    """Return the sentence on bytes that can't be opened."""
    if other := _other(data):
        return refused(other)
    return f"This file is not a picture that can be read; {ACCEPTED}."


def is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, of which Pillow shows a small picture."""
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or (_SUBFILES in tags and tags.get(_SUBFILE_TYPE, 0) & 1 == 1)
