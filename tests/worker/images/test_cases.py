"""Real files that were refused or got wrong colours, each with its expected value.

Every case is read as an upload and as `python -m adain` reads it.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from adain.files import kinds, pictures
from tests.parts import Setting
from worker.images import images

kinds.register()

CASES = Path(__file__).parents[2] / "data" / "cases"
Reader = Callable[[bytes], Image.Image]


def upload(data: bytes) -> Image.Image:
    return pictures.rgb(Image.open(io.BytesIO(images.clean(data).data)))


def command_line(data: bytes) -> Image.Image:
    return pictures.rgb(pictures.opened_bytes(data, None))


READERS = pytest.mark.parametrize("read", [upload, command_line])


def samples(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image.convert("RGB")).astype(int)


def difference(image: Image.Image, expected: Path) -> int:
    """Return the largest difference of any sample, of 255."""
    return int(np.abs(samples(image) - samples(Image.open(expected))).max())


@READERS
@pytest.mark.parametrize("name", ["itxt-workflow", "ztxt-8bim"])
def test_large_text_of_a_png_is_passed_over(read: Reader, name: str) -> None:
    folder = CASES / "png-large-metadata"
    image = read((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") == 0


@READERS
def test_a_profile_of_more_than_a_megabyte_applies(read: Reader) -> None:
    folder = CASES / "png-large-metadata"
    image = read((folder / "iccp-large-profile.png").read_bytes())
    light = (samples(Image.open(folder / "expected.png")) / 255) ** (0x233 / 256)  # its gamma
    expected = 255 * np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(samples(image) - expected).max() <= 2


@READERS
def test_a_profile_too_large_to_be_read_is_passed_over(read: Reader) -> None:
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 80, 200)).save(out, "PNG", icc_profile=bytes(30 << 20))
    assert samples(read(out.getvalue())).tolist() == [[[9, 80, 200]] * 2] * 2


@READERS
@pytest.mark.parametrize("name", ["palette-adobe", "rgb-adobe"])
def test_a_profile_applies_to_a_palette_as_to_rgb(read: Reader, name: str) -> None:
    folder = CASES / "palette-png-with-profile"
    image = read((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") <= 1


@READERS
@pytest.mark.parametrize("name", ["grey-linear", "grey-alpha-linear"])
def test_a_grey_profile_applies_with_alpha_as_without(read: Reader, name: str) -> None:
    folder = CASES / "grey-alpha-with-profile"
    image = read((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") <= 2


PHONE = CASES / "phone-containers"


@READERS
@pytest.mark.parametrize(
    "name",
    [
        *("two-pictures.mpo", "ultra-hdr", "motion-photo", "progressive", "trailing-zeros"),
        *("missing-end", "leading-newline", "cmyk", "grey"),
    ],
)
def test_jpegs_of_phones_are_the_picture(read: Reader, name: str) -> None:
    image = read((PHONE / f"{name}.jpg").read_bytes())
    wanted = samples(Image.open(PHONE / "expected.png"))
    wanted = wanted if name != "grey" else samples(Image.open(PHONE / "expected.png").convert("L"))
    assert np.abs(samples(image) - wanted).mean() < 4


@READERS
@pytest.mark.parametrize("name", ["png-without-iend", "png-cut-last-20"])
def test_a_png_that_lacks_its_end_but_no_pixel_is_the_picture(read: Reader, name: str) -> None:
    image = read((PHONE / f"{name}.png").read_bytes())
    assert difference(image, PHONE / "expected.png") == 0


@READERS
@pytest.mark.parametrize("missing", [20, 100])
def test_a_jpeg_without_its_last_rows_is_accepted(read: Reader, missing: int) -> None:
    image = read((PHONE / f"cut-last-{missing}-bytes.jpg").read_bytes())
    wanted = samples(Image.open(PHONE / "expected.png"))
    assert np.abs(samples(image) - wanted)[:140].mean() < 4


@READERS
def test_a_jpeg_without_its_lower_half_is_refused(read: Reader) -> None:
    data = (PHONE / "missing-end.jpg").read_bytes()
    with pytest.raises((images.ImageRejected, OSError)):
        read(data[: len(data) // 3])


@READERS
@pytest.mark.parametrize(
    "name", ["photo.avif", "photo.tif", "photo.bmp", "animation.gif", "photo.heic"]
)
def test_other_kinds_of_pictures_are_accepted(read: Reader, name: str) -> None:
    image = read((PHONE / name).read_bytes())
    assert np.abs(samples(image) - samples(Image.open(PHONE / "expected.png"))).mean() < 4


@READERS
def test_a_turned_heic_is_set_upright_once(read: Reader) -> None:
    image = read((PHONE / "photo-turned.heic").read_bytes())
    assert np.abs(samples(image) - samples(Image.open(PHONE / "expected.png"))).mean() < 4


@READERS
def test_a_first_frame_that_is_blank_is_not_the_picture(read: Reader) -> None:
    image = read((PHONE / "animated-blank-first.webp").read_bytes())
    assert np.abs(samples(image) - samples(Image.open(PHONE / "expected.png"))).mean() < 4


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ((PHONE / "icon.ico").read_bytes(), "Icons"),
        (b"%PDF-1.7", "PDF documents"),
        (b"\0\0\0\x18ftypmp42" + bytes(90), "Films"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL pictures"),
        (b"8BPS\0\1" + bytes(90), "Photoshop documents"),
    ],
)
def test_what_is_not_accepted_is_named_by_its_kind(data: bytes, kind: str) -> None:
    with pytest.raises(images.ImageRejected, match=f"{kind} can't be used: export the picture"):
        images.clean(data)


def tiff(bits: tuple[int, ...], sample_format: int) -> bytes:
    """Return a TIFF of 8 × 6 pixels with so many bits in each sample; 1: integers, 3: floats."""
    directory, channels, out = TiffImagePlugin.ImageFileDirectory_v2(), len(bits), io.BytesIO()
    size = 48 * sum(bits) // 8
    tags = {256: 8, 257: 6, 258: bits, 259: 1, 262: 1 if channels < 3 else 2, 273: 0}
    tags |= {277: channels, 278: 6, 279: size, 339: (sample_format,) * channels}
    for tag, value in (tags | ({338: 2} if channels == 2 else {})).items():
        directory[tag] = value
    directory.save(out)
    return out.getvalue() + bytes(size)


@pytest.mark.parametrize(
    ("bits", "sample_format"),
    [((32,) * 3, 3), ((16,), 3), ((64,), 3), ((16, 16), 1), ((32,) * 3, 1)],
    ids=["float-rgb", "half-float", "double", "16-bit-with-alpha", "32-bit-rgb"],
)
def test_a_tiff_of_samples_that_are_not_read_is_named(
    bits: tuple[int, ...], sample_format: int
) -> None:
    assert images.clean(tiff((8,) * len(bits), 1)).width == 8
    data = tiff(bits, sample_format)
    wanted = "TIFF files of an unusual inner format .* can't be used: export the picture as PNG"
    with pytest.raises(images.ImageRejected, match=wanted):
        images.clean(data)
    assert kinds.refusal(data).startswith(f"{kinds.NAMES['tiff']} can't be used: export")


def test_a_tiff_that_is_cut_or_no_tiff_is_not_named_by_its_samples() -> None:
    whole = tiff((8,), 1)
    for data in (whole[:6], b"II*\0" + bytes(40), b"MM\0*" + b"\xff" * 40):
        with pytest.raises(images.ImageRejected, match="not a picture that can be read"):
            images.clean(data)


def test_a_raw_file_of_a_camera_is_refused() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[50706] = bytes([1, 4, 0, 0])  # DNGVersion
    out = io.BytesIO()
    Image.new("RGB", (16, 12)).save(out, "TIFF", tiffinfo=tags)
    with pytest.raises(images.ImageRejected, match="Raw files of cameras can't be used"):
        images.clean(out.getvalue())


LARGE = CASES / "large-pictures"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("phone-48mp.jpg", (4032, 3024)),  # decoded at half its size
        ("scan-a3-300dpi-cmyk.jpg", (4961, 3508)),
        ("camera-20mp.webp", (5000, 4000)),
    ],
)
def test_large_photos_are_accepted_within_the_bound_of_memory(
    name: str, kept: tuple[int, int]
) -> None:
    clean = images.clean((LARGE / name).read_bytes())
    assert (clean.width, clean.height) == kept


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_is_larger_than_the_limit_is_made_smaller(
    kind: str, mode: str, setting: Setting
) -> None:
    setting(max_pixels=10_000)
    gradient = Image.linear_gradient("L").resize((301, 200)).convert(mode)
    clean = Image.open(io.BytesIO(images.clean(encoded(gradient, kind)).data))
    assert clean.width * clean.height <= 10_000
    assert abs(clean.width / clean.height - 1.5) < 0.03
    wanted = gradient.resize(clean.size, Image.Resampling.BOX)
    assert np.abs(samples(clean) - samples(wanted)).mean() < 3


def test_what_would_take_too_much_memory_is_refused_with_what_fits() -> None:
    data = encoded(Image.new("RGBA", (8000, 8000)), "PNG")
    with pytest.raises(images.ImageRejected, match=r"as PNG in this form at most 4\d megapixels"):
        images.clean(data)


def test_a_mask_larger_than_the_limit_fits_its_photo(setting: Setting) -> None:
    setting(max_pixels=10_000)
    mask = images.clean_mask(encoded(Image.new("L", (300, 200), 255), "PNG"), (100, 67))
    assert (mask.width, mask.height) == (100, 67)


LOGOS = CASES / "logo-white-on-transparent"


@READERS
@pytest.mark.parametrize("name", ["white-logo.png", "cut-out.png"])
def test_what_is_drawn_stands_out_from_what_is_transparent(read: Reader, name: str) -> None:
    data = (LOGOS / name).read_bytes()
    alpha = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").getchannel("A"))
    light = samples(read(data)).mean(axis=2)
    assert abs(light[alpha == 255].mean() - light[alpha == 0].mean()) > 60


def translucent(mode: str, kind: str, **given: object) -> tuple[bytes, Image.Image]:
    """A cut-out in a mode as a file of some kind, and its opacity."""
    image = Image.open(LOGOS / "cut-out.png").convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **given)
    return out.getvalue(), Image.open(out).convert("RGBA").getchannel("A")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "GIF"), ("RGBA", "WEBP"), ("RGBA", "TIFF")],
)
def test_what_is_kept_of_a_picture_is_as_transparent(mode: str, kind: str) -> None:
    data, opacity = translucent(mode, kind)
    clean = images.clean(data)
    kept = Image.open(io.BytesIO(clean.data))
    assert (clean.suffix, kept.mode) == ("png", "RGBA")
    assert kept.getchannel("A").tobytes() == opacity.tobytes()
    small = images.small(data, 64)
    assert (small.suffix, Image.open(io.BytesIO(small.data)).mode) == ("png", "RGBA")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_with_an_opaque_alpha_channel_is_kept_without(kind: str) -> None:
    out = io.BytesIO()
    Image.open(LOGOS / "cut-out.png").convert("RGB").convert("RGBA").save(out, kind)
    assert Image.open(io.BytesIO(images.clean(out.getvalue()).data)).mode == "RGB"


MASKS = CASES / "mask-conventions"
SIZE = Image.open(MASKS / "photo.png").size


def mask_of_upload(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(images.clean_mask(data, SIZE).data))


def mask_of_command_line(data: bytes) -> Image.Image:
    mask = pictures.mask(pictures.opened_bytes(data, None))
    pictures.check_mask(mask)
    return pictures.fitted(mask, SIZE)


MASK_READERS = pytest.mark.parametrize("read", [mask_of_upload, mask_of_command_line])


@MASK_READERS
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["0-255.png", "16.png", "0-1.png", "labelled.png"])
def test_a_mask_is_read_by_each_convention(read: Reader, side: str, kind: str) -> None:
    mask = read((MASKS / f"mask-{side}-{kind}").read_bytes())
    wanted = Image.open(MASKS / f"mask-{side}-0-255.png")
    assert mask.tobytes() == wanted.convert("L").tobytes()


@MASK_READERS
@pytest.mark.parametrize("name", ["mask-left.jpg", "mask-left-half-size.png"])
def test_a_mask_that_was_compressed_or_made_smaller_is_nearly_the_same(
    read: Reader, name: str
) -> None:
    mask = np.asarray(read((MASKS / name).read_bytes())).astype(int)
    wanted = np.asarray(Image.open(MASKS / "mask-left-0-255.png").convert("L")).astype(int)
    assert np.abs(mask - wanted).mean() < 2


@MASK_READERS
def test_a_black_mask_is_refused(read: Reader) -> None:
    with pytest.raises((images.ImageRejected, ValueError), match="black all over"):
        read((MASKS / "mask-all-black.png").read_bytes())


@MASK_READERS
def test_a_mask_of_another_shape_is_refused(read: Reader) -> None:
    out = io.BytesIO()
    Image.new("L", (SIZE[1], SIZE[0]), 255).save(out, "PNG")
    with pytest.raises((images.ImageRejected, ValueError), match="its photo's shape, 240 × 180"):
        read(out.getvalue())


@MASK_READERS
def test_a_mask_of_small_numbers_is_refused(read: Reader) -> None:
    out = io.BytesIO()
    Image.new("L", SIZE, 3).save(out, "PNG")
    with pytest.raises((images.ImageRejected, ValueError), match="brightest value is 3 of 255"):
        read(out.getvalue())
