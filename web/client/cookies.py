"""The file that keeps a visitor's cookie of each studio."""

import json
import os
import re
import uuid
from pathlib import Path

COOKIE = "studio"
OURS = re.compile(r"(__Host-|__Secure-)?studio(-[0-9a-f]{8})?")  # how it may be called


def named(kept: str) -> dict[str, str]:
    """Return a kept cookie by its name; one without a name is from before it could have several."""
    name, _, value = kept.rpartition("=")
    return {name or COOKIE: value}


def known(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(file: Path, url: str, cookie: str) -> None:
    """Keep the cookie of a studio; only this user can read the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        json.dump(known(file) | {url: cookie}, out, indent=2)
    aside.replace(file)
