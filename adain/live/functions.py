"""The functions of the engine's compiled library, with the kinds of what they take and return."""

import ctypes
from pathlib import Path
from typing import Any

_KINDS: dict[str, Any] = {"p": ctypes.c_void_p, "i": ctypes.c_int, "f": ctypes.c_float}
_GIVEN = {  # what each function of native.c takes
    "threads": "i",
    "columns": "",
    "scratch": "ii",
    "arrange": "ppiii",
    "transform": "ppiii",
    "convolve": "pppiiiiippip",
    "up": "ppiii",
    "moments": "piiipp",
    "covariance": "piiippp",
    "roots": "piffppp",
    "affine": "ppiiipppp",
    "recolouring": "pppppipp",
    "recolour": "ppiiipp",
    "fold": "piiipiiiff",
    "unfold": "pppiiiiiffff",
    "chroma": "piii",
}
_RETURNED: dict[str, Any] = {
    "columns": ctypes.c_int,
    "scratch": ctypes.c_long,
    "chroma": ctypes.c_float,
}


def of(file: Path) -> dict[str, Any]:
    """Return the functions of a compiled library by their names. Raises OSError."""
    library, found = ctypes.CDLL(str(file)), {}
    for name, kinds in _GIVEN.items():
        function = getattr(library, f"native_{name}")
        function.argtypes = [_KINDS[kind] for kind in kinds]
        function.restype = _RETURNED.get(name)
        found[name] = function
    return found
