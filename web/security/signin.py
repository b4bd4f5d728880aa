"""Sign-in by OpenID Connect, if the settings name a provider; off otherwise.

The code flow with PKCE, state and nonce, by authlib; its state is in a signed cookie of ten
minutes. The anonymous visitor's jobs move to the signed-in owner.
"""

import logging
import secrets
from functools import cache
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp

from web.language.problems import HTTPProblem
from web.security import cookies, signed
from web.security.cookies import over_https
from web.security.identity import IN_BROWSER, become, owner_of
from worker.gallery.model import plain
from worker.settings import BadSetting, settings
from worker.visitors import accounts

COOKIE = "studio-sign-in"
LASTS = 600  # seconds a visitor may take at the provider
NAME = 80  # characters

log = logging.getLogger(__name__)


def is_on() -> bool:
    """Tell whether visitors can sign in here."""
    return bool(settings().oidc_issuer)


def _exists() -> None:
    if not is_on():
        raise HTTPProblem(404, "signin.off")


# a key must not move its owner's jobs to the person who signs in
router = APIRouter(include_in_schema=False, dependencies=[Depends(_exists), *IN_BROWSER])


@cache
def _registered(issuer: str, client_id: str, secret: str) -> Any:  # noqa: ANN401, authlib's
    from authlib.integrations.starlette_client import OAuth

    return OAuth().register(
        "studio",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
    )


def _provider() -> Any:  # noqa: ANN401
    chosen = settings()
    secret = chosen.oidc_client_secret.get_secret_value()
    return _registered(chosen.oidc_issuer, chosen.oidc_client_id, secret)


class _UnderWay(SessionMiddleware):
    """What is remembered of a sign-in under way, signed as everything else is."""

    def __init__(self, app: ASGIApp) -> None:
        name, path, secure = cookies.place(COOKIE, over_https())
        super().__init__(app, "", session_cookie=name, max_age=LASTS, path=path, https_only=secure)
        self.signer = signed.signer(":sign-in")


def install(app: FastAPI) -> None:
    """Let the application remember a sign-in under way; raises `BadSetting` without authlib."""
    if not is_on():
        return
    try:
        _provider()
    except ImportError as error:
        what = "STUDIO_OIDC_ISSUER needs authlib: install the extra oidc (docs/install.md)"
        raise BadSetting(what) from error
    app.add_middleware(_UnderWay)


def _back(request: Request) -> str:
    base = settings().public_url or str(request.base_url)
    return f"{base.rstrip('/')}/sign-in/done"


@router.get("/sign-in")
async def begin(request: Request) -> Response:
    """Send the visitor to the provider."""
    try:
        sent: Response = await _provider().authorize_redirect(request, _back(request))
    except Exception as error:  # its client's own kinds, or an answer that is none
        log.warning("the provider of identities does not answer: %s", error)
        raise HTTPProblem(502, "signin.unavailable") from error
    return sent


async def _claims(request: Request) -> dict[str, Any]:
    """Return what the provider says of the visitor, once all of it is proven."""
    try:
        token = await _provider().authorize_access_token(request)
        claims = dict(token["userinfo"])
    except Exception as error:  # whatever does not fit: state, code, nonce, signature, times
        log.warning("a sign-in failed: %s", error)
        raise HTTPProblem(400, "signin.failed") from error
    if claims["iss"].rstrip("/") != settings().oidc_issuer.rstrip("/") or not claims.get("sub"):
        log.warning("a sign-in came from %s", claims["iss"])
        raise HTTPProblem(400, "signin.failed")
    return claims


def _person(claims: dict[str, Any], visitor: str) -> str:
    name = plain(str(claims.get("name") or claims.get("preferred_username") or ""))[:NAME]
    fresh = secrets.token_hex(16)
    return accounts.sign_in(claims["iss"], claims["sub"], name, visitor, fresh)


@router.get("/sign-in/done")
async def done(request: Request) -> Response:
    """Take the visitor back, as who they are, with what they made before."""
    claims = await _claims(request)
    become(request, await run_sync(_person, claims, owner_of(request)))
    return RedirectResponse("/", 303)


@router.post("/sign-out", status_code=204)
def sign_out(request: Request) -> None:
    """Forget who this browser is; the next request is a newcomer's."""
    become(request, "")
