"""The API's key resource: create in the browser, list, revoke."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from web.api.api import PREFIX, Owner
from web.api.openapi import problems
from web.security.address import CREDENTIAL
from web.security.identity import IN_BROWSER
from worker.credentials import api_keys
from worker.credentials.api_keys import Key

router = APIRouter(prefix=f"{PREFIX}/me/keys", tags=["you"])

_EXAMPLE: Any = {
    "id": "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e",
    "name": "My server",
    "prefix": "adain_Jx3kQ2",
    "made": 1795489200.0,
    "used": 1795492800.0,
}


class KeyView(BaseModel):
    """A key as its owner sees it ever after; times are epoch seconds."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    name: str
    prefix: str
    made: float
    used: float | None  # to the minute


class NewKey(KeyView):
    """A key just made; `key` is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"key": "adain_Jx3kQ2…", "used": None}]}
    )

    key: str


class Name(BaseModel):
    """What to call a key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Mine"}]})

    name: str = Field(max_length=1000)


def _view(key: Key) -> KeyView:
    return KeyView.model_validate(key)


@router.get("")
def mine(owner: Owner) -> list[KeyView]:
    """List your keys."""
    return [_view(key) for key in api_keys.listed(owner)]


@router.post(
    "",
    status_code=201,
    dependencies=IN_BROWSER + CREDENTIAL,
    responses=problems(400, 403, 429),
)
def make(asked: Name, owner: Owner) -> NewKey:
    """Make a key: it acts as you until you revoke it. A key makes no others."""
    made = api_keys.make(owner, asked.name)
    return NewKey(**_view(made.key).model_dump(), key=made.secret)


@router.delete("/{key_id}", status_code=204, dependencies=IN_BROWSER, responses=problems(403, 404))
def revoke(key_id: str, owner: Owner) -> None:
    """Make a key void at once. A key revokes none."""
    api_keys.revoke(owner, key_id)
