"""Markers of JPEG files."""

import io

import pytest
from PIL import Image

from adain.files import jpeg


def _file(size: int = 64, *, progressive: bool = False) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((size, size), 90).convert("RGB").save(out, "JPEG", progressive=progressive)
    return out.getvalue()


def _with_comment(data: bytes, text: bytes) -> bytes:
    """Put a comment before everything else, which may look like markers."""
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text
    return data[:2] + comment + data[2:]


@pytest.mark.parametrize("progressive", [False, True])
def test_scans_are_counted_as_the_markers_say(progressive: bool) -> None:
    data = _file(progressive=progressive)
    scans = sum(marker == jpeg.SCAN for marker in jpeg.markers(data))
    assert (scans > 1) == progressive
    assert jpeg.has_scans(data, scans)
    assert not jpeg.has_scans(data, scans + 1)


def test_bytes_in_a_comment_that_look_like_scans_are_none() -> None:
    assert not jpeg.has_scans(_with_comment(_file(), b"\xff\xda" * 100), 2)


def test_end_in_a_comment_is_not_the_end() -> None:
    cut = _with_comment(_file(), b"\xff\xd9")[:-2]
    assert not jpeg.is_whole(cut)
    assert jpeg.ended(cut) == cut + b"\xff\xd9"


def test_fill_bytes_before_a_marker_are_looked_at_in_linear_time() -> None:
    """A time that grows with the square of their number would be half an hour."""
    assert list(jpeg.markers(jpeg.START + b"\xff" * 1_000_000 + b"\xda\0\2\xff\xff\xd9")) == [
        jpeg.SCAN,
        jpeg.END,
    ]
