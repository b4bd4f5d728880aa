"""Options of a job: their defaults and checks; a wrong one raises `Refused` with a sentence."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from worker.errors import Refused
from worker.settings import settings

COLORS = ("style", "content", "luminance")  # as adain.color.Color; a test holds them together
NETWORKS = ("compact", "vgg19")  # as adain.model.NETWORKS
TRANSFERS = ("adain", "covariance")  # as adain.model.Transfer
REGIONS = ("all", "subject", "background")  # as adain.request.Region
SMALLEST, LARGEST = 64, 2048  # pixels of the shorter side
FINEST, BROADEST = 0.5, 4.0  # times usual strokes, as adain.request
USUAL = 512  # pixels of the shorter side at which the network's own strokes are the usual ones

_SENTENCES = {
    "alpha": "alpha is a number from 0 to 1.",
    "weights": "weights are finite numbers from 0 up, one for each style.",
    "color": f"color is one of {', '.join(COLORS)}.",
    "size": f"size is 0 (as it is) or {SMALLEST} to {LARGEST} pixels of the shorter side.",
    "network": f"network is one of {', '.join(NETWORKS)}.",
    "transfer": f"transfer is one of {', '.join(TRANSFERS)}.",
    "region": f"region is one of {', '.join(REGIONS)}.",
    "strokes": f"strokes is a number from {FINEST:g} (fine) to {BROADEST:g} (broad), or 0.",
}

REGION = (
    "A region, subject or background, needs one style picture and one mask at most, white on the "
    "subject."
)

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _in_range(strokes: float) -> float:
    if strokes and not FINEST <= strokes <= BROADEST:
        raise ValueError("out of range")
    return strokes


class Options(BaseModel):
    """The settings of one picture; only proportions of `weights` count, [] is equal shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(1.0, ge=0, le=1)
    weights: list[Weight] = []
    color: Literal["style", "content", "luminance"] = "style"
    size: Literal[0] | Annotated[int, Field(ge=SMALLEST, le=LARGEST)] = 512
    network: Literal["compact", "vgg19"] = Field(default_factory=lambda: settings().network)
    transfer: Literal["adain", "covariance"] = "covariance"  # in vgg19 the same
    region: Literal["all", "subject", "background"] = "all"  # of one style
    # 1: as broad beside the picture as in one of 512 px; 0: as the network paints at that size
    strokes: Annotated[float, AfterValidator(_in_range), Field(allow_inf_nan=False)] = 1.0

    @classmethod
    def read(cls, given: object, styles: int, masks: int) -> Self:
        """Check a visitor's choices for so many styles and masks; raises `Refused`."""
        try:
            options = cls.model_validate(given)
        except ValidationError as error:
            raise Refused(_sentence(error)) from error
        _check_counts(options, styles, masks)
        return options


def recorded(options: Mapping[str, Any]) -> dict[str, Any]:
    """Complete options that were stored or embedded before there was a choice.

    Of transfer: all was AdaIN; of strokes: they were as the network paints them; of regions: there
    were masks alone.
    """
    return {"transfer": "adain", "strokes": 0.0, "region": "all", **options}


def _sentence(error: ValidationError) -> str:
    """Say what is accepted, not what a program thinks of it."""
    place: tuple[Any, ...] = error.errors()[0]["loc"]
    if not place:
        return f"The options are a JSON object with any of {', '.join(_SENTENCES)}."
    name = str(place[0])[:40]
    return _SENTENCES.get(name, f"There is no option {name!r}; there are {', '.join(_SENTENCES)}.")


def _check_counts(options: Options, styles: int, masks: int) -> None:
    most = settings().max_styles
    if not 1 <= styles <= most:
        raise Refused(f"A job takes one to {most} style pictures; {styles} were given.")
    if options.weights and len(options.weights) != styles:
        raise Refused(f"{len(options.weights)} weights do not fit {styles} style pictures.")
    if options.weights and not 0 < sum(options.weights) < float("inf"):
        raise Refused("At least one weight must be greater than 0, and their sum finite.")
    if masks not in {0, styles} and (masks, styles) != (1, 2):
        raise Refused(
            f"{masks} masks do not fit {styles} style pictures: one for each, or none, or one for "
            "two styles."
        )
    if options.region != "all" and (styles, masks) not in {(1, 0), (1, 1)}:
        raise Refused(REGION)
