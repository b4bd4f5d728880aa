"""Cache of style statistics: this process's memory, then the table `styles`.

A key has everything the statistics depend on: picture, network with its weights, size, and the
photo whose colours the style's were matched to, if they were.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import tensor

from adain.model.moments import Moments
from adain.request import Style
from worker.observability import metrics
from worker.runner import style_store

_MOST = 512  # of some 20 kilobytes each
_VERSION = 3  # of what is kept of a style; measures of other versions are not found

_memory: OrderedDict[str, Style] = OrderedDict()  # the last used last
_lock = Lock()


def key(network: str, digest: str, size: int | str, target: str = "") -> str:
    """Return the name of a measure; `target` is the digest of the photo matched to, "" for none."""
    return hashlib.sha256(f"{_VERSION}|{network}|{digest}|{size}|{target}".encode()).hexdigest()


def as_bytes(style: Style) -> bytes:
    """Write a measure as safetensors."""
    tensors = {"chroma": tensor(style.chroma)}
    for place, level in enumerate(style.levels):
        tensors |= {f"{place}.mean": level.mean, f"{place}.spread": level.spread}
    return save(tensors, {"network": style.network})


def as_style(data: bytes, network: str) -> Style:
    """Read a measure; raises `SafetensorError` and `KeyError` for what is none."""
    tensors = load(data)
    chroma = float(tensors.pop("chroma"))
    places = range(len(tensors) // 2)
    levels = tuple(Moments(tensors[f"{n}.mean"], tensors[f"{n}.spread"]) for n in places)
    return Style(network, levels, chroma)


def _remember(name: str, style: Style) -> Style:
    with _lock:
        _memory[name] = style
        _memory.move_to_end(name)
        while len(_memory) > _MOST:
            _memory.popitem(last=False)
    return style


def _remembered(name: str) -> Style | None:
    with _lock:
        style = _memory.get(name)
    return style and _remember(name, style)


def find(name: str, network: str) -> Style | None:
    """Return a style that was measured before, by any worker; None if none was."""
    if style := _remembered(name):
        metrics.STYLES.labels("memory").inc()
        return style
    data = style_store.find(name)
    if data is None:
        return None
    try:
        style = as_style(data, network)
    except (SafetensorError, KeyError):  # another version's
        return None
    metrics.STYLES.labels("store").inc()
    return _remember(name, style)


def measure(name: str, make: Callable[[], Style]) -> Style:
    """Measure a style and keep it, unless that was done since it was looked for."""
    if style := _remembered(name):
        metrics.STYLES.labels("memory").inc()
        return style
    metrics.STYLES.labels("measured").inc()
    style = _remember(name, make())
    style_store.keep(name, as_bytes(style))
    return style


def forget() -> None:
    """Empty the memory."""
    with _lock:
        _memory.clear()
