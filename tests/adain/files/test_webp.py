import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adain.files import webp


def _file(mode: str, frames: int, **options: object) -> bytes:
    out, image = io.BytesIO(), Image.linear_gradient("L").convert(mode)
    more = [image.rotate(90)] * (frames - 1)
    image.save(out, "WEBP", save_all=frames > 1, append_images=more, **options)
    return out.getvalue()


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("exif", [b"", b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_is_lossy_as_it_was_written(
    mode: str, frames: int, exif: bytes, lossless: bool
) -> None:
    assert webp.is_lossy(_file(mode, frames, lossless=lossless, exif=exif)) is not lossless


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert webp.is_lossy(b"RIFF\0\0\0\0WEBP" + data) in {True, False}
    assert not webp.is_lossy(data)
