"""What a function may call, found by the names in its code: for laws over all routes and events."""

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType


def _called(function: FunctionType) -> Iterator[object]:
    """Yield what a function may call, by the names in its code and in the functions within it.

    Not what is kept once it was made (`functools.cache`), which is the studio's own.
    """
    codes = [function.__code__]
    for code in codes:
        codes += [one for one in code.co_consts if inspect.iscode(one)]
        named = [function.__globals__.get(name) for name in code.co_names]
        modules = [one for one in named if isinstance(one, ModuleType)]
        yield from named
        yield from (getattr(one, name, None) for one in modules for name in code.co_names)


def reached(begin: Callable[..., object]) -> set[object]:
    """Return the functions of ours that a function may call, itself included."""
    found, left = set[object](), list[object]([begin])
    while left:
        one = left.pop()
        if not callable(one) or hasattr(one, "cache_info"):
            continue
        one = inspect.unwrap(one)
        ours = isinstance(one, FunctionType) and one.__module__.split(".")[0] in {"web", "worker"}
        if isinstance(one, FunctionType) and ours and one not in found:
            found.add(one)
            left += _called(one)
    return found
