"""The client address of a request, and its origin (the address, hashed).

Forwarding headers count only from trusted proxies, since every client can write them.
"""

import hmac
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from web.security.identity import owner_of
from web.security.same_origin import NOT_EMBEDDED
from worker import cookie_secrets
from worker.settings import settings
from worker.visitors import blocks, rate_limits
from worker.visitors.rate_limits import Visitor

MOST_PROXIES = 16  # one behind the other; what they say of more is not looked at
_WHERE = {b"x-forwarded-host", b"x-gradio-server"}


@cache
def _networks(given: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(
        ip_network(one, strict=False) for one in filter(None, map(str.strip, given.split(",")))
    )


def _canonical(text: str) -> str | None:
    """Return an address in canonical form; None if it is not an address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def among(address: str, networks: str) -> bool:
    """Tell whether an address is in one of the networks, comma-separated; "unknown" is in none."""
    known = _canonical(address)
    return known is not None and any(ip_address(known) in one for one in _networks(networks))


def _trusted(address: str) -> bool:
    return among(address, settings().trusted_proxies)


def _relays(address: str) -> bool:
    """Tell whether an address that a proxy named is a proxy too, rather than a client.

    In a private network that is trusted as a whole there are clients, who could write the header
    before it; a proxy in front of another is there by its own address.
    """
    known = ip_address(address)
    return any(
        known in one and (one.num_addresses == 1 or one.is_global)
        for one in _networks(settings().trusted_proxies)
    )


def _peer(connection: HTTPConnection) -> str | None:
    return _canonical(connection.client.host) if connection.client else None


def of(connection: HTTPConnection) -> str:
    """Return the address: the last one that no trusted proxy has; "unknown" if there is none."""
    peer = _peer(connection)
    if peer is None:
        return "unknown"
    said = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")[-MOST_PROXIES:]
    believed = _trusted(peer)
    while believed and said and (before := _canonical(said.pop())):
        peer, believed = before, _relays(before)
    return peer


def _drop_addresses(scope: Scope) -> None:
    """Take out the headers in which anybody may say where the studio is, unless they are right."""
    ours = urlsplit(settings().public_url).netloc.encode()
    scope["headers"] = [
        (name, value)
        for name, value in scope["headers"]
        if name not in _WHERE or (ours and value == ours and name == b"x-forwarded-host")
    ]


class Forwarded:
    """Middleware: a request that a trusted proxy took over https is an https request.

    The studio's address comes from `Host` or the settings: Gradio writes others into the page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asks = HTTPConnection(scope)
            _drop_addresses(scope)
            peer, scheme = _peer(asks), asks.headers.get("x-forwarded-proto", "").strip()
            if peer is not None and scheme in {"http", "https"} and _trusted(peer):
                scope["scheme"] = scheme
        await self.app(scope, receive, send)


def _household(address: str, bits: int = 64) -> str:
    """Return what is counted as one address: of IPv6 the network, since it is one customer's."""
    return str(ip_network(f"{address}/{bits}", strict=False)) if ":" in address else address


def household_of_peer(host: str) -> str | None:
    """Return what a connection from an address counts as, whatever its requests will say.

    None: it is a trusted proxy, whose connections are many clients', or no address of a network.
    """
    peer = _canonical(host)
    return None if peer is None or _trusted(peer) else _household(peer)


def _scrambled(household: str) -> str:
    """Return a keyed hash: equal for equal input, and not reversible."""
    key = cookie_secrets.signing().encode()
    return hmac.digest(key, b"origin:" + household.encode(), "sha256").hex()[:32]


def origin(connection: HTTPConnection) -> str:
    """Return the address, scrambled."""
    return _scrambled(_household(of(connection)))


def network(connection: HTTPConnection) -> str:
    """Return the network that one customer may have at most, scrambled: of IPv6 a /48."""
    return _scrambled(_household(of(connection), 48))


def visitor(connection: HTTPConnection) -> Visitor:
    """Return the visitor of a request: owner and origin."""
    return Visitor(owner_of(connection), origin(connection))


def costly(request: Request) -> None:
    """Depend on this where a request opens a picture; raises `TooMany`."""
    rate_limits.consume(visitor(request), rate_limits.pictures())


def welcome(request: Request) -> None:
    """Depend on this where something is shown to others; raises `Blocked`."""
    blocks.check(*rate_limits.names(visitor(request)))


def credential(request: Request) -> None:
    """Depend on this where a key or a secret is made; raises `TooMany` and `Blocked`."""
    rate_limits.consume(visitor(request), rate_limits.credential())


COSTLY = [*NOT_EMBEDDED, Depends(costly)]
CREDENTIAL = [Depends(credential)]
WELCOME = [Depends(welcome)]
