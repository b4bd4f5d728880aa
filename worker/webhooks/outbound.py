"""SSRF-safe HTTP: POST to an address that a visitor named; raises `NotPublic`.

A name is resolved once, all its addresses must be public, and the connection goes to one of these,
so that a name that resolves differently later (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network

import httpx

from worker.errors import CodedError, Refused
from worker.settings import settings

LONGEST = 2000  # characters of an address
LAST_PORT = 65535
SECONDS = 10.0  # a whole call may take, whatever the other side does

_NAME = re.compile(r"[a-z0-9._-]+")  # as it goes over the line, whatever its alphabet
Address = IPv4Address | IPv6Address


class NotPublic(CodedError):
    """An address that is not public."""


_NAT64 = ip_network("64:ff9b::/96")  # stands for the IPv4 address in its last 32 bits
_IN_USE = ip_network("2000::/3")  # all that is assigned of IPv6 for single public machines
_SPECIAL = tuple(  # in the registries of special addresses; `ipaddress` knows not all of them
    map(
        ip_network,
        (
            "168.63.129.16/32",  # services of the host, inside Azure
            "192.0.0.0/24",  # protocols; its two anycast addresses serve no webhook
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",  # examples
            "2002::/16",  # 6to4
            "3fff::/20",  # examples
        ),
    )
)


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address may stand for."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return getattr(address, "ipv4_mapped", None) or address


def is_public(given: Address) -> bool:
    """Tell whether the address is one machine's on the public internet."""
    address = _plain(given)
    if isinstance(address, IPv6Address) and address not in _IN_USE:
        return False
    if any(address in one for one in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_link_local
    )


def _check_address(address: Address) -> None:
    if _plain(address).is_loopback and settings().webhooks_loopback:
        return
    if not is_public(address):
        raise NotPublic("address.private", address=str(address))


def _literal(host: str) -> Address | None:
    """Return the address that a host is in any spelling the system takes; None: it is a name.

    127.0.0.1 is 127.1, 0x7f.1 and 2130706433 as well; with a dot at its end it is no other.
    """
    plain = host.rstrip(".")
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(plain))
    except (OSError, ValueError):
        return None


def _check_host(host: str) -> None:
    """Raise `NotPublic` for what is known to be none before any name is resolved."""
    if address := _literal(host):
        _check_address(address)
    elif host.rstrip(".").endswith("localhost") and not settings().webhooks_loopback:
        raise NotPublic("address.localhost")


def check(url: str) -> str:
    """Return the address if it may be called, as far as it alone can tell; raises `Refused`."""
    try:
        parsed = httpx.URL(url)
        host, shown = parsed.raw_host.decode("ascii"), parsed.host  # which decodes "xn--"
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Refused("webhook.address") from error
    named = bool(_NAME.fullmatch(host) or (":" in host and _literal(host)))
    named = named and (parsed.port is None or 0 < parsed.port <= LAST_PORT)
    if parsed.scheme not in {"http", "https"} or not named or len(url) > LONGEST:
        raise Refused("webhook.address_kind", limit=LONGEST)
    if parsed.userinfo:
        raise Refused("webhook.address_password")
    try:
        _check_host(shown)
    except NotPublic as error:
        raise Refused("webhook.address_private", why=error.message) from error
    return url


async def resolve(host: str, port: int) -> Address:
    """Return one address of the host; raises `NotPublic` unless all it has are public."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    for address in addresses:
        _check_address(address)
    return addresses[0]


def client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """Return a client that follows nothing, asks no proxy, and keeps no connection.

    A kept one is known by its address alone, so that it might serve another name than the one
    its certificate was checked for.
    """
    return httpx.AsyncClient(
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        timeout=SECONDS / 2,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def post(caller: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send the body and return the answer's status; what else it says is not read.

    Raises `NotPublic`, TimeoutError, OSError when there is no such host, and httpx's errors.
    """
    parsed = httpx.URL(url)
    host = parsed.raw_host.decode("ascii")
    async with asyncio.timeout(SECONDS):
        address = await resolve(host, parsed.port or {"http": 80, "https": 443}[parsed.scheme])
        async with caller.stream(
            "POST",
            parsed.copy_with(host=str(address)),
            content=body,
            headers={**headers, "Host": parsed.netloc.decode("ascii")},
            extensions={"sni_hostname": host},  # the certificate must be this name's
        ) as answer:
            return answer.status_code
