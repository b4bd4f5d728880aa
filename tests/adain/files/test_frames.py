"""Which frame of an animation is the picture."""

import io

from PIL import Image

from adain.files import pictures

FRAME = b"\x2c"  # an image descriptor of a GIF: left, top, width, height follow


def _animation(*colors: str) -> bytes:
    first, *others = (Image.new("RGB", (24, 24), color) for color in colors)
    others[-1].putpixel((3, 3), (0, 0, 0))
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=others, duration=10)
    return out.getvalue()


def test_first_frame_that_is_not_blank_is_the_picture() -> None:
    image = pictures.rgb(pictures.opened_bytes(_animation("white", "gold"), ("GIF",)))
    assert image.getpixel((20, 20)) == (255, 215, 0)


def test_frame_larger_than_the_picture_is_not_looked_at() -> None:
    data = _animation("white", "gold")
    place = data.rindex(FRAME + bytes(4), 0, data.rindex(FRAME + bytes(4)) + 9)
    wide, high = (6000).to_bytes(2, "little"), (4000).to_bytes(2, "little")
    enlarged = data[: place + 5] + wide + high + data[place + 9 :]
    image = pictures.rgb(pictures.opened_bytes(enlarged, ("GIF",)))
    assert image.size == (24, 24)
    assert image.getpixel((20, 20)) == (255, 255, 255)
