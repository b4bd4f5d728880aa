"""Signing: every value that visitors carry for us is signed and verified here.

`STUDIO_COOKIE_SECRET` may name several secrets: the first signs, all are read. Servers' clocks
differ, so a time of signature a little ahead of ours is taken.
"""

from typing import Any

from itsdangerous import (
    SignatureExpired,
    TimestampSigner,
    URLSafeSerializer,
    URLSafeTimedSerializer,
)

from worker import cookie_secrets

AHEAD = 86400.0  # seconds; never more than the value lasts


class Signer(TimestampSigner):
    """Signs with a time, and takes a time of signature up to `AHEAD` in the future."""

    def unsign(self, signed_value: Any, max_age: Any = None, return_timestamp: bool = False) -> Any:  # noqa: ANN401, as the class it extends
        """Return the value; raises `SignatureExpired` for its time, else `BadSignature`."""
        value, signed = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - signed.timestamp()
        if max_age is not None and not -min(max_age, AHEAD) <= age <= max_age:
            raise SignatureExpired(f"signed {age:.0f} s ago", payload=value, date_signed=signed)
        return (value, signed) if return_timestamp else value


def _keys(addition: str) -> list[str]:
    """Return the secrets, the one that signs last, as itsdangerous has them."""
    return [f"{secret}{addition}" for secret in reversed(cookie_secrets.readable())]


def timed(salt: str, addition: str = "") -> URLSafeTimedSerializer:
    """Return what signs values of one purpose, with a time; void with another `addition`."""
    return URLSafeTimedSerializer(_keys(addition), salt=salt, signer=Signer)


def lasting(salt: str) -> URLSafeSerializer:
    """Return what signs values that have no time."""
    return URLSafeSerializer(_keys(""), salt=salt)


def signer(addition: str) -> Signer:
    """Return what signs bytes, with a time."""
    return Signer(_keys(addition))
