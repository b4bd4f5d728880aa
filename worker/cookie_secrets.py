"""The secrets that sign cookies and links: set, or made once and kept in the data folder."""

import secrets
from functools import cache

from worker.setting_values import SHORTEST
from worker.settings import settings


def _made_secret() -> str:
    """Return the secret kept in DATA, made by whichever process comes first."""
    file = settings().data / "cookie-secret"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_hex(32))
        try:
            file.hardlink_to(aside)  # fails, rather than replaces, when another was faster
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return file.read_text()


@cache
def readable() -> tuple[str, ...]:
    """Return the secrets of cookies and links: the first signs, all are read.

    The setting as a whole is among them: until several could be named, a comma was part of one.
    """
    given = settings().cookie_secret.get_secret_value()
    if not given:
        return (_made_secret(),)
    return tuple(dict.fromkeys((*filter(None, map(str.strip, given.split(","))), given)))


def signing() -> str:
    """Return the secret that signs."""
    return readable()[0]


def _weak(secret: str) -> bool:
    """Tell whether a secret could be guessed: too short, or of very few different characters."""
    return len(secret) < SHORTEST or len(set(secret)) < SHORTEST // 2


def warnings() -> list[str]:
    """Return sentences on what is set so that it is dangerous, though it works."""
    given = settings().cookie_secret.get_secret_value()
    if not given or not any(map(_weak, readable())):
        return []
    return [
        f"STUDIO_COOKIE_SECRET is weak: whoever guesses it can be anybody. Wanted are {SHORTEST} "
        "random characters or more; put a new one before it, NEW,OLD, and leave the old one out "
        "after a year."
    ]
