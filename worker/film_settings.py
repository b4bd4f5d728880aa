"""Settings of films; a part of `worker.settings.Settings`."""

from typing import Literal

from pydantic import Field

from worker.method_settings import MethodSettings

MOST_SECONDS, MOST_BYTES = 100, 256 << 20  # of a film, whatever the settings say


class FilmSettings(MethodSettings):
    """How long, large and quick a film may be; each is STUDIO_ and its name."""

    film_seconds: float = Field(
        default=60,
        ge=0,
        le=MOST_SECONDS,
        description="of one film, which needs the extra film; 0: none",
    )
    film_side: int = Field(
        default=1920,
        ge=64,
        le=3840,
        description="pixels of the longer side of a painted film; a larger one is made smaller",
    )
    film_rate: float = Field(
        default=30,
        ge=1,
        le=60,
        description="frames a second of a painted film; of a quicker one some are left out",
    )
    film_bytes: int = Field(default=200 << 20, ge=1, le=MOST_BYTES, description="of one film")
    film_codec: Literal["", "h264", "vp9"] = Field(
        default="",
        description="h264: painted films are MP4; vp9: WebM; empty: what is installed, h264 first",
    )
