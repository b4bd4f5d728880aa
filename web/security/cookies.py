"""Cookies: the name, path and Secure flag of each.

A browser takes a cookie named `__Host-…` only over https, for the path "/" and without a domain:
neither a sibling site nor an attacker on an unencrypted connection can plant one. A studio under a
path shares its host with others and can't have that: its cookies are `__Secure-…`, sent to its
path, with the path's hash in the name.
"""

import hashlib
from typing import NamedTuple

from starlette.requests import HTTPConnection

from worker.settings import settings


class Place(NamedTuple):
    """A cookie's name, path and whether it is for https only."""

    name: str
    path: str
    secure: bool


def over_https() -> bool:
    """Tell whether the visitors reach the studio over https."""
    return settings().over_https


def secure(connection: HTTPConnection) -> bool:
    """Tell whether the request came over https."""
    return over_https() or connection.url.is_secure


def framed() -> bool:
    """Tell whether other sites may show the studio in a frame."""
    return bool(settings().frame_ancestors)


def place(name: str, secure: bool) -> Place:
    """Return where a cookie belongs; over http its name stays as it is."""
    if not secure:
        return Place(name, "/", False)
    if under := settings().public_path:
        digest = hashlib.sha256(under.encode()).hexdigest()[:8]
        return Place(f"__Secure-{name}-{digest}", under, True)
    return Place(f"__Host-{name}", "/", True)
