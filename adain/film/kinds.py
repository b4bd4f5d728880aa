"""The kinds of film files, by their first bytes, and which kinds can be written.

FFmpeg would choose a reader by the contents, among them lists that name other files; so the reader
is named here, and only these can be.
"""

from importlib.util import find_spec

HEAD = 1 << 16  # bytes that are looked at
INSTALLED = find_spec("av") is not None and find_spec("cv2") is not None
ACCEPTED = "MP4, MOV, WebM, MKV, GIF and animated PNG and WebP are accepted"
ENDINGS = (".mp4", ".webm", ".gif", ".webp")  # of films that can be written
ANIMATIONS = (".gif", ".webp")  # without sound, for a few seconds
READ = (".mp4", ".m4v", ".mov", ".webm", ".mkv")  # endings of files that are films and no pictures
WEBP = "webp"  # which FFmpeg does not decode where it is animated; Pillow does

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # that an MP4 or MOV begins with
_STILL = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
_ANIMATED = 0x02  # among the flags of a WebP's first chunk


def reader(head: bytes) -> str:
    """Return FFmpeg's name for the reader of a film that begins so, or `WEBP`; "": it is none."""
    if head[4:8] in _BOXES and head[8:12] not in _STILL:
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"GIF8":
        return "gif"
    if head[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in head.partition(b"IDAT")[0]:
        return "apng"
    return WEBP if (head[:4], head[8:12]) == (b"RIFF", b"WEBP") else ""


def animated(head: bytes) -> bool:
    """Tell whether a file that begins so is a picture that may move: a GIF may turn out still."""
    kind = reader(head)
    if kind == WEBP:
        return head[12:16] == b"VP8X" and bool(head[20:21] and head[20] & _ANIMATED)
    return kind in {"gif", "apng"}
