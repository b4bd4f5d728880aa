"""Colours of every mode that Pillow opens, against values computed by formula."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin

from adain.files import pictures, png, profiles

ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65 = (0.3127, 0.3290)
GAMMA = 2.2
RAMP = np.arange(0, 256, 3, dtype=np.uint8)
GRID = np.stack(np.meshgrid(*[RAMP[::17]] * 3), -1).reshape(12, 18, 3)

Samples = NDArray[np.float64]


def to_xyz(primaries: Sequence[profiles.Point]) -> Samples:
    """The matrix of a space under D65, as in every book on colour."""
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return np.asarray(xyz * np.linalg.solve(xyz, white))


def srgb(light: Samples) -> Samples:
    light = light.clip(0, 1)
    curve = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curve)


def from_srgb_curve(samples: Samples) -> Samples:
    curve = np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve)


def expected(
    samples: NDArray[np.uint8], primaries: Sequence[profiles.Point], gamma: float = GAMMA
) -> Samples:
    """8-bit samples in a space → sRGB samples."""
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)
    return srgb((samples / 255) ** gamma @ matrix.T)


def grey_profile(gamma: float) -> bytes:
    """A grey profile with a gamma curve, made of an RGB one's head."""
    head = bytearray(profiles.profile(SRGB, D65, (gamma,))[:128])
    head[16:20] = b"GRAY"
    curve = b"para" + bytes(8) + round(gamma * 65536).to_bytes(4)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    body, table, place = b"", (2).to_bytes(4), 128 + 4 + 24
    for name, data in ((b"wtpt", white), (b"kTRC", curve)):
        table += name + (place + len(body)).to_bytes(4) + len(data).to_bytes(4)
        body += data
    head[:4] = (place + len(body)).to_bytes(4)
    return bytes(head) + table + body


def reopened(image: Image.Image, kind: str, **options: object) -> Image.Image:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return pictures.opened_bytes(data.getvalue(), None)


def difference(image: Image.Image, wanted: Samples) -> float:
    got = np.asarray(pictures.rgb(image)).astype(float)
    return float(np.abs(got - wanted.reshape(*got.shape[:2], -1)).max())


def palette(samples: NDArray[np.uint8]) -> Image.Image:
    image = Image.new("P", (len(samples), 1))
    image.putdata(range(len(samples)))
    image.putpalette(samples.tobytes())
    return image


def with_alpha(image: Image.Image) -> Image.Image:
    image.putalpha(255)
    return image


RGB_PROFILE = profiles.profile(ADOBE, D65, (GAMMA,))
CMYK_PROFILE = RGB_PROFILE.replace(b"RGB ", b"CMYK", 1)
GREY = np.stack([RAMP] * 3, -1)


@pytest.mark.parametrize(
    ("kind", "image", "samples"),
    [
        ("PNG", Image.fromarray(GRID), GRID),
        ("PNG", with_alpha(Image.fromarray(GRID)), GRID),
        ("PNG", palette(GRID.reshape(-1, 3)), GRID),
        ("PNG", Image.fromarray(RAMP[None]), GREY),  # grey with a profile of RGB
        ("TIFF", Image.fromarray(GRID), GRID),
        ("TIFF", with_alpha(Image.fromarray(GRID)), GRID),
        ("TIFF", palette(GRID.reshape(-1, 3)), GRID),
    ],
)
def test_a_profile_of_rgb_applies_in_every_mode(
    kind: str, image: Image.Image, samples: NDArray[np.uint8]
) -> None:
    tagged = reopened(image, kind, icc_profile=RGB_PROFILE)
    assert difference(tagged, expected(samples, ADOBE)) <= 2


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.6])
@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_profile_of_grey_applies_in_every_mode(kind: str, mode: str, gamma: float) -> None:
    image = Image.fromarray(RAMP[None] if mode != "I;16" else RAMP[None].astype(np.uint16) * 257)
    image = with_alpha(image) if mode == "LA" else image
    tagged = reopened(image, kind, icc_profile=grey_profile(gamma))
    assert difference(tagged, srgb((GREY / 255) ** gamma)) <= 2


def test_sixteen_bits_of_linear_grey_keep_their_shadows() -> None:
    dark = np.arange(0, 2000, 40, dtype=np.uint16)[None]
    tagged = reopened(Image.fromarray(dark), "PNG", icc_profile=grey_profile(1.0))
    assert difference(tagged, srgb(np.stack([dark / 65535] * 3, -1))) <= 2


def described(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> Image.Image:
    """A PNG, of the grid unless another is given, whose colours these chunks describe."""
    data = io.BytesIO()
    (image or Image.fromarray(GRID)).save(data, "PNG")
    whole = data.getvalue()
    inserted = b"".join(
        len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
        for kind, body in chunks
    )
    return pictures.opened_bytes(whole[:33] + inserted + whole[33:], None)


def numbers(*values: float) -> bytes:
    return b"".join(round(value * 100_000).to_bytes(4) for value in values)


GAMA = (b"gAMA", numbers(1 / GAMMA))
CHRM = (b"cHRM", numbers(*D65, *(value for point in ADOBE for value in point)))
SRGB_GAMA = (b"gAMA", (45455).to_bytes(4))  # PNG, third edition, 11.3.2.5
SRGB_CHRM = (b"cHRM", numbers(*D65, *(value for point in SRGB for value in point)))


def test_gamma_and_primaries_of_a_png_apply() -> None:
    assert difference(described(GAMA, CHRM), expected(GRID, ADOBE)) <= 2
    linear = (b"gAMA", numbers(1.0))
    assert difference(described(linear), expected(GRID, SRGB, 1.0)) <= 2


@pytest.mark.parametrize("chunks", [(SRGB_GAMA,), (SRGB_GAMA, SRGB_CHRM)])
def test_the_numbers_that_stand_for_srgb_in_a_png_mean_srgb(
    chunks: Sequence[tuple[bytes, bytes]],
) -> None:
    assert difference(described(*chunks), GRID.astype(float)) == 0


def test_an_srgb_chunk_goes_before_gamma_and_primaries() -> None:
    assert difference(described((b"sRGB", b"\0"), GAMA, CHRM), GRID.astype(float)) == 0


def test_coding_points_of_a_png_go_before_all_else() -> None:
    image = described((b"cICP", bytes([12, 13, 0, 1])), GAMA, CHRM)
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(P3)
    assert difference(image, srgb(from_srgb_curve(GRID / 255) @ matrix.T)) <= 2


@pytest.mark.parametrize("chunk", [(b"cHRM", bytes(32)), (b"gAMA", bytes(4)), (b"cICP", b"\x0c")])
def test_numbers_that_describe_no_space_are_passed_over(chunk: tuple[bytes, bytes]) -> None:
    assert (
        difference(described(chunk, *([GAMA] if chunk[0] == b"cHRM" else [])), GRID.astype(float))
        == 0
    )


def test_transparency_shows_white_beside_managed_colours() -> None:
    image = Image.fromarray(GRID)
    gradient = Image.linear_gradient("L").resize(image.size)
    image.putalpha(gradient.point(lambda value: 128 + value // 2))
    alpha = np.asarray(image.getchannel("A"))[..., None] / 255
    tagged = reopened(image, "PNG", icc_profile=RGB_PROFILE)
    wanted = expected(GRID, ADOBE) * alpha + 255 * (1 - alpha)
    assert difference(tagged, wanted) <= 2


@pytest.mark.parametrize(
    ("image", "bits"),
    [
        (Image.fromarray(RAMP[None].astype(np.float32) / 255), 32),
        (Image.fromarray(RAMP[None].astype(np.float32)), 32),
        (Image.fromarray(RAMP[None].astype(np.uint16) * 257), 16),
        (Image.fromarray(RAMP[None].astype(np.int32) * 257), 32),
    ],
)
def test_deep_samples_of_a_tiff_keep_their_brightness(image: Image.Image, bits: int) -> None:
    assert difference(reopened(image, "TIFF"), GREY.astype(float)) <= 1


@pytest.mark.parametrize("said", [True, False])  # else it is what a reader has to assume
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("top", [65535, 1 << 31, (1 << 32) - 1])
def test_unsigned_samples_of_thirty_two_bits_do_not_wrap(
    top: int, turned: bool, said: bool
) -> None:
    samples = (RAMP.astype(np.float64) / RAMP.max() * top).astype(np.uint32)[None]
    if turned:
        samples = np.rot90(samples)
    data, most = io.BytesIO(), 65535 if top == 65535 else 2**32
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6 if turned else 1
    Image.fromarray(samples.view(np.int32)).save(data, "TIFF", exif=exif)
    signed = struct.pack("<HHII", TiffImagePlugin.SAMPLEFORMAT, 3, 1, 2)
    assert data.getvalue().count(signed) == 1
    private = struct.pack("<H", 65000)  # a tag in place of the one that says it
    unsigned = (signed[:2] if said else private) + signed[2:-4] + (1).to_bytes(4, "little")
    image = pictures.opened_bytes(data.getvalue().replace(signed, unsigned), None)
    grey = np.stack([samples / most * 255] * 3, -1)
    assert difference(image, np.rot90(grey, -1) if turned else grey) <= 1


@pytest.mark.parametrize("profile", [b"no profile", RGB_PROFILE, RGB_PROFILE[:200], CMYK_PROFILE])
@pytest.mark.parametrize("cicp", [[], [(b"cICP", bytes([1, 13, 0, 1]))]])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
def test_no_profile_is_left_where_colours_are_srgb(
    profile: bytes, cicp: list[tuple[bytes, bytes]], mode: str
) -> None:
    packed = (b"iCCP", b"name\0\0" + zlib.compress(profile))
    image = described(*cicp, packed, image=Image.fromarray(GRID).convert(mode))
    assert image.info["icc_profile"] == profile
    for made in (pictures.rgb(image), pictures.cut_out(image)):
        assert "icc_profile" not in made.info


def test_a_sample_of_sixteen_bits_that_is_transparent_is_white() -> None:
    deep = Image.fromarray(np.array([[0x1234, 0x1235]], dtype=np.uint16))
    image = reopened(deep, "PNG", transparency=0x1234)
    assert difference(image, np.array([[[255] * 3, [0x12] * 3]], float)) == 0


def test_lab_is_converted() -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(GRID),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    assert difference(lab, GRID.astype(float)) <= 12  # eight bits of Lab hold no more
    assert (
        difference(
            Image.merge("LAB", [Image.new("L", (1, 1), v) for v in (128, 128, 128)]),
            np.full((1, 1, 3), 119.6),
        )
        <= 1
    )


def test_only_what_is_used_of_a_png_is_read() -> None:
    data = io.BytesIO()
    Image.new("RGB", (2, 2)).save(data, "PNG", gamma=1)
    whole = data.getvalue()
    text = b"tEXt" + b"note\0words"
    chunk = (10).to_bytes(4) + text + zlib.crc32(text).to_bytes(4)
    talkative = whole[:33] + chunk + whole[33:]
    assert png.lean(talkative) == whole
    assert png.lean(talkative, b"note") == talkative
    assert png.lean(b"GIF89a" + whole) == b"GIF89a" + whole
