"""What is asked of the network: one picture to make, checked, and the styles it mixes.

Knows no network and no device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from PIL import Image, ImageOps

from adain import catalog
from adain.catalog import (
    DEFAULT_LOSS,
    DEFAULT_METHOD,
    LOSSES,
    Color,
    Control,
    Effort,
    Region,
    Start,
    Transfer,
    Transparency,
)
from adain.files import opacity, pictures

if TYPE_CHECKING:  # the command line has requests that need no torch
    from torch import Tensor

    from adain.model.moments import Moments

USUAL = 512  # pixels of the shorter side at which the networks' own strokes are the usual ones
FINEST, BROADEST = 0.5, 4.0  # times the usual strokes
_LACKS = {  # what is said of a method that does not take a control
    Control.MASKS: "takes no masks",
    Control.STYLES: "takes one style, not several",
    Control.STRENGTH: "has its full strength alone",
    Control.COLOR: "gives the style's colours alone",
    Control.TRANSPARENCY: "keeps no transparency",
    Control.STROKES: "has strokes of one width",
    Control.TRANSFER: "has no transfer to choose",
    Control.LOSS: "has no loss to choose",
    Control.START: "has no start to choose",
}


@dataclass(frozen=True)
class Style:
    """What one network keeps of a style picture: some kilobytes, whatever the transfer."""

    network: str  # name and digest of the weights that measured it
    levels: "tuple[Moments, ...]"  # C variances at level 0, C×C after it; float32 on the CPU
    chroma: float = 1.0  # how colourful the picture is (`color.chroma`)


@dataclass(frozen=True)
class Request:
    """One picture to make.

    `styles` are pictures or `Style`s; `weights` as many finite numbers ≥ 0, not all zero
    (none: equal shares), of which only the proportions count; `masks` as many pictures of
    the content's shape, white where that style acts, or none. `alpha` is in [0, 1], 0 is the
    photo. `size` is
    the shorter side in pixels of content and styles after scaling, 0 keeps them as they
    are. `transfer` is what of the styles the content gets. `strokes` says how broad strokes are
    beside the picture, whatever its size: 1 as in one of 512 px, `FINEST` to `BROADEST`; styles are
    then measured at 512 px or their own shorter side. 0 leaves strokes as the network paints
    them in pixels, with styles measured at `size`. `region` says on which side of its mask a single
    style acts. `transparency` says what becomes of transparent parts of the content; those of
    styles are never looked at. `opaque`, where content is transparent, comes by `upright`.
    `effort`, `loss` (one of `catalog.LOSSES`) and `start` are for methods that optimise.
    Raises ValueError with a sentence for its reader.
    """

    content: Image.Image
    styles: Sequence[Image.Image | Style]
    weights: Sequence[float] = ()
    masks: Sequence[Image.Image] = ()
    alpha: float = 1.0
    color: Color = Color.STYLE
    size: int = 512
    transfer: Transfer = Transfer.COVARIANCE
    strokes: float = 0.0
    region: Region = Region.ALL
    transparency: Transparency = Transparency.FLATTEN
    opaque: Image.Image | None = None
    method: str = DEFAULT_METHOD
    effort: Effort = Effort.MORE
    loss: str = DEFAULT_LOSS
    start: Start = Start.PHOTO
    style_pixels: int = 0  # of a style at most, after scaling; 0: any

    def __post_init__(self) -> None:
        if not self.styles:
            raise ValueError("At least one style picture is needed.")
        if self.weights and len(self.weights) != len(self.styles):
            raise ValueError(f"{len(self.styles)} styles need as many weights.")
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights):
            raise ValueError("Weights are finite numbers from 0 up.")
        if self.weights and sum(self.weights) == 0:
            raise ValueError("At least one weight must be greater than 0.")
        if self.masks and len(self.masks) != len(self.styles):
            raise ValueError(f"{len(self.styles)} styles need as many masks, or none.")
        if self.region != Region.ALL and (len(self.styles), len(self.masks)) != (1, 1):
            raise ValueError("A region needs one style, and one mask that is white on the subject.")
        if not 0 <= self.alpha <= 1:
            raise ValueError("Alpha is a number from 0 to 1.")
        if self.size < 0:
            raise ValueError("Size is a number of pixels from 1 up, or 0 for as it is.")
        if self.strokes and not FINEST <= self.strokes <= BROADEST:
            raise ValueError(f"Strokes are a number from {FINEST:g} to {BROADEST:g}, or 0.")
        if self.color == Color.CONTENT and any(isinstance(s, Style) for s in self.styles):
            raise ValueError("To match a style's colours its picture is needed, not its Style.")
        self._check_method()

    def _check_method(self) -> None:
        """Refuse what the method can't do; how large a picture may be, its caller says."""
        if self.loss not in LOSSES:
            raise ValueError(f"The loss is one of {', '.join(LOSSES)}.")
        for control in catalog.lacking(self.method, self, len(self.styles), len(self.masks)):
            raise ValueError(f"The method {self.method} {_LACKS[control]}.")
        pictured = catalog.method(self.method).maker
        if pictured and any(isinstance(style, Style) for style in self.styles):
            raise ValueError(f"The method {self.method} needs style pictures, not their Styles.")

    def upright(self) -> Self:
        """Return the request with RGB content, grey masks of one size and RGB or RGBA styles."""
        content, opaque = self._seen()
        masks = [pictures.fitted(pictures.mask(mask), content.size) for mask in self.masks]
        if self.region == Region.BACKGROUND:
            masks = list(map(ImageOps.invert, masks))
        styles = [s if isinstance(s, Style) else pictures.cut_out(s) for s in self.styles]
        changed = replace(self, content=content, styles=styles, masks=masks, opaque=opaque)
        return replace(changed, region=Region.ALL)

    def _seen(self) -> tuple[Image.Image, Image.Image | None]:
        """Return the content in RGB, and how opaque it is where that is kept."""
        if self.transparency == Transparency.FLATTEN:
            return pictures.rgb(self.content), self.opaque
        content = pictures.cut_out(self.content)
        if content.mode == "RGB":
            return content, self.opaque
        return opacity.filled(content), content.getchannel("A")

    def like(self) -> Image.Image:
        """Return what styles' colours are matched to: the content, as it is seen."""
        if self.opaque is None:
            return self.content if self.transparency == Transparency.KEEP else self._seen()[0]
        like = self.content.copy()
        like.putalpha(self.opaque)
        return like

    def finished(self, image: Image.Image) -> Image.Image:
        """Give a picture made of an upright request its opacity, if that is kept."""
        if self.opaque is None:
            return image
        image = image.copy()
        image.putalpha(pictures.scaled(self.opaque, self.size))
        return image

    def plain(self) -> Self:
        """Return the request for the network alone."""
        return replace(self, method=DEFAULT_METHOD, loss=DEFAULT_LOSS, start=Start.PHOTO)

    def style_side(self, style: Image.Image) -> int:
        """Return the shorter side in pixels at which a style is measured, 0: its own.

        Of a style that would have more than `style_pixels`, a smaller one.
        """
        side = min(USUAL, *style.size) if self.strokes else self.size
        width, height = pictures.work(*pictures.scaled_size(*style.size, side))
        if not self.style_pixels or width * height <= self.style_pixels:
            return side
        return min(side or min(style.size), *style.size)

    def at(self, side: int) -> Self:
        """Return the request for its content scaled to a shorter side, to be painted as it is."""
        content = pictures.scaled(self.content, side)
        styles = [Style("", ())] * len(self.styles)  # they are measured by now
        color = Color.STYLE if self.color == Color.CONTENT else self.color
        changed = replace(self.plain(), content=content, styles=styles, color=color)
        return replace(changed, size=0, strokes=0.0)

    def scaled_masks(self, stride: int) -> "Tensor | None":
        """Return the masks as K×1×H×W bytes, scaled as the content, padded to a stride; or none."""
        import torch

        from adain import pixels

        if not self.masks:
            return None
        wanted = pictures.checked_size(self.content, self.size)
        masks = [mask.resize(wanted, Image.Resampling.BOX) for mask in self.masks]
        return pixels.padded(torch.cat([pixels.tensor(mask) for mask in masks]), stride)

    def regions(self, stride: int, cell: int) -> "Tensor":
        """Return the masks, padded to a network's stride, averaged over cells of some pixels.

        K×h×w in [0, 1]; without masks K×1×1 ones.
        """
        import torch

        from adain import pixels

        masks = self.scaled_masks(stride)
        return torch.ones(len(self.styles), 1, 1) if masks is None else pixels.cells(masks, cell)

    def inside(self, stride: int, cell: int) -> "Tensor":
        """Return the regions less what is transparent: where the content is measured."""
        from adain import pixels

        regions = self.regions(stride, cell)
        if self.opaque is None:
            return regions
        wanted = pictures.checked_size(self.content, self.size)
        opaque = pixels.tensor(self.opaque.resize(wanted, Image.Resampling.BOX))
        return regions * pixels.cells(pixels.padded(opaque, stride), cell)

    def coverage(self, regions: "Tensor") -> "Tensor":
        """Return how much of each style each position gets, in the shape of the regions.

        Only proportions of `weights` count: without masks they sum to 1 (the paper's eq. 15);
        with masks the largest counts as 1, and where masks overlap to more than 1 they are
        divided by their sum.
        """
        import torch

        shares = torch.tensor(self.weights or [1.0] * len(self.styles), dtype=torch.float64)
        coverage = (shares / shares.max()).float()[:, None, None] * regions
        return coverage / coverage.sum(0).clamp_min(1)
