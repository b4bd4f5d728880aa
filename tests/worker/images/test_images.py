import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from adain.files import pictures
from adain.files.kinds import ACCEPTED
from tests import hostile
from tests.parts import Setting, picture
from worker.images import decoder, decoders, images
from worker.images.header import MOST_SCANS, opened
from worker.images.images import CleanImage, ImageRejected
from worker.storage import blobs
from worker.visitor import Visitor


def file(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shown(clean: CleanImage) -> Image.Image:
    """What was accepted, as a reader of the blob sees it."""
    image = Image.open(io.BytesIO(clean.data))
    image.load()
    assert image.mode in {"RGB", "RGBA"}  # alpha stays where anything is transparent
    assert image.size == (clean.width, clean.height)
    return image


def colors(clean: CleanImage) -> list[tuple[int, ...]]:
    return [
        tuple(map(int, pixel)) for pixel in np.asarray(shown(clean).convert("RGB")).reshape(-1, 3)
    ]


def near(got: tuple[int, ...], wanted: tuple[int, ...], by: int = 4) -> bool:
    return max(abs(a - b) for a, b in zip(got, wanted, strict=True)) <= by


def tiled(side: int, tile: int) -> Image.Image:
    """Return noise that repeats: no two bytes beside each other are equal, yet it deflates well."""
    noise = np.random.default_rng(tile).integers(0, 256, (tile, tile, 3), dtype=np.uint8)
    times = side // tile + 1
    return Image.fromarray(np.tile(noise, (times, times, 1))[:side, :side].copy())


# ---------------------------------------------------------------- size


@pytest.mark.parametrize(
    "image",
    [tiled(1500, 8), tiled(1500, 16), tiled(1500, 50), Image.new("RGB", (1500, 1500), "teal")],
    ids=["8", "16", "50", "solid"],
)
def test_a_picture_that_repeats_is_not_kept_as_many_times_what_came(image: Image.Image) -> None:
    data = file(image, "PNG")
    clean = images.clean(data)
    assert len(clean.data) <= 4 * len(data)
    assert np.array_equal(np.asarray(shown(clean)), np.asarray(image))


@pytest.mark.parametrize(("lossless", "suffix"), [(True, "png"), (False, "jpg")])
def test_a_webp_is_kept_with_as_much_as_it_has(lossless: bool, suffix: str) -> None:
    image = tiled(300, 50).resize((301, 200), Image.Resampling.BICUBIC)
    clean = images.clean(file(image, "WEBP", lossless=lossless, quality=90))
    assert clean.suffix == suffix
    given = Image.open(io.BytesIO(file(image, "WEBP", lossless=lossless, quality=90)))
    error = np.abs(np.asarray(shown(clean), float) - np.asarray(given.convert("RGB"), float))
    assert error.mean() <= (0 if lossless else 3)


def test_a_webp_that_repeats_is_compressed_as_well() -> None:
    clean = images.clean(file(tiled(1500, 16), "WEBP", lossless=True))
    assert len(clean.data) < len(decoder.encode(tiled(1500, 16), "png")) / 20


def test_a_large_picture_that_repeats_is_kept_within_four_times_what_came() -> None:
    data = file(tiled(5000, 16), "PNG")
    assert len(data) < 600_000
    assert len(images.clean(data).data) <= 4 * len(data)


def test_a_mask_that_repeats_is_not_kept_as_many_times_what_came() -> None:
    data = file(tiled(1500, 16).convert("L"), "PNG")
    assert len(images.clean_mask(data, (1500, 1500)).data) <= 4 * len(data)


# ---------------------------------------------------------------- converted


def test_a_turned_photo_is_set_upright_and_tells_nothing_of_its_maker() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90°
    exif[0x010F] = "SECRETCAM"
    clean = images.clean(file(Image.new("RGB", (8, 4), "red"), "JPEG", exif=exif.tobytes()))
    assert (clean.width, clean.height) == (4, 8)
    assert b"SECRETCAM" not in clean.data
    assert not shown(clean).getexif()


def test_cmyk_is_converted() -> None:
    clean = images.clean(file(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = colors(clean)[0]
    assert red > 180
    assert max(green, blue) < 80


def test_sixteen_bits_are_converted() -> None:
    deep = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16))
    assert colors(images.clean(file(deep, "PNG")))[0] == (128, 128, 128)


def test_a_palette_is_converted() -> None:
    few = Image.new("P", (1, 1), 1)
    few.putpalette([0, 0, 0, 10, 200, 30])
    assert colors(images.clean(file(few, "PNG"))) == [(10, 200, 30)]


def test_grey_is_converted() -> None:
    assert colors(images.clean(picture(1, 1, "PNG", "L", 77))) == [(77, 77, 77)]


def test_white_shows_through_what_is_transparent() -> None:
    for kind in ("PNG", "WEBP"):
        clean = images.clean(picture(1, 1, kind, "RGBA", (9, 9, 9, 0)))
        shown = pictures.rgb(Image.open(io.BytesIO(clean.data)))
        assert shown.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    first, second = (Image.new("RGB", (16, 16), color) for color in ("red", "blue"))
    moving = file(first, kind, save_all=True, append_images=[second], duration=100)
    assert near(colors(images.clean(moving))[0], (255, 0, 0))


def test_an_embedded_profile_is_applied_and_gone() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    clean = images.clean(file(Image.new("RGB", (2, 2), (200, 120, 40)), "PNG", icc_profile=swapped))
    assert near(colors(clean)[0], (40, 120, 200))
    assert "icc_profile" not in shown(clean).info


def test_a_thumbnail_hidden_in_a_photo_and_its_comments_do_not_pass() -> None:
    private = file(Image.new("RGB", (8, 8)), "JPEG", comment=b"PRIVATE", xmp=b"<x>PRIVATE</x>")
    assert b"PRIVATE" in private
    assert b"PRIVATE" not in images.clean(private).data


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("WEBP", "jpg"), ("JPEG", "jpg")])
def test_what_has_lost_something_is_kept_as_jpeg_and_all_else_as_png(
    kind: str, suffix: str
) -> None:
    clean = images.clean(picture(20, 10, kind, color=(40, 90, 160)))
    assert (clean.suffix, clean.width, clean.height) == (suffix, 20, 10)
    assert near(colors(clean)[0], (40, 90, 160))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_the_thinnest_picture_passes(size: tuple[int, int]) -> None:
    clean = images.clean(picture(*size))
    assert (clean.width, clean.height) == size


# ---------------------------------------------------------------- refused


def header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    start = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def noise(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return file(Image.fromarray(pixels), kind)


UNREADABLE = f"This file is not a picture that can be read; {ACCEPTED}."
DAMAGED = f"The picture is damaged or incomplete; whole {ACCEPTED}."
POSTSCRIPT = f"PostScript files can't be used: export the picture as PNG or JPEG; {ACCEPTED}."
LARGE = "The picture is too large: at most 200 megapixels are accepted."


@pytest.mark.parametrize(
    ("what", "data", "sentence"),
    [
        ("nothing", b"", UNREADABLE),
        ("text", b"hello, I am a picture", UNREADABLE),
        ("a PNG by name only", b"\x89PNG\r\n\x1a\n" + b"not really", UNREADABLE),
        ("a PostScript program", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", POSTSCRIPT),
        ("a truncated PNG", noise("PNG")[:-6000], DAMAGED),
        ("a truncated JPEG", noise("JPEG")[:1000], DAMAGED),
        ("a header of 30,000 × 30,000", header(30_000, 30_000), LARGE),
        ("a header just over the limit", header(20_001, 10_000), LARGE),
    ],
)
def test_what_is_no_picture_is_refused_with_what_is_accepted(
    what: str, data: bytes, sentence: str
) -> None:
    with pytest.raises(ImageRejected) as refusal:
        images.clean(data)
    assert str(refusal.value) == sentence, what


def test_a_truncated_webp_is_refused() -> None:
    with pytest.raises(ImageRejected, match="GIF, TIFF and BMP are accepted"):
        images.clean(noise("WEBP")[:-500])


@pytest.mark.parametrize(
    "start", [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?>\n<!-- a drawing -->\n']
)
def test_a_drawing_is_refused_as_one(start: bytes) -> None:
    with pytest.raises(
        ImageRejected,
        match=r"SVG drawings can't be used: export the picture as PNG or JPEG; .*BMP are accepted",
    ):
        images.clean(start + b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>')


def test_a_photo_that_speaks_of_svg_is_a_photo() -> None:
    talkative = file(Image.new("RGB", (4, 4)), "JPEG", comment=b"made from <svg>")
    assert images.clean(talkative).suffix == "jpg"


def test_a_file_over_the_limit_is_refused(setting: Setting) -> None:
    setting(max_upload_bytes=1 << 20)
    with pytest.raises(ImageRejected, match="The file is too large: at most 1 MiB are accepted"):
        images.clean(b"\0" * ((1 << 20) + 1))


def test_the_limit_on_pixels_is_a_setting(setting: Setting) -> None:
    setting(max_pixels=100)
    assert images.clean(picture(10, 10)).width == 10
    assert images.clean(picture(11, 10)).width == 6
    with pytest.raises(ImageRejected, match=r"too large: at most 0\.0008 megapixels are accepted"):
        images.clean(picture(81, 10))


def test_a_text_bomb_in_a_png_is_not_unpacked() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    bomb = chunk(b"zTXt", b"note\0\0" + zlib.compress(b"a" * (70 << 20)))
    data = picture()
    assert images.clean(data[:33] + bomb + data[33:]) == images.clean(data)


# ---------------------------------------------------------------- masks


def test_a_mask_becomes_grey() -> None:
    painted = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    painted.putpixel((1, 0), (0, 0, 0, 200))
    mask = images.clean_mask(file(painted, "PNG"), (2, 1))
    with Image.open(io.BytesIO(mask.data)) as image:
        assert image.mode == "L"
        assert list(image.tobytes()) == [0, 200]


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageRejected) as refusal:
        images.clean_mask(picture(10, 20), (20, 10))
    assert str(refusal.value) == (
        "A mask must have its photo's shape, 20 × 10 pixels or a part of it; this one has 10 × 20."
    )


def test_a_mask_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ImageRejected, match="GIF, TIFF and BMP are accepted"):
        images.clean_mask(b"no mask", (1, 1))


# ---------------------------------------------------------------- anything at all


def survives(data: bytes) -> bool:
    """Tell whether it is a clean picture or a sentence, and nothing else."""
    try:
        shown(images.clean(data))
    except ImageRejected as refusal:
        return "accepted" in str(refusal)
    return True


@pytest.mark.parametrize("part", ["shapes", "metadata", "broken"])
def test_every_odd_or_broken_file_is_a_picture_or_a_sentence(part: str) -> None:
    assert [name for name, data in hostile.corpus(part).items() if not survives(data)] == []


def test_a_sound_picture_of_any_kind_passes_without_what_was_hung_on_it() -> None:
    for name, data in hostile.corpus("modes").items():
        clean = images.clean(data)
        assert shown(clean).size == (hostile.SIDE, hostile.SIDE), name
        assert b"<script>" not in clean.data


def test_a_bomb_is_a_picture_or_a_sentence_and_the_next_picture_passes() -> None:
    for name, data in hostile.corpus("bombs").items():
        assert survives(data), name
        assert images.clean(picture()).width == 64, name


@pytest.mark.parametrize("name", ["exif.jpg", "exif.png", "many-exif.jpg"])
def test_what_takes_more_memory_or_time_than_a_picture_may_is_ended_by_the_kernel(
    name: str,
) -> None:
    with pytest.raises(ImageRejected, match="takes too much memory or time to open"):
        images.clean(hostile.corpus("bombs")[name])


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded() -> None:
    assert images.clean(hostile.scans(MOST_SCANS - 10, 24)).width == 24
    account = decoders.Account(Visitor("ann"))
    with (
        decoders.charged(account),
        pytest.raises(ImageRejected, match="JPEG of more than 100 scans"),
    ):
        images.clean(hostile.scans(MOST_SCANS + 1, 24))
    with pytest.raises(ImageRejected, match="JPEG of more than 100 scans"):
        opened(hostile.scans(MOST_SCANS + 1, 24).replace(b"\xff\xda", b"\xff\xff\xda"), 10**6)


def test_scans_of_a_thumbnail_and_of_a_film_behind_the_picture_are_not_counted() -> None:
    many = b"\xff\xda\0\2" * 200
    data = picture(64, 48, "JPEG")
    comment = b"\xff\xfe" + (len(many) + 2).to_bytes(2) + many
    assert images.clean(data[:2] + comment + data[2:] + many).width == 64


def test_a_picture_may_take_as_long_as_its_file_is_large_within_what_its_pixels_may() -> None:
    small, photo = (decoder.seconds_for(25_000_000, size) for size in (75_000, 9_000_000))
    assert small < 8 < 10 < photo
    assert decoder.seconds_for(25_000_000, 10**9) == decoder.SECONDS + 10
    assert decoder.seconds_for(100, 10**9) < decoder.SECONDS + 1


def test_what_decoding_took_is_counted_also_of_what_is_refused_and_beside(tmp_path: Path) -> None:
    alone, beside = decoders.Account(Visitor("ann")), decoders.Account(Visitor("ann"))
    with decoders.charged(alone), pytest.raises(ImageRejected):
        images.clean(hostile.corpus("bombs")["exif.jpg"])  # ended by the kernel
    assert (alone.pictures, alone.seconds > 0) == (1, True)
    slow = [images.source(hostile.scans(60))] * 4
    with decoders.charged(beside), images.looks(slow, tmp_path) as looks:
        looks[0]()  # and the results of the others are not asked for
    counted = beside.pictures
    assert 1 <= counted <= 4
    time.sleep(0.5)
    assert beside.pictures == counted  # nothing goes on
    assert beside.seconds > 0


def test_a_decoder_that_died_meanwhile_is_no_fault_of_the_next_picture() -> None:
    images.clean(picture())
    for seat in decoders.seats.queue:
        if seat._process:
            seat._process.kill()
            seat._process.wait()
    assert images.clean(picture()).width == 64


@given(st.binary(max_size=300))
@example(b"GIF89a")
@hypothesis_settings(max_examples=100, deadline=None)
def test_bytes_of_any_kind_are_a_picture_or_a_sentence(data: bytes) -> None:
    assert survives(data)


SEEDS = [*hostile.corpus("modes", "metadata").values()]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_picture_with_broken_bytes_is_a_picture_or_a_sentence(
    seed: bytes, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        data[int(place * len(data))] = value
    assert survives(bytes(data))


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.floats(0, 1), st.floats(0, 1))
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_beginning_of_one_and_the_end_of_another_are_a_picture_or_a_sentence(
    one: bytes, other: bytes, until: float, since: float
) -> None:
    assert survives(one[: int(until * len(one))] + other[int(since * len(other)) :])


def looked(pictures: list[bytes], folder: Path) -> list[CleanImage]:
    with images.looks(list(map(images.source, pictures)), folder) as looks:
        found = [look() for look in looks]
    return [
        CleanImage(one.file.read_bytes(), one.suffix, one.width, one.height, one.original)
        for one in found
    ]


def test_several_pictures_are_cleaned_as_one_by_one(tmp_path: Path) -> None:
    pictures = [picture(40 + place, 30) for place in range(5)]
    assert looked(pictures, tmp_path) == [images.clean(one) for one in pictures]
    with pytest.raises(ImageRejected, match="not a picture"):
        looked([pictures[0], b"nothing", pictures[1]], tmp_path)


def test_size_and_digest_of_a_picture_in_a_file_are_those_of_the_file(tmp_path: Path) -> None:
    clean = images.clean_file(images.source(picture(50, 30)), tmp_path / "made")
    assert [clean.size, clean.digest] == blobs.fingerprint(clean.file.read_bytes())
    assert images.measured(picture(50, 30)) == (50, 30)


def test_a_picture_that_can_not_be_written_is_an_error_and_the_next_one_is_opened() -> None:
    noise = file(Image.effect_noise((500, 500), 90).convert("RGB"), "PNG")
    for data in (picture(), noise):
        with pytest.raises(OSError, match="No space left"):
            images.clean_file(images.source(data), Path("/dev/full"))
    assert images.clean(picture()).width == 64


def test_a_picture_that_needs_the_memory_of_two_is_looked_at_alone(tmp_path: Path) -> None:
    large = file(Image.new("RGB", (5000, 5000), "teal"), "JPEG", progressive=True, quality=50)
    assert len(large) < images._SMALL
    cleaned = looked([large, picture(40, 30), large], tmp_path)
    assert [(one.width, one.height) for one in cleaned] == [(5000, 5000), (40, 30), (5000, 5000)]


# ---------------------------------------------------------------- rows that an encoder can't write


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_row_too_long_to_encode_is_refused(mode: str) -> None:
    with pytest.raises(ImageRejected, match="takes too much memory or time"):
        images.clean(file(Image.new(mode, (17_900_000, 1)), "PNG"))


def test_the_decoder_serves_the_next_picture_after_a_row_too_long_to_encode() -> None:
    with pytest.raises(ImageRejected):
        images.clean(file(Image.new("RGB", (17_900_000, 1)), "PNG"))
    assert images.clean(picture(8, 8)).width == 8
