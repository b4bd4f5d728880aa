"""Account: what is stored of a visitor, its usage and limits, and deleting all of it."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.openapi import problems
from web.http import picture_cache
from web.security import signin
from web.security.identity import IN_BROWSER, become
from worker.credentials import identities
from worker.visitors import accounts, limit_overrides, quota

router = APIRouter(prefix=PREFIX, tags=["you"])


class Kept(BaseModel):
    """Who you are, and how much is kept of you, in bytes; `most` is what may be, 0: any amount."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kept": 1834211,
                    "most": 2 << 30,
                    "can_sign_in": True,
                    "signed_in": True,
                    "name": "Ada",
                }
            ]
        }
    )

    kept: int
    most: int
    can_sign_in: bool  # the studio has a sign-in service
    signed_in: bool
    name: str  # what the provider calls you; "": nothing, or you are not signed in


@router.get("/me")
def kept(owner: Owner) -> Kept:
    """Tell how much is kept of you."""
    person = identities.of(owner)
    return Kept(
        kept=quota.kept(owner),
        most=limit_overrides.of("visitor_bytes")[0],
        can_sign_in=signin.is_on(),
        signed_in=person is not None,
        name=person.name if person else "",
    )


@router.delete("/me", status_code=204, dependencies=IN_BROWSER, responses=problems(403))
def remove(owner: Owner, request: Request) -> None:
    """Delete everything that is kept of you, at once and for good, and forget who you are.

    Jobs, the one being worked on included, their pictures, titles, links, webhooks, keys and
    reports. A key may not do it.
    """
    accounts.remove(owner)
    picture_cache.forget(owner)
    become(request, "")
