"""Settings of methods that take seconds; a part of `worker.settings.Settings`."""

from pydantic import Field
from pydantic_settings import BaseSettings

from adain import catalog


class MethodSettings(BaseSettings):
    """How large and how long a method's picture may be; each is STUDIO_ and its name."""

    method_pixels: int = Field(
        default=catalog.MOST_PIXELS,
        ge=64 * 64,
        description="of a picture made by a method that takes seconds; larger ones are refused, "
        "larger styles scaled down",
    )
    method_steps: int = Field(
        default=catalog.MOST_STEPS,
        ge=1,
        description="of a method that optimises, at most, whatever effort is chosen",
    )
