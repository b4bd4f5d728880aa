"""Options of a job: their defaults and checks; a wrong one raises `Refused`."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from adain import catalog
from adain.catalog import (
    LOSSES,
    METHODS,
    NETWORKS,
    Color,
    Control,
    Effort,
    Region,
    Start,
    TaughtKind,
    Transfer,
    Transparency,
)
from adain.files import cropping
from adain.film.limits import STEADIEST, USUAL_STEADY
from worker.choices import (
    ColorMode,
    EffortName,
    LossName,
    MethodName,
    NetworkName,
    RegionName,
    StartName,
    TaughtKindName,
    TransferKind,
    TransparencyName,
)
from worker.errors import Message, Refused
from worker.fit import LARGEST, SHEETS, SMALLEST
from worker.settings import MOST_IN_BATCH, MOST_STYLES, settings

FITS = (*SHEETS, "largest")
FINEST, BROADEST = 0.5, 4.0  # times usual strokes, as adain.request
USUAL = 512  # pixels of the shorter side at which the network's own strokes are the usual ones

_ACCEPTED = {
    "alpha": Message("options.alpha"),
    "weights": Message("options.weights"),
    "color": Message("options.color", names=list(Color)),
    "size": Message("options.size", minimum=SMALLEST, maximum=LARGEST),
    "fit": Message("options.fit", names=list(FITS)),
    "network": Message("options.network", names=list(NETWORKS)),
    "transfer": Message("options.transfer", names=list(Transfer)),
    "region": Message("options.region", names=list(Region)),
    "keep_margins": Message("options.keep_margins"),
    "crop": Message("options.crop"),
    "crops": Message("options.crops"),
    "style_crops": Message("options.style_crops"),
    "transparency": Message("options.transparency", names=list(Transparency)),
    "strokes": Message("options.strokes", minimum=FINEST, maximum=BROADEST),
    "method": Message("options.method", names=list(METHODS)),
    "effort": Message("options.effort", names=list(Effort)),
    "loss": Message("options.loss", names=list(LOSSES)),
    "start": Message("options.start", names=list(Start)),
    "teach": Message("options.teach", names=list(TaughtKind)),
    "steps": Message("options.steps"),
    "taught": Message("options.taught"),
    "steady": Message("options.steady", most=STEADIEST),
    "weights_end": Message("options.weights"),
    "moving": Message("options.moving"),
}


_OF_FILMS = {"steady", "weights_end", "moving"}
LEFT_OUT = ("method", "strokes", "fit", "transparency")  # of films among a batch's pictures
NOT_OF_FILMS = (*LEFT_OUT, "crop", "teach", "taught")

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _in_range(strokes: float) -> float:
    if strokes and not FINEST <= strokes <= BROADEST:
        raise ValueError("out of range")
    return strokes


def _inside(crop: list[float]) -> list[float]:
    if not cropping.is_crop(crop):
        raise ValueError("no rectangle inside a picture")
    return crop


Crop = Annotated[list[float], Field(max_length=4), AfterValidator(_inside)]


class Options(BaseModel):
    """The settings of one picture; only proportions of `weights` count, [] is equal shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(1.0, ge=0, le=1)
    weights: list[Weight] = Field(default=[], max_length=MOST_STYLES)
    color: ColorMode = Color.STYLE.value
    size: Literal[0] | Annotated[int, Field(ge=SMALLEST, le=LARGEST)] = 512
    fit: Literal["", "10x15", "a4", "a3", "largest"] = ""  # what becomes the size of a job
    network: NetworkName = Field(default_factory=lambda: settings().network)
    transfer: TransferKind = Transfer.COVARIANCE.value  # in vgg19 the same
    region: RegionName = Region.ALL.value  # of one style
    keep_margins: bool = False  # plain borders of style pictures
    crop: Crop = []  # of the upright photo: left, top, right, bottom from 0 to 1; []: all of it
    # of each style; []: all of them whole
    style_crops: list[Crop] = Field(default=[], max_length=MOST_STYLES)
    transparency: TransparencyName = Transparency.FLATTEN.value  # of the photo
    # 1: as broad beside the picture as in one of 512 px; 0: as the network paints at that size
    strokes: Annotated[float, AfterValidator(_in_range), Field(allow_inf_nan=False)] = 1.0
    method: MethodName = catalog.DEFAULT_METHOD
    effort: EffortName = Effort.MORE.value  # of a method of steps
    loss: LossName = catalog.DEFAULT_LOSS  # of a method that optimises
    start: StartName = Start.PHOTO.value
    teach: Literal[""] | TaughtKindName = ""  # what the styles are taught as; "": no style is
    steps: int = Field(default=0, ge=0, le=100_000)  # of teaching; 0: as many as are usual
    taught: str = Field(default="", max_length=36)  # the id of the owner's taught style that paints
    steady: float = Field(
        default=USUAL_STEADY, ge=0, le=STEADIEST
    )  # of a film: strokes kept by a frame
    # of a film: weights at its end; []: those at its beginning
    weights_end: list[Weight] = Field(default=[], max_length=MOST_STYLES)
    moving: bool = False  # an animated GIF, PNG or WebP is a film

    @classmethod
    def read(cls, given: object, styles: int, masks: int) -> Self:
        """Check a visitor's choices for so many styles and masks; raises `Refused`."""
        options = cls._valid(given)
        _check_counts(options, styles, masks)
        return options

    def check_film(self) -> None:
        """Raise `Refused` for what films don't have."""
        usual = self.model_copy(update={"strokes": 1.0} if not self.strokes else {})
        for name in NOT_OF_FILMS:
            if getattr(usual, name) != type(self).model_fields[name].default:
                raise Refused("film.option", name=name)

    def of_film(self) -> Self:
        """Return the options without what a batch's films leave out, as the page's form does."""
        fields = type(self).model_fields
        return self.model_copy(update={name: fields[name].default for name in LEFT_OUT})

    def row(self, film: bool) -> dict[str, Any]:
        """Return what is recorded of a job; what films alone have is left out of a picture's."""
        return self.model_dump(exclude={"fit"} if film else {"fit", *_OF_FILMS})

    @classmethod
    def _valid(cls, given: object) -> Self:
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            names = [name for name in _ACCEPTED if name in cls.model_fields]
            raise Refused.of(_accepted(error, names)) from error


class BatchOptions(Options):
    """The settings of a batch: crops are one for all pictures, or one for each of them."""

    crops: list[Crop] = Field(
        default=[], max_length=MOST_IN_BATCH
    )  # of each photo, in place of `crop`
    style_crops: list[Crop] = Field(default=[], max_length=MOST_IN_BATCH)

    @classmethod
    def read_all(cls, given: object, photos: int, styles: int) -> Self:
        """Check a visitor's choices for so many photos and styles; raises `Refused`."""
        options = cls._valid(given)
        if len(options.crops) not in {0, photos}:
            raise Refused("options.photo_crop_count", count=len(options.crops), photos=photos)
        if len(options.style_crops) not in {0, 1, styles}:
            count = len(options.style_crops)
            raise Refused("options.crop_count", count=count, styles=styles)
        if options.teach:
            raise Refused("teach.alone")
        _check_counts(options.cell([], []), 1, 0)
        return options

    def crops_of(self, photos: int, styles: int) -> tuple[list[Crop], list[Crop]]:
        """Return what is used of each of so many photos, and of each of so many styles."""
        style_crops = self.style_crops or [[]]
        each = style_crops * styles if len(style_crops) == 1 else style_crops
        return self.crops or [self.crop] * photos, each

    def cell(self, crop: Iterable[float], style_crop: Iterable[float]) -> Options:
        """Return the options of one picture of the batch, with these crops."""
        shared = self.model_dump(exclude={"crops"})
        style = [*style_crop]
        own = {"crop": [*crop], "style_crops": [style] if style else []}
        return Options.model_validate(shared | own)


def recorded(options: Mapping[str, Any]) -> dict[str, Any]:
    """Complete options that were stored or embedded before there was a choice.

    Of transfer: all was AdaIN; of strokes: they were as the network paints them; of regions: there
    were masks alone; of transparency: it was flattened; of margins: they stayed; of methods: the
    network alone; of teaching: there was none.
    """
    return {
        "method": catalog.DEFAULT_METHOD,
        "teach": "",
        "taught": "",
        "transfer": Transfer.ADAIN.value,
        "strokes": 0.0,
        "region": Region.ALL.value,
        "keep_margins": True,
        "transparency": Transparency.FLATTEN.value,
        **options,
    }


def public(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what anybody may see of stored options, completed: taught styles are their owner's."""
    return recorded(options) | {"taught": "", "teach": "", "steps": 0}


def _readable(options: dict[str, Any]) -> dict[str, Any]:
    Options.model_validate(recorded(options))
    return options


def _readable_of_batch(options: dict[str, Any]) -> dict[str, Any]:
    BatchOptions.model_validate(recorded(options))
    return options


# as rows have them, of this version or an earlier one
Recorded = Annotated[dict[str, Any], AfterValidator(_readable)]
RecordedOfBatch = Annotated[dict[str, Any], AfterValidator(_readable_of_batch)]


def _accepted(error: ValidationError, names: list[str]) -> Message:
    """Say what is accepted, of options with these names, not what a program thinks of it."""
    place: tuple[Any, ...] = error.errors()[0]["loc"]
    if not place:
        return Message("options.invalid", names=names)
    name = str(place[0])[:40]
    known = _ACCEPTED[name] if name in names else None
    return known or Message("options.unknown", name=name, names=names)


def _check_counts(options: Options, styles: int, masks: int) -> None:
    most = catalog.MOST_PAINTINGS if options.teach else settings().max_styles
    if not 1 <= styles <= most:
        raise Refused("job.style_count", limit=most, count=styles)
    if options.weights and len(options.weights) != styles:
        raise Refused("options.weight_count", count=len(options.weights), styles=styles)
    if options.weights and not 0 < sum(options.weights) < float("inf"):
        raise Refused("options.weight_sum")
    if options.weights_end and len(options.weights_end) != styles:
        raise Refused("options.weight_count", count=len(options.weights_end), styles=styles)
    if options.weights_end and not 0 < sum(options.weights_end) < float("inf"):
        raise Refused("options.weight_sum")
    if masks not in {0, styles} and (masks, styles) != (1, 2):
        raise Refused("options.mask_count", count=masks, styles=styles)
    if options.style_crops and len(options.style_crops) != styles:
        raise Refused("options.crop_count", count=len(options.style_crops), styles=styles)
    if options.region != "all" and (styles, masks) not in {(1, 0), (1, 1)}:
        raise Refused("options.region_masks")
    _check_method(options, styles, masks)
    if options.teach:
        _check_teaching(options, styles, masks)


def _check_teaching(options: Options, styles: int, masks: int) -> None:
    """Raise `Refused` for what no style is taught with."""
    most = settings().teach_steps
    other = options.method != catalog.DEFAULT_METHOD or options.region != "all"
    if not most:
        raise Refused("teach.off")
    if masks or options.weights or options.taught or other:
        raise Refused("teach.alone")
    if options.steps > most:
        raise Refused("teach.steps", limit=most)
    if min(options.steps or most, most) < styles:
        raise Refused("teach.few", count=styles)
    if catalog.network(options.network).fixed_encoder:
        raise Refused("teach.network", network=options.network)


def _refusals(method: str) -> dict[Control, Message]:
    """Return what is said of controls that a method does not take."""
    return {
        Control.MASKS: Message("method.masks", method=method),
        Control.STYLES: Message("method.styles", method=method),
        Control.STRENGTH: Message("method.strength", method=method),
        Control.COLOR: Message("method.color", method=method),
        Control.TRANSPARENCY: Message("method.transparency", method=method),
        Control.STROKES: Message("method.strokes", method=method),
        Control.TRANSFER: Message("method.transfer", method=method),
        Control.LOSS: Message("method.loss", method=method),
        Control.START: Message("method.start", method=method),
    }


def _check_method(options: Options, styles: int, masks: int) -> None:
    """Raise `Refused` for what the method can't do; its limit of pixels needs the photo."""
    for control in catalog.lacking(options.method, options, styles, masks):
        raise Refused.of(_refusals(options.method)[control])
