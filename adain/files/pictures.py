"""Pictures as the network takes them: RGB, masks in grey, at the working size.

Pillow only. Knows no tensor, so that a process without torch can use it, and no limits:
what may be opened at all is decided by the worker (`worker/images/images.py`).
"""

import io
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from PIL import ExifTags, Image, ImageCms, ImageOps, ImageStat, PngImagePlugin

from adain.files import depth, frames, heif, jpeg, opacity, png, profiles

log = logging.getLogger(__name__)

MOST = 1 << 28  # pixels that a picture may be enlarged to: a line of one pixel has no end
NARROWEST = 64  # pixels that a side counts as, at least
_PIECE = 1 << 20  # pixels converted at a time
_GREY = 16  # how far the channels of a grey may differ
_NEARLY_BLACK = 8  # a mask whose brightest value is below is a mistake
_FAINT = 64  # … and one below this hardly acts
FAINT = "is dark all over, so its style hardly acts: it acts fully where the mask is white."
_ANIMATED = {"PNG", "WEBP", "GIF", "AVIF"}
_LIGHT = 170  # mean brightness from which white would hide what is drawn
_WHITE, _DARK = (255, 255, 255), (40, 40, 40)
_ON_ITS_SIDE = range(5, 9)  # orientations of EXIF that swap width and height
_FLAT = 2  # how far samples differ where libjpeg fills in what is missing
_SRGB = ImageCms.createProfile("sRGB")
_MODES = {b"GRAY": {"L", *opacity.SIXTEEN_BITS}, b"RGB ": {"RGB"}, b"CMYK": {"CMYK"}}  # by profile
_PLAIN = {"1": "L", "LA": "L", "La": "LA", "RGBa": "RGBA"}  # others become RGB

PngImagePlugin.MAX_TEXT_CHUNK = png.LARGEST_PROFILE  # Pillow's limit for profiles as well


def opened_bytes(data: bytes, formats: tuple[str, ...] | None, keyword: bytes = b"") -> Image.Image:
    """Open a file's bytes without what is not used of it; of a PNG's texts one keyword's stay.

    A JPEG that lacks its end is given one: `is_cut`. Raises what `PIL.Image.open` raises.
    """
    whole = jpeg.ended(png.lean(data, keyword))
    image = Image.open(io.BytesIO(whole), formats=formats)
    if len(whole) > len(data):
        image.info["cut"] = True
    if codes := png.chunk(data, b"cICP") or heif.codes(data):
        image.info["cicp"] = codes
    return image


# ---------------------------------------------------------------- samples


def _colors(image: Image.Image) -> Image.Image:
    """Return a picture without alpha and palette: L, I;16, RGB, CMYK or LAB."""
    image = depth.sixteen_bits(image)
    while image.mode not in {"L", "RGB", "CMYK", "LAB", *opacity.SIXTEEN_BITS}:
        image = image.convert(_PLAIN.get(image.mode, "RGB"))
    return image


# ---------------------------------------------------------------- colours


def _space(image: Image.Image, profile: bytes) -> ImageCms.ImageCmsProfile | None:
    """Return the profile if it is a sound one for the picture's mode."""
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if image.mode not in _MODES.get(profile[16:20], ()):
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError):
        return None


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert from a profile's space to sRGB; a broken one, or one of another mode, is ignored.

    The picture made has no profile: one that is sRGB needs none.
    """
    made = _converted(image, profile)
    made.info.pop("icc_profile", None)
    return made


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    if profile[16:20] == b"RGB " and image.mode in _MODES[b"GRAY"]:
        image = depth.eight_bits(image).convert("RGB")
    source = _space(image, profile)
    # lcms' tables are too coarse for the shadows of grey, and for Lab
    flags = ImageCms.Flags.NONE if image.mode in {"RGB", "CMYK"} else ImageCms.Flags.NOOPTIMIZE
    if source:
        try:
            turned = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB", flags=flags)
            return cast(Image.Image, turned)
        except (ImageCms.PyCMSError, OSError):
            pass  # as if there were none
    return depth.eight_bits(image).convert("RGB")


def _ground(image: Image.Image) -> tuple[int, int, int]:
    """Return what shows through a transparent picture: white, or dark if it is light itself."""
    if "ground" in image.info:
        return cast(tuple[int, int, int], image.info["ground"])
    light, count = 0.0, 0
    for _, piece in pieces(image):
        opaque = _alpha(piece).point(lambda value: 255 * (value > 127))
        found = ImageStat.Stat(_brightness(piece), opaque)
        light, count = light + found.sum[0], count + found.count[0]
    return _DARK if count and light / count > _LIGHT else _WHITE


def described(image: Image.Image) -> dict[str | tuple[int, int], Any]:
    """Return what of `info` tells how a picture's samples become colours."""
    fields: dict[str | tuple[int, int], Any] = {
        "icc_profile": profiles.of_info(image.info),
        "transparency": image.info.get("transparency"),
    }
    fields |= depth.levels(image)
    if image.has_transparency_data:
        fields["ground"] = _ground(image)
    return {what: value for what, value in fields.items() if value not in (None, b"")}


def is_cut(image: Image.Image) -> bool:
    """Whether the last rows of a picture from `opened_bytes` are missing."""
    return "cut" in image.info


def load(image: Image.Image) -> None:
    """Decode the first frame that is not blank; raises OSError if half of a JPEG is missing."""
    image.load()
    if image.format in _ANIMATED and image.tell() == 0:
        frames.pass_blank(image)
    if is_cut(image):
        lower = image.crop((0, image.height // 2, *image.size)).getextrema()
        channels = cast(Sequence[tuple[int, int]], lower if image.mode != "L" else [lower])
        if all(high - low <= _FLAT for low, high in channels):
            raise OSError("half of the picture is missing")


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1: upright, if it says none or can't be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # what it says of its picture, not the picture, is broken
        log.debug("EXIF can't be read", exc_info=True)
        return 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height that a loaded picture has when it is upright."""
    turned = _orientation(image) in _ON_ITS_SIDE
    return (image.height, image.width) if turned else image.size


def _turned(image: Image.Image) -> Image.Image:
    """First frame, upright by its EXIF orientation; no copy if it is so, or can't be read."""
    load(image)
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            image.info |= depth.levels(image)  # a picture that is turned has no tags
            image = ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # what it says of its picture, not the picture, is broken
        log.debug("EXIF can't be read", exc_info=True)
    return image


def _parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return an upright picture's colours in sRGB, and its opacity if it has one."""
    profile, alpha = profiles.of_info(image.info), opacity.of(image)
    plain = image.mode == "RGB" and "icc_profile" not in image.info
    if plain and not profile and alpha is None:
        return image, None
    return _in_srgb(_colors(image), profile), alpha


def rgb(image: Image.Image) -> Image.Image:
    """Convert any picture Pillow opens to upright sRGB without alpha.

    White shows through what is transparent, or a dark grey if the rest is light.

    A picture that is just that is returned as it is: a large one is not copied.
    """
    image = _turned(image)
    colors, alpha = _parts(image)
    if alpha is None:
        return colors
    flat = Image.new("RGB", image.size, _ground(image))
    flat.paste(colors, mask=alpha)
    return flat


def cut_out(image: Image.Image) -> Image.Image:
    """Convert as `rgb` does, but to RGBA if anything is transparent."""
    colors, alpha = _parts(_turned(image))
    if alpha is None or alpha.getextrema()[0] == 255:
        return colors
    return Image.merge("RGBA", (*colors.split(), alpha))


# ---------------------------------------------------------------- masks


def pieces(image: Image.Image, step: int = 1) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Yield a picture piece by piece, each with its place: copies of it all would be too many.

    Places are multiples of `step`.
    """
    wide = min(image.width, _PIECE // step * step)
    high = max(step, _PIECE // wide // step * step)
    for top in range(0, image.height, high):
        for left in range(0, image.width, wide):
            right, bottom = min(left + wide, image.width), min(top + high, image.height)
            yield (left, top), image.crop((left, top, right, bottom))


def _brightness(image: Image.Image) -> Image.Image:
    return depth.eight_bits(_colors(image)).convert("RGB").convert("L")


def _alpha(image: Image.Image) -> Image.Image:
    return opacity.of(image) or Image.new("L", image.size, 255)


def _is_transparent(image: Image.Image) -> bool:
    """Whether anything in a picture is not quite opaque."""
    return image.has_transparency_data and any(
        _alpha(piece).getextrema() != (255, 255) for _, piece in pieces(image)
    )


def _labels(image: Image.Image) -> Image.Image:
    """Return white where a palette's index is not 0."""
    return image.point([0] + [255] * 255, "L")


def _is_labelled(image: Image.Image) -> bool:
    """Whether a palette holds labels: 0 is black, or not there, and others have colours."""
    if image.mode != "P":
        return False
    palette = image.getpalette("RGB") or []
    used = [cast(int, index) for _, index in image.getcolors(256) or []]
    colors = {index: palette[3 * index : 3 * index + 3] or [0, 0, 0] for index in used}
    colored = any(max(color) - min(color) > _GREY for color in colors.values())
    return colored and max(colors.get(0, [0])) <= _GREY


def _reader(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Choose by the whole picture how its pieces become a mask."""
    if _is_transparent(image):
        return _alpha
    if image.mode in {"I", *opacity.SIXTEEN_BITS} and image.getextrema()[1] <= 1:  # type: ignore[operator]
        return lambda piece: piece.convert("I").convert("L")
    return _labels if _is_labelled(image) else _brightness


def upright_mask(image: Image.Image) -> Image.Image:
    """Convert as `mask` does what is upright already."""
    read, out = _reader(image), Image.new("L", image.size)
    for place, piece in pieces(image):
        out.paste(read(piece), place)
    ones = out.getextrema()[1] == 1
    return out.point(lambda value: 255 * value) if ones else out


class MaskError(ValueError):
    """A mask that can't be used: a sentence, and the same as a code and numbers."""

    def __init__(self, code: str, sentence: str, /, **params: int) -> None:
        super().__init__(sentence)
        self.code, self.params = code, params


def check_mask(mask: Image.Image, cropped: bool = False) -> None:
    """Raise `MaskError` if a mask of mode L, or its crop, is black, or nearly so."""
    brightest = cast(tuple[int, int], mask.getextrema())[1]
    if brightest == 0 and cropped:
        inside = "The mask is black inside the crop: it must be white where its style acts."
        raise MaskError("mask.black_in_crop", inside)
    if brightest == 0:
        black = "The mask is black all over: it must be white where its style acts."
        raise MaskError("mask.black", black)
    if brightest < _NEARLY_BLACK:
        raise MaskError(
            "mask.dark",
            f"The mask is nearly black: its brightest value is {brightest} of 255, and its style "
            "acts where it is white.",
            brightness=brightest,
        )


def is_faint(mask: Image.Image) -> bool:
    """Whether a mask of mode L lets its style hardly act anywhere."""
    return cast(tuple[int, int], mask.getextrema())[1] < _FAINT


def by_pieces(image: Image.Image, shrink: int = 1) -> Image.Image:
    """Convert as `cut_out` does, with little memory beside, and make both sides smaller."""
    mode = "RGBA" if _is_transparent(image) else "RGB"
    out = Image.new(mode, (-(-image.width // shrink), -(-image.height // shrink)))
    for (left, top), piece in pieces(image, shrink):
        out.paste(cut_out(piece).convert(mode).reduce(shrink), (left // shrink, top // shrink))
    return out


def mask(image: Image.Image) -> Image.Image:
    """Convert a picture to a mask of mode L, white where the style acts.

    A picture that is anywhere transparent is read by its alpha channel, a palette of labels by
    its index, any other by its brightness; 0 and 1 are black and white.
    """
    return upright_mask(_turned(image))


def check_shape(mask: tuple[int, int], photo: tuple[int, int]) -> None:
    """Raise `MaskError` if the sizes of a mask and its photo differ in shape."""
    (width, height), (wide, high) = mask, photo
    if abs(width * high - height * wide) > max(photo):  # a pixel of rounding
        raise MaskError(
            "mask.shape",
            f"A mask must have its photo's shape, {wide} × {high} pixels or a part of it; "
            f"this one has {width} × {height}.",
            width=wide,
            height=high,
            mask_width=width,
            mask_height=height,
        )


def fitted(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Bring a mask to its photo's size; raises `MaskError` if its shape is another."""
    check_shape(mask.size, size)
    return mask if mask.size == size else mask.resize(size, Image.Resampling.BILINEAR)


def scaled_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Return (width, height) with the shorter side scaled to `size` pixels; 0 keeps both.

    The longer side follows, however long a strip or a panorama is.
    """
    if size == 0:
        return width, height
    factor = size / min(width, height)
    return round(width * factor), round(height * factor)


def work(width: int, height: int) -> tuple[int, int]:
    """Return the width and height, in pixels, that a picture counts as by what it takes to paint.

    A strip takes as long as one of `NARROWEST` pixels: it is padded, and cut into as many tiles.
    """
    return max(NARROWEST, width), max(NARROWEST, height)


def within(image: Image.Image, most: int) -> Image.Image:
    """Scale a picture down to so many pixels at most, counted as `work` counts them."""
    width, height = image.size
    longest = most / (NARROWEST * max(image.size))
    factor = min(1.0, math.sqrt(most / (width * height)), longest)
    if factor == 1:
        return image
    size = max(1, int(width * factor)), max(1, int(height * factor))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def checked_size(image: Image.Image, size: int) -> tuple[int, int]:
    """Return `scaled_size` of a picture; raises ValueError if that enlarges it beyond `MOST`."""
    width, height = scaled_size(*image.size, size)
    if width * height > MOST and width > image.width:
        raise ValueError(
            f"A picture of {image.width} × {image.height} pixels would become "
            f"{width} × {height} pixels; choose a smaller size."
        )
    return width, height


def scaled(image: Image.Image, size: int) -> Image.Image:
    """Scale so that the shorter side is `size` pixels (see `checked_size`)."""
    wanted = checked_size(image, size)
    if image.size == wanted:
        return image
    return image.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3.0)
