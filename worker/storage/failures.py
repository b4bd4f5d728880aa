"""What can be wrong with the storage of pictures, in one place.

A picture that is missing or damaged is the fault of that picture; a storage that is full, refuses
or does not answer is the fault of none.
"""

import contextlib
import errno
from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLIENTS = {"aiobotocore", "aiohttp", "botocore", "fsspec", "s3fs"}  # whose errors are the store's


class BlobMissing(Exception):
    """A picture that should be there and is not; the message is its key."""


class BlobDamaged(Exception):
    """A picture that is not the one that was put; the message is its key."""


class StrangeKey(ValueError):
    """A key that the studio does not make; the message is the key."""


class StorageFull(Exception):
    """There is no room for another picture."""


class StorageAway(Exception):
    """The storage refuses, or does not answer; no single picture is to blame."""


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Raise `StorageFull` in place of the OSError of a disk without room."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The storage for pictures is full.") from error
        raise


def _is_the_stores(error: Exception) -> bool:
    """Tell whether the storage raised it; else it is a mistake of ours or a time limit."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or not libraries.isdisjoint(_CLIENTS)


@contextlib.contextmanager
def classified() -> Iterator[None]:
    """Raise `StorageFull` or `StorageAway` in place of what the storage raises."""
    try:
        with full_disk():
            yield
    except Exception as error:
        if _is_the_stores(error):
            raise StorageAway("The storage for pictures refuses or is away.") from error
        raise
