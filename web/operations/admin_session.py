"""Admin authentication by one shared secret; without one in the settings there is no admin page.

A browser exchanges the secret for a short-lived signed cookie, which a new secret makes void; a
script sends the secret as `Authorization: Bearer`. Raises `HTTPProblem` with 401 or 404, `TooMany`.
"""

import hmac
from typing import Annotated

from fastapi import Depends, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.exc import SQLAlchemyError

from web.language.problems import HTTPProblem
from web.security import address, cookies, signed
from web.security.cookies import Place
from worker.settings import settings
from worker.visitors import rate_limits
from worker.visitors.rate_limits import TooMany

COOKIE = "studio-admin"
LASTS = 3600  # seconds


def _secret() -> str:
    return settings().admin_secret.get_secret_value()


def _signer() -> URLSafeTimedSerializer:
    return signed.timed("admin", f":{_secret()}")


def _place(request: Request) -> Place:
    return cookies.place(COOKIE, cookies.secure(request))


def sign() -> str:
    return str(_signer().dumps("admin"))


def exists() -> None:
    """Depend on this where there is nothing unless a secret is set; raises a 404."""
    if not _secret():
        raise HTTPProblem(404, "request.address")


def check(given: str, request: Request) -> str:
    """Return the origin of who gives the right secret; raises a 401, or `TooMany`."""
    origin = address.origin(request)
    pair = given.encode(), _secret().encode()
    if not rate_limits.guess(origin, lambda: hmac.compare_digest(*pair)):
        raise HTTPProblem(401, "admin.wrong_secret", {"WWW-Authenticate": "Bearer"})
    return origin


def _has_cookie(request: Request) -> bool:
    try:
        return bool(_signer().loads(request.cookies.get(_place(request).name, ""), max_age=LASTS))
    except BadSignature:
        return False


def known(request: Request) -> str:
    """Return the origin the admin asks from; raises a 401 for anybody else."""
    exists()
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return check(given.strip(), request)
    if _has_cookie(request):
        return address.origin(request)
    raise HTTPProblem(401, "admin.secret_required", {"WWW-Authenticate": "Bearer"})


def is_admin(request: Request) -> bool:
    """Tell whether the admin asks; a wrong secret counts as a guess, as in `known`.

    Without a database no secret is compared, since guesses could not be counted.
    """
    try:
        known(request)
    except (HTTPProblem, TooMany, SQLAlchemyError):
        return False
    return True


def remember(request: Request, response: Response) -> None:
    """Give the admin's browser the cookie that stands for the secret."""
    name, path, secure = _place(request)
    response.set_cookie(
        name, sign(), LASTS, path=path, secure=secure, httponly=True, samesite="strict"
    )


def forget(request: Request, response: Response) -> None:
    """Take the cookie away."""
    name, path, secure = _place(request)
    response.delete_cookie(name, path=path, secure=secure, httponly=True, samesite="strict")


Admin = Annotated[str, Depends(known)]  # the origin
