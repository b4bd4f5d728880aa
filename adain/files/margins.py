"""Plain borders of a scanned or photographed picture, which would count as part of a style."""

from PIL import Image, ImageChops, ImageFilter

_PLAIN = 24  # how far samples of a plain border differ from its colour
_SIDE = 512  # pixels of the longer side at which borders are looked for
_LEAST = 0.02  # of a side: borders that are thinner together stay
_LEFT = 0.02  # of the picture: where less would be left, it has no border
NO_DUST = ImageFilter.MedianFilter(3)

Box = tuple[int, int, int, int]


def _strongest(image: Image.Image) -> Image.Image:
    """Return the largest of three channels."""
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def corners(image: Image.Image) -> Image.Image:
    """Return the four corner pixels of a picture without dust, 2 × 2 pixels.

    The median at a corner depends on no more than 2 × 2 pixels there: the whole filter takes
    40 times as long as decoding the picture.
    """
    wide, high = image.size
    four = Image.new("RGB", (2, 2))
    for place, box in {
        (0, 0): (0, 0, 2, 2),
        (1, 0): (wide - 2, 0, wide, 2),
        (0, 1): (0, high - 2, 2, high),
        (1, 1): (wide - 2, high - 2, wide, high),
    }.items():
        part = image.crop(box).filter(NO_DUST)
        four.paste(part.crop((*place, place[0] + 1, place[1] + 1)), place)
    return four


def _differs(image: Image.Image, ground: Image.Image) -> Image.Image:
    """Return white where a picture differs from the colour of a picture of one pixel."""
    differs = _strongest(ImageChops.difference(image, ground.resize(image.size)))
    return differs.point(lambda value: 255 * (value > _PLAIN))


def _found(small: Image.Image) -> Box | None:
    """Return what is inside the plain border of a small picture, None if there is no border."""
    if min(small.size) < 2:
        return None
    four = corners(small)
    ground = four.crop((0, 0, 1, 1))
    if _differs(four, ground).getbbox():
        return None
    return _differs(small.filter(NO_DUST), ground).getbbox()


def inside(image: Image.Image) -> Box:
    """Return the box of an RGB picture without its plain border, all of it if it has none."""
    by = max(1, max(image.size) // _SIDE)
    small = image.reduce(by)
    left, top, right, bottom = _found(small) or (0, 0, *small.size)
    if (right - left) * (bottom - top) < _LEFT * small.width * small.height:
        return 0, 0, *image.size
    beside, above = small.width - (right - left), small.height - (bottom - top)
    if max(beside / small.width, above / small.height) < _LEAST:
        return 0, 0, *image.size
    # a pixel more of the small picture, which may be half border
    left, top = left + (left > 0), top + (top > 0)
    right, bottom = right - (right < small.width), bottom - (bottom < small.height)
    return left * by, top * by, min(right * by, image.width), min(bottom * by, image.height)


def trimmed(image: Image.Image) -> Image.Image:
    """Return an RGB picture without its plain border; the very picture if it has none."""
    box = inside(image)
    return image if box == (0, 0, *image.size) else image.crop(box)
