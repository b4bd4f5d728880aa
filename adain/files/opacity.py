"""Where a picture is transparent: its colours there mean nothing.

Pillow only.
"""

from PIL import Image, ImageMath

SIXTEEN_BITS = {"I;16", "I;16L", "I;16B", "I;16N"}  # modes
_SEEN = [0] + [255] * 255  # by opacity
_NEUTRAL = (128, 128, 128)  # where nothing is opaque at all
_HALF = 4  # of an area reduced by 2, whose opaque part counts as the whole from a quarter on


def filled(image: Image.Image) -> Image.Image:
    """Return an RGBA picture's colours, extended over what is transparent all through.

    So that nothing depends on what lies under the transparency. From coarse to fine: each level
    is half as large, and shows through where the next is not opaque. What can be seen, however
    little, keeps its own colour.
    """
    levels = [image]
    while max(levels[-1].size) > 1:
        half = levels[-1].reduce(2)
        half.putalpha(half.getchannel("A").point(lambda value: min(255, _HALF * value)))
        levels.append(half)
    made = Image.new("RGB", (1, 1), _NEUTRAL)
    for level in reversed(levels):
        made = made.resize(level.size, Image.Resampling.BILINEAR)
        made.paste(level.convert("RGB"), mask=level.getchannel("A"))
    made.paste(image.convert("RGB"), mask=image.getchannel("A").point(_SEEN))
    return made


def _differs(image: Image.Image, sample: int) -> Image.Image:
    """Return a mask of mode L, white where a picture of sixteen bits is not that sample."""
    values = image.convert("I")
    mask: Image.Image = ImageMath.lambda_eval(
        lambda given: given["convert"]((given["values"] != sample) * 255, "L"), values=values
    )
    return mask


def of(image: Image.Image) -> Image.Image | None:
    """Return the alpha channel of a picture, None if it has no transparency."""
    if not image.has_transparency_data:
        return None
    key = image.info.get("transparency")
    if image.mode in SIXTEEN_BITS:
        return _differs(image, key) if isinstance(key, int) else None
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:  # of sixteen bits
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image.convert("RGBA").getchannel("A")
