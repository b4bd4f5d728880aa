"""The cache of small copies: bounded in bytes, one owner's copies are dropped together."""

import pytest

from web.http.picture_cache import LEAST, PictureCache
from worker.images.images import CleanImage


def copy(size: int) -> CleanImage:
    return CleanImage(bytes(size), "png", 1, 1)


def not_made() -> CleanImage:
    raise AssertionError("it should have been kept")


def test_the_bytes_of_what_is_kept_stay_within_the_bound() -> None:
    cache = PictureCache(100 * LEAST)
    for number in range(50):
        cache.put("ann", f"large {number}", copy(9 * LEAST))
        assert cache.bytes <= 100 * LEAST
    assert cache.bytes == 99 * LEAST
    for number in range(500):
        cache.put("ann", f"tiny {number}", copy(1))
    assert cache.bytes == 100 * LEAST


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = PictureCache(2 * LEAST)
    for name in ("one", "two"):
        cache.put("ann", name, copy(LEAST))
    cache.get("ann", "one", not_made)
    cache.put("ann", "three", copy(LEAST))
    cache.get("ann", "one", not_made)
    assert cache.get("ann", "two", lambda: copy(2)).data == bytes(2)


def test_a_copy_larger_than_the_bound_is_returned_and_not_kept() -> None:
    cache = PictureCache(2 * LEAST)
    assert len(cache.get("ann", "one", lambda: copy(3 * LEAST)).data) == 3 * LEAST
    assert cache.bytes == 0


def test_one_owners_copies_are_dropped_and_no_others() -> None:
    cache = PictureCache(10 * LEAST)
    for owner in ("ann", "ben"):
        cache.put(owner, "one", copy(LEAST))
    cache.forget("ann")
    assert cache.bytes == LEAST
    cache.get("ben", "one", not_made)
    with pytest.raises(AssertionError):
        cache.get("ann", "one", not_made)
