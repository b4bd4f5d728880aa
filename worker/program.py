"""Command lines of our processes, which run our code in whatever folder they are started.

`python -m` looks for modules in the current folder first, and so would run a file placed there;
`-P` prevents that, and `PYTHONSAFEPATH` does for processes that other libraries start.
"""

import os
import sys


def command(module: str, *words: str) -> list[str]:
    """Return the command that runs a module of ours."""
    return [sys.executable, "-P", "-m", module, *words]


def again() -> list[str]:
    """Return the command that this process was called by."""
    return [sys.executable, *sys.orig_argv[1:]]


def with_settings(given: dict[str, str]) -> dict[str, str]:
    """Return our environment, with these settings in place of their like in whatever case."""
    others = {name: value for name, value in os.environ.items() if name.upper() not in given}
    return others | given


def protect() -> None:
    """Keep every Python started from here from the current folder.

    Files that it and this process make are for their own user alone.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    os.umask(0o077)
