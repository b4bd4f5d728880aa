"""Where a request comes from, as far as it can be known.

What a proxy says of it counts only if the proxy is trusted: anybody can write the header.
"""

import hmac
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from web.identity import owner_of
from worker import blocks, limits
from worker.limits import Visitor
from worker.settings import cookie_secret, settings


@cache
def _networks(given: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(
        ip_network(one, strict=False) for one in filter(None, map(str.strip, given.split(",")))
    )


def _canonical(text: str) -> str | None:
    """Return an address in the one way to write it; None if it is none."""
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


def of(connection: HTTPConnection) -> str:
    """Return the address: the last one that no trusted proxy has; "unknown" if there is none."""
    peer = _canonical(connection.client.host) if connection.client else None
    if peer is None:
        return "unknown"
    said = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    while _trusted(peer) and said:
        before = _canonical(said.pop())
        if before is None:
            break
        peer = before
    return peer


def _household(address: str) -> str:
    """Return what is counted as one address: of IPv6 the network, since it is one customer's."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def origin(connection: HTTPConnection) -> str:
    """Return the address scrambled: the same for the same, and of no use to who reads it."""
    household = _household(of(connection)).encode()
    return hmac.digest(cookie_secret().encode(), b"origin:" + household, "sha256").hex()[:32]


def visitor(connection: HTTPConnection) -> Visitor:
    """Return who asks, from where."""
    return Visitor(owner_of(connection), origin(connection))


def costly(request: Request) -> None:
    """Depend on this where a picture is opened for whoever asks; raises `TooMany`."""
    limits.spend(visitor(request), limits.pictures())


def welcome(request: Request) -> None:
    """Depend on this where something is shown to others; raises `Blocked`."""
    blocks.check(*limits.names(visitor(request)))


COSTLY = [Depends(costly)]
WELCOME = [Depends(welcome)]
