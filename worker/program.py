"""How a process of ours is called, so that it runs our code whatever folder it is called in.

`python -m` looks for modules in the current folder first, and so would run a file that somebody
put there; `-P` keeps it from that, `PYTHONSAFEPATH` what other libraries start.
"""

import os
import sys


def command(module: str, *words: str) -> list[str]:
    """Return the command that runs a module of ours."""
    return [sys.executable, "-P", "-m", module, *words]


def again() -> list[str]:
    """Return the command that this process was called by."""
    return [sys.executable, *sys.orig_argv[1:]]


def protect() -> None:
    """Keep every Python started from here from the current folder.

    Files that it and this process make are for their own user alone.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    os.umask(0o077)
