"""The credit of a style picture on the operator's shelf: a small JSON file beside it."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from worker.gallery.model import plain

LONGEST = 120  # characters
KEY = 80  # characters of a key that is named as wrong
WANTED = (
    f'a JSON object with "title", "artist" and "licence", each a text of 1 to {LONGEST} '
    'characters, and "year" if it is known'
)


def _of_year(given: object) -> object:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


Text = Annotated[
    str, StringConstraints(max_length=4 * LONGEST), AfterValidator(plain),
    StringConstraints(min_length=1, max_length=LONGEST),
]  # fmt: skip
Year = Annotated[str, BeforeValidator(_of_year), StringConstraints(max_length=40)]


class Credit(BaseModel):
    """Who made a picture, and on what terms it may be used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    artist: Text
    year: Annotated[Year, AfterValidator(plain)] = ""
    licence: Text

    @property
    def line(self) -> str:
        """The credit in one line, as visitors read it."""
        made = ", ".join(filter(None, (self.artist, self.year)))
        return f"{self.title} · {made} · {self.licence}"


def read(data: bytes | str) -> Credit:
    """Return the credit in a file; raises ValueError with what is wrong and what is accepted."""
    try:
        return Credit.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = plain(".".join(map(str, first["loc"])))[:KEY] or "the file"
        raise ValueError(f"{place}: {first['msg'].lower()}; wanted is {WANTED}") from error
