"""What to do where a picture is transparent: its colours there mean nothing.

Pillow only.
"""

from PIL import Image

_NEUTRAL = (128, 128, 128)  # where nothing is opaque at all
_HALF = 4  # of an area reduced by 2, whose opaque part counts as the whole from a quarter on


def filled(image: Image.Image) -> Image.Image:
    """Return an RGBA picture's colours, those of opaque parts extended over transparent ones.

    So that nothing depends on what lies under the transparency. From coarse to fine: each level
    is half as large, and shows through where the next is not opaque.
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
    return made
