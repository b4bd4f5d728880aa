import io
import json
from pathlib import Path
from typing import get_args

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tests.parts import picture
from worker import jobs
from worker.errors import Refused
from worker.gallery import embedded_settings
from worker.gallery.embedded_settings import Embedded, Format
from worker.images import decoder
from worker.images.images import ImageRejected
from worker.options import Options

FORMATS = get_args(Format)
SETTINGS = Embedded(
    options=Options(alpha=0.25, weights=[1, 3], color="content", size=256, network="compact"),
    network="compact",
    weights_sha256="ab" * 32,
    version="1.0",
)


def with_text(text: str, kind: Format = "png") -> bytes:
    """A stranger's picture with such a text where the settings would be."""
    out = io.BytesIO()
    info, exif = PngInfo(), Image.Exif()
    info.add_itxt(decoder.CHUNK, text)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + text.encode()
    Image.new("RGB", (8, 8)).save(out, kind.upper(), pnginfo=info, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_settings_come_back_out_of_the_picture_they_were_written_into(
    studio: Path, kind: Format
) -> None:
    assert embedded_settings.read(embedded_settings.encode(picture(), kind, SETTINGS)) == SETTINGS


def test_settings_written_before_there_was_a_choice_of_transfer_mean_adain(studio: Path) -> None:
    reported = SETTINGS.model_dump()
    del reported["options"]["transfer"]
    assert embedded_settings.read(with_text(json.dumps(reported))).options.transfer == "adain"


@pytest.mark.parametrize("kind", FORMATS)
def test_the_picture_stays_as_it_was_in_the_format_asked_for(studio: Path, kind: Format) -> None:
    image = Image.open(io.BytesIO(embedded_settings.encode(picture(64, 48), kind, SETTINGS)))
    assert (image.format, image.size) == (kind.upper(), (64, 48))
    low, high = zip(*image.convert("RGB").getextrema(), strict=True)  # teal is 0, 128, 128
    assert max(abs(a - b) for a, b in zip(low + high, (0, 128, 128) * 2, strict=True)) <= 3


@pytest.mark.parametrize("kind", FORMATS)
def test_a_transparent_picture_stays_so_in_formats_that_can_be(studio: Path, kind: Format) -> None:
    ours = picture(8, 8, "PNG", "RGBA", (0, 128, 128, 100))
    image = Image.open(io.BytesIO(embedded_settings.encode(ours, kind, SETTINGS)))
    if kind == "jpeg":
        assert image.mode == "RGB"
    else:
        assert image.getchannel("A").getextrema() == (100, 100)


@pytest.mark.parametrize("kind", FORMATS)
def test_without_settings_a_picture_carries_none_and_nothing_else(
    studio: Path, kind: Format
) -> None:
    plain = embedded_settings.encode(with_text("secret"), kind, None)
    assert b"secret" not in plain
    assert decoder.CHUNK.encode() not in plain
    assert b"Exif" not in plain
    with pytest.raises(Refused, match="carries no settings"):
        embedded_settings.read(plain)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_of_the_owner_or_the_job_is_written_into_a_picture(
    studio: Path, kind: Format
) -> None:
    job = jobs.submit("ann-the-owner", picture(), [picture(20, 20)])
    encoded = embedded_settings.encode(picture(), kind, embedded_settings.settings_of(job))
    for private in (job.owner, job.id, *job.style_digests, "content", "submitted"):
        assert private.encode() not in encoded


def test_settings_of_a_job_are_its_options(studio: Path) -> None:
    job = jobs.submit("ann", picture(), [picture(20, 20)], options={"alpha": 0.5, "size": 128})
    found = embedded_settings.settings_of(job)
    assert (found.options.alpha, found.options.size, found.network) == (0.5, 128, "compact")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[]",
        "[" * 9000,
        json.dumps({"options": {"alpha": 7}}),
        json.dumps({"options": {"alpha": 1, "rm": "-rf"}}),
        SETTINGS.model_dump_json().replace("0.25", "NaN"),
    ],
)
def test_settings_that_are_not_ours_are_refused_with_a_sentence(
    studio: Path, kind: Format, text: str
) -> None:
    with pytest.raises(Refused, match="settings that this studio does not know"):
        embedded_settings.read(with_text(text, kind))


@pytest.mark.parametrize("kind", FORMATS)
def test_an_ordinary_picture_carries_no_settings(studio: Path, kind: Format) -> None:
    with pytest.raises(Refused, match="carries no settings"):
        embedded_settings.read(picture(kind=kind.upper()))


def test_a_user_comment_in_another_writing_carries_no_settings(studio: Path) -> None:
    exif, out = Image.Exif(), io.BytesIO()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0h\0i\0"
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    with pytest.raises(Refused, match="carries no settings"):
        embedded_settings.read(out.getvalue())


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0" + b"\x01" * 40])
def test_broken_exif_carries_no_settings(studio: Path, exif: bytes) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    with pytest.raises(Refused, match="carries no settings"):
        embedded_settings.read(out.getvalue())


def test_a_text_that_unpacks_to_too_much_is_refused(studio: Path) -> None:
    out, info = io.BytesIO(), PngInfo()
    info.add_itxt(decoder.CHUNK, "a" * 5_000_000, zip=True)
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
    assert len(out.getvalue()) < 10_000
    with pytest.raises(Refused):
        embedded_settings.read(out.getvalue())


def test_what_is_no_picture_is_refused_as_every_upload_is(studio: Path) -> None:
    with pytest.raises(ImageRejected, match="GIF, TIFF and BMP are accepted"):
        embedded_settings.read(b"hello")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_too_long_for_a_format_is_refused_by_the_formats_that_hold_it(
    kind: Format,
) -> None:
    ours = picture(70_000, 16, "PNG")
    if kind == "png":
        assert embedded_settings.encode(ours, kind, SETTINGS)
        return
    with pytest.raises(Refused, match=r"70000 × 16 pixels.*one of these formats: PNG\."):
        embedded_settings.encode(ours, kind, SETTINGS)


def test_a_picture_too_long_for_webp_alone_can_be_a_jpeg() -> None:
    ours = picture(17_000, 16, "PNG")
    assert embedded_settings.encode(ours, "jpeg", SETTINGS)
    with pytest.raises(Refused, match=r"one of these formats: PNG, JPEG\."):
        embedded_settings.encode(ours, "webp", SETTINGS)
