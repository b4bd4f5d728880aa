"""What is said and recorded of films: by the process that looks at one, and in a job's row."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_Side = Annotated[int, Field(ge=1, le=1 << 16)]
_Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
_Rate = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class Seen(BaseModel):
    """What is said of a film that was looked at."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rate: _Rate
    seconds: _Seconds
    sound: bool
    size: list[_Side] = Field(min_length=2, max_length=2)
    original: list[_Side] = Field(min_length=2, max_length=2)
    length: int = Field(ge=1)


class Cleaned(BaseModel):
    """What is said of a clean film: as `adain.film.cleaning.Clean`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    width: _Side
    height: _Side
    rate: _Rate
    frames: int = Field(ge=1, le=1_000_000)
    seconds: _Seconds
    sound: bool
    cut: bool


class OfJob(BaseModel):
    """What a job's row says of its film: as it was sent, and of the clean one once it is there."""

    model_config = ConfigDict(strict=True, extra="forbid")

    seconds: _Seconds  # at most
    most: int = Field(ge=0)  # bytes of the clean film
    clean: str = ""  # the key of the clean film
    codec: Literal["", "h264", "vp9"] = ""
    width: _Side = 1
    height: _Side = 1
    rate: _Rate = 1.0
    frames: int = Field(default=1, ge=1, le=1_000_000)
    sound: bool = False
    cut: bool = False


def _readable(film: dict[str, Any]) -> dict[str, Any]:
    OfJob.model_validate(film)
    return film


RecordedFilm = Annotated[dict[str, Any], AfterValidator(_readable)]
