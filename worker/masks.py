"""Mask passwords in text; everything a process of ours prints goes through here.

Addresses of databases, queues and stores contain passwords, and libraries put addresses into
errors. Reads no setting, so that an error in one can be masked too.
"""

import re
import sys
from typing import Any, TextIO, cast

MASK = "********"
# scheme://user:PASSWORD@ up to the last @, since a password may have one; user may be empty. All is
# bounded, since it is tried from each letter of a text that a visitor may have written
_IN_ADDRESS = re.compile(
    r"([a-z][a-z0-9+.-]{0,30}://[^\s/:@?#'\"]{0,200}:)\S{1,1000}@", re.IGNORECASE
)
# as parameters of an address, as libpq has them, and as variables: password=, POSTGRES_PASSWORD=
_NAMED = re.compile(
    r"(?<![a-z0-9_])((?:pg|ssl|[a-z0-9_]{0,40}_)?(?:pass|passwd|password|secret))="
    r"('[^']*'|[^\s&;'\"]+)",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return text with the passwords in it made unreadable."""
    return _NAMED.sub(rf"\1={MASK}", _IN_ADDRESS.sub(rf"\1{MASK}@", text))


class _Stream:
    """A stream that masks what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(masked(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401, whatever a stream has
        return getattr(self._stream, name)


def stream(given: TextIO) -> TextIO:
    """Return the stream, masking what is written to it."""
    return given if isinstance(given, _Stream) else cast("TextIO", _Stream(given))


def install() -> None:
    """Mask what this process, and whatever it forks, prints from now on, tracebacks included."""
    sys.stdout, sys.stderr = stream(sys.stdout), stream(sys.stderr)
