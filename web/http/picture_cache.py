"""Small copies of visitors' pictures, kept in this process for a while, bounded in bytes.

A copy belongs to its owner. A caller checks first that the picture it was made of is still there
and the owner's, since another process may have deleted it.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from worker.images.images import CleanImage
from worker.settings import KIB, MIB

LEAST = KIB  # bytes that any copy counts, so that the bound is one of their number too


class PictureCache:
    """Copies by owner and name; beyond `most` bytes those go that were used longest ago."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._copies: OrderedDict[tuple[str, str], CleanImage] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def get(self, owner: str, name: str, make: Callable[[], CleanImage]) -> CleanImage:
        """Return an owner's copy, made if it is not kept; raises what `make` raises."""
        if found := self.find(owner, name):
            return found
        made = make()
        self.put(owner, name, made)
        return made

    def find(self, owner: str, name: str) -> CleanImage | None:
        """Return an owner's copy if it is kept."""
        with self._lock:
            if found := self._copies.get((owner, name)):
                self._copies.move_to_end((owner, name))
            return found

    def put(self, owner: str, name: str, copy: CleanImage) -> None:
        """Keep a copy, in place of one of the same name."""
        with self._lock:
            self._drop((owner, name))
            self._copies[owner, name] = copy
            self.bytes += _counted(copy)
            while self.bytes > self._most:
                self._drop(next(iter(self._copies)))

    def _drop(self, key: tuple[str, str]) -> None:
        if gone := self._copies.pop(key, None):
            self.bytes -= _counted(gone)

    def forget(self, owner: str) -> None:
        """Drop an owner's copies."""
        with self._lock:
            for key in [key for key in self._copies if key[0] == owner]:
                self._drop(key)


def _counted(copy: CleanImage) -> int:
    return max(LEAST, len(copy.data))


previewed = PictureCache(16 * MIB)  # of 256 pixels: 60 kB of a photo, 0.85 MB of noise with alpha
displayed = PictureCache(32 * MIB)  # of 768 pixels: 300 kB of a photo


def forget(owner: str) -> None:
    """Drop every copy of an owner's pictures in this process; others check before they use one."""
    for cache in (previewed, displayed):
        cache.forget(owner)
