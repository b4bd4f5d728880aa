"""The API's list of what can go wrong: each code with its sentence, gaps in braces."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX
from web.api.openapi import problems
from web.language import messages
from web.language.problems import HTTPProblem
from web.language.texts import Spoken

router = APIRouter(prefix=f"{PREFIX}/problems", tags=["problems"])


class ProblemType(BaseModel):
    """What a code means; the names in braces are those of `params`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "picture.too_large",
                    "text": "The picture is too large: at most {limit} megapixels are accepted.",
                }
            ]
        }
    )

    code: str
    text: str


@router.get("")
def every(language: Spoken) -> list[ProblemType]:
    """List all codes, also those that occur only within others or as the error of a job."""
    return [ProblemType(code=code, text=text) for code, text in messages.known(language).items()]


@router.get("/{code}", responses=problems(404))
def one(code: str, language: Spoken) -> ProblemType:
    """Tell what a code means: the address that `type` of a problem names."""
    text = messages.known(language).get(code)
    if text is None:
        raise HTTPProblem(404, "problem.not_found")
    return ProblemType(code=code, text=text)
