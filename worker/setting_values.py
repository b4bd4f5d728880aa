"""Values of settings: what is accepted as an address, a folder, a list of queues, a secret."""

import re
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SHORTEST = 16  # characters of a secret that opens something

_ODD = "in its password @ is written %40, / %2F, : %3A, # %23 and ? %3F"

Folder = Annotated[Path, AfterValidator(lambda folder: folder.expanduser().absolute())]
FolderOrNone = Annotated[  # "" is none
    str, AfterValidator(lambda folder: folder and str(Path(folder).expanduser().absolute()))
]


def folder_or_none(given: str) -> str:
    """Return a folder as a process in any other folder calls it; "" where none is named."""
    return str(Path(given).expanduser().absolute()) if given else ""


def _sqlite_anywhere(url: str, parts: URL) -> str:
    """Return the address under which a process in any folder finds the same file."""
    file = parts.database
    if parts.get_backend_name() != "sqlite" or not file or file.startswith((":", "file:")):
        return url
    return parts.set(database=str(Path(file).absolute())).render_as_string(hide_password=False)


def blobs_url(url: str) -> str:
    """Return a folder as a process in any other folder calls it; anything else as it is."""
    kind, mark, place = url.rpartition("://")
    return f"file://{Path(place).absolute()}" if kind in {"", "file"} else f"{kind}{mark}{place}"


def database_url(url: str) -> str:
    """Accept what managed databases hand out, refuse what can't be an address."""
    if url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://", 1)
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            f"wanted an address such as postgresql://user:word@host/name; {_ODD}"
        ) from None
    backend = parts.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError("wanted sqlite:///… or postgresql://…")
    if "@" in (parts.host or ""):
        raise ValueError(f"the password can't be told from the host; {_ODD}")
    return _sqlite_anywhere(url, parts)


# The first parts of the paths that the studio has of its own; a test holds that they are all here.
RESERVED = {
    "admin", "api", "assets", "config", "favicon.ico", "gallery", "gradio_api", "healthz", "livez",
    "metrics", "page", "readyz", "share", "shelf", "sign-in", "sign-out", "static", "texts.js",
    "theme.css",
}  # fmt: skip
_PUBLIC = re.compile(r"https?://[^\s/?#]+((/[\w.~-]+)*)/?", re.ASCII | re.IGNORECASE)
_SITE = re.compile(r"https://(\*\.)?[\w.-]+(:\d+)?", re.ASCII)


def public_url(url: str) -> str:
    """Refuse what is no address of a page, or lies under a path that the studio has itself."""
    if not url:
        return url
    if (match := _PUBLIC.fullmatch(url)) is None:
        raise ValueError("wanted an address such as https://host or https://host/studio")
    if (first := match[1].split("/")[1:2]) and first[0] in RESERVED:
        raise ValueError(f"the studio has a path /{first[0]} of its own; wanted another one")
    return url


def sites(given: str) -> str:
    """Refuse what is no list of sites that pages come from over https."""
    names = [one.strip() for one in given.split(",") if one.strip()]
    if wrong := [one for one in names if not _SITE.fullmatch(one)]:
        raise ValueError(f"wanted sites such as https://example.org, not {wrong[0]!r}")
    return ",".join(names)


def redis_url(url: str) -> str:
    """Refuse an address that the client of the queue could not take apart."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError(f"wanted an address such as redis://:word@host:6379/0; {_ODD}") from None
    return url


def networks(given: str) -> str:
    """Refuse what is no list of addresses, and the one that would trust everybody's word."""
    for one in filter(None, map(str.strip, given.split(","))):
        try:
            network = ip_network(one, strict=False)
        except ValueError:
            raise ValueError("wanted addresses such as 10.0.0.7, 172.16.0.0/12") from None
        if network.prefixlen == 0:
            raise ValueError(f"{one} is everybody; name the proxies")
    return given


def queues(given: str) -> str:
    """Refuse what is no queue; a worker without one would wait for ever."""
    names = [one.strip() for one in given.split(",")]
    if not set(names) <= {"light", "heavy"}:
        raise ValueError("wanted light, heavy or light,heavy")
    return ",".join(names)


def long_enough(secret: SecretStr) -> SecretStr:
    if 0 < len(secret.get_secret_value()) < SHORTEST:
        raise ValueError(f"wanted at least {SHORTEST} characters, best random ones")
    return secret


def issuer(given: str) -> str:
    """Refuse a provider that is reached without https, unless it is on this machine."""
    if given and not given.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("wanted an https address")
    return given


def takes_traces(given: str) -> str:
    """Refuse a collector of traces where nothing is installed that sends them."""
    if given:
        try:
            import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ImportError as error:
            raise ValueError("install the extra traces (docs/install.md)") from error
    return given
