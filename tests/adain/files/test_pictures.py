import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from adain.files import pictures

CASES = Path(__file__).parents[2] / "data" / "cases"


def reopened(image: Image.Image, kind: str, **options: object) -> Image.Image:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return Image.open(io.BytesIO(data.getvalue()))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "I", "F"])
def test_every_mode_becomes_rgb_of_the_same_size(mode: str) -> None:
    image = Image.new(mode, (5, 3))
    assert (pictures.rgb(image).mode, pictures.rgb(image).size) == ("RGB", (5, 3))


def test_a_turned_photo_comes_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    image = Image.new("RGB", (8, 4), "red")
    turned = pictures.rgb(reopened(image, "JPEG", exif=exif.tobytes()))
    assert turned.size == (4, 8)


def test_white_shows_through_transparency() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    flat = pictures.rgb(image)
    assert flat.getpixel((0, 0)) == (255, 0, 0)
    assert flat.getpixel((1, 0)) == (255, 255, 255)


def test_a_transparent_palette_colour_is_white_too() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    flat = pictures.rgb(reopened(image, "PNG", transparency=0))
    assert flat.getpixel((0, 0)) == (255, 255, 255)
    assert flat.getpixel((1, 0)) == (200, 100, 50)


def test_sixteen_bits_keep_their_brightness() -> None:
    deep = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16))
    assert pictures.rgb(reopened(deep, "PNG")).getpixel((0, 0)) == (128, 128, 128)


def test_an_embedded_profile_is_applied() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    tagged = reopened(Image.new("RGB", (4, 4), (200, 120, 40)), "PNG", icc_profile=swapped)
    red, green, blue = np.asarray(pictures.rgb(tagged))[0, 0].astype(int)
    assert max(abs(red - 40), abs(green - 120), abs(blue - 200)) < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_a_picture_can_be_converted_twice_and_after_it_was_loaded(kind: str) -> None:
    image = reopened(Image.linear_gradient("L").convert("RGB"), kind)
    image.load()
    first, second = pictures.rgb(image), pictures.rgb(image)
    assert first.tobytes() == second.tobytes()
    assert first.size == (256, 256)


def test_a_broken_profile_is_ignored() -> None:
    tagged = reopened(Image.new("RGB", (4, 4), (200, 120, 40)), "PNG", icc_profile=b"not one")
    assert pictures.rgb(tagged).getpixel((0, 0)) == (200, 120, 40)


def test_only_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    data = io.BytesIO()
    frames[0].save(data, "PNG", save_all=True, append_images=frames[1:])
    assert pictures.rgb(Image.open(data)).getpixel((0, 0)) == (255, 0, 0)


def test_a_mask_is_its_alpha_where_it_has_one_and_its_brightness_otherwise() -> None:
    painted = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    painted.putpixel((1, 0), (0, 0, 0, 200))
    assert list(pictures.mask(painted).tobytes()) == [0, 200]
    assert list(pictures.mask(Image.new("RGB", (1, 1), "white")).tobytes()) == [255]
    assert list(pictures.mask(Image.new("RGBA", (1, 1), (0, 0, 0, 255))).tobytes()) == [0]


@pytest.mark.parametrize(
    ("given", "size", "wanted"),
    [
        ((1024, 768), 512, (683, 512)),
        ((100, 200), 512, (512, 1024)),
        ((100, 200), 0, (100, 200)),
        ((1, 1), 512, (512, 512)),
        ((400, 6000), 512, (512, 7680)),
        ((6000, 1000), 512, (3072, 512)),
        ((1, 100_000), 64, (64, 6_400_000)),
    ],
)
def test_the_shorter_side_is_scaled_and_the_longer_follows(
    given: tuple[int, int], size: int, wanted: tuple[int, int]
) -> None:
    assert pictures.scaled_size(*given, size) == wanted


def test_a_strip_keeps_its_shorter_side() -> None:
    strip = pictures.rgb(Image.open(CASES / "webtoon-strip" / "strip-400x6000.png"))
    assert pictures.scaled(strip, 512).size == (512, 7680)
    assert pictures.scaled(strip, 0).size == (400, 6000)
    assert pictures.scaled(strip, 40).size == (40, 600)


def test_a_line_that_would_become_too_large_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="1 × 10000 pixels would become 512 × 5120000 pixels"):
        pictures.scaled(Image.new("RGB", (1, 10_000)), 512)
    assert pictures.scaled(Image.new("RGB", (1, 10_000)), 0).size == (1, 10_000)
