"""What the studio signs, against clocks that differ and secrets that change."""

import ast
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from fastapi import Request
from itsdangerous import BadSignature

from tests.parts import Setting
from web.api.gallery import views
from web.operations import admin_session
from web.security import identity, signed, signin

ROOT = Path(signed.__file__).parents[2]
DAY = 86400.0


def _owner_cookie() -> Callable[[], bool]:
    value = identity.sign("ada")

    def opens() -> bool:
        try:
            return identity.read(value) is not None
        except identity.OtherTime:
            return False

    return opens


def _admin_cookie() -> Callable[[], bool]:
    cookie = f"{admin_session.COOKIE}={admin_session.sign()}"
    scope: dict[str, Any] = {"type": "http", "headers": [(b"cookie", cookie.encode())], "path": "/"}
    scope |= {"scheme": "http", "server": ("studio", 80), "query_string": b""}
    return lambda: admin_session._has_cookie(Request(scope))


def _sign_in() -> Callable[[], bool]:
    async def nothing(*_: object) -> None: ...

    value = signin._UnderWay(nothing).signer.sign("state")

    def opens() -> bool:
        try:
            return bool(signin._UnderWay(nothing).signer.unsign(value, max_age=signin.LASTS))
        except BadSignature:
            return False

    return opens


def _share_link() -> Callable[[], bool]:
    token = views.links().dumps(["job", 0])

    def opens() -> bool:
        try:
            return bool(views.links().loads(token))
        except BadSignature:
            return False

    return opens


# what is signed, how it is tried later, and how long it lasts (None: until revoked)
THINGS: dict[str, tuple[Callable[[], Callable[[], bool]], float | None]] = {
    "owner cookie": (_owner_cookie, identity.LASTS),
    "admin cookie": (_admin_cookie, admin_session.LASTS),
    "sign-in state": (_sign_in, signin.LASTS),
    "share link": (_share_link, None),
}


def _at(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the server's clock so many seconds ahead."""
    now = time() + seconds
    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr("web.security.identity.time", lambda: now)


@pytest.fixture(autouse=True)
def secrets(studio: Path, setting: Setting) -> None:
    setting(cookie_secret="an old secret of many letters", admin_secret="the admin's own secret")


@pytest.mark.parametrize("name", THINGS)
@pytest.mark.parametrize("drift", [-2, -30, 2, 30])
def test_a_value_signed_by_a_server_whose_clock_differs_is_read(
    name: str, drift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign, _ = THINGS[name]
    opens = sign()
    _at(drift, monkeypatch)
    assert opens()


@pytest.mark.parametrize("name", THINGS)
def test_a_time_far_in_the_future_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign, lasts = THINGS[name]
    opens = sign()
    allowed = min(DAY, lasts or 0)
    _at(-allowed + 5, monkeypatch)
    assert opens()
    _at(-allowed - 5 if lasts else -10 * DAY, monkeypatch)
    assert opens() is (lasts is None)


@pytest.mark.parametrize("name", [name for name, (_, lasts) in THINGS.items() if lasts])
def test_a_value_counts_no_longer_than_it_lasts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign, lasts = THINGS[name]
    opens = sign()
    assert lasts
    _at(lasts - 5, monkeypatch)
    assert opens()
    _at(lasts + 5, monkeypatch)
    assert not opens()


@pytest.mark.parametrize("name", THINGS)
def test_a_secret_is_replaced_without_ending_what_the_old_one_signed(
    name: str, setting: Setting
) -> None:
    opens = THINGS[name][0]()
    setting(cookie_secret="a new secret of many letters, an old secret of many letters")
    assert opens()
    opens = THINGS[name][0]()  # signed by the first
    setting(cookie_secret="a new secret of many letters")
    assert opens()
    setting(cookie_secret="an old secret of many letters")
    assert not opens()


@pytest.mark.parametrize("name", THINGS)
def test_a_secret_with_a_comma_from_before_there_could_be_several_is_still_read(
    name: str, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(cookie_secret="old, with a comma")
    with monkeypatch.context() as before:
        before.setattr("worker.cookie_secrets.readable", lambda: ("old, with a comma",))
        opens = THINGS[name][0]()
    assert opens()


def test_a_value_signed_for_one_purpose_opens_nothing_else() -> None:
    owner = identity.sign("ada")
    for other in (f"__Host-{identity.COOKIE}", "__Secure-studio-00000000"):
        assert identity.read(owner, other) is None
        assert identity.read(identity.sign("ada", other)) is None
    with pytest.raises(BadSignature):
        views.links().loads(owner)


def test_no_other_module_signs_values() -> None:
    """A signer made elsewhere would know neither several secrets nor clocks that differ."""
    makers = {"Serializer", "URLSafeSerializer", "URLSafeTimedSerializer", "TimedSerializer"}
    makers |= {"Signer", "TimestampSigner", "SessionMiddleware"}
    found = set()
    for folder in ("adain", "worker", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in makers:
                    found.add(str(file.relative_to(ROOT)))
    assert found == {"web/security/signed.py"}
