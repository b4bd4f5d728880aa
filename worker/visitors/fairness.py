"""Max-min fairness: which files are deleted when storage that visitors share is full.

The owner who keeps most loses its oldest file first, within these rules:

- an owner who keeps no more than the guaranteed share loses nothing to others;
- an owner loses nothing to another who would then keep more;
- an owner who has no job older than a day takes nothing from owners who have one.

Works for any kind of file: the caller says how much each owner keeps and what may be deleted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs import Job
from worker.settings import settings
from worker.storage.database import now

NEW = 86400.0  # seconds after an owner's first job until it may take room from older owners

Free = Callable[[str], Iterator[tuple[str, int]]]  # an owner's files that may go, oldest first


def share(total: int) -> int:
    """Return how many of `total` bytes each owner is guaranteed; 0 where none is."""
    most = settings().guaranteed_owners
    return total // most if most else 0


def _is_new(session: Session, owner: str) -> bool:
    """Tell whether no job of the owner is older than a day."""
    old = Job.owner == owner, Job.submitted < now() - NEW
    return session.scalar(select(Job.id).where(*old).limit(1)) is None


@dataclass(frozen=True)
class Asks:
    """The submission that room is made for; owner "": none, the limit was lowered."""

    owner: str = ""
    needed: int = 0  # bytes that are still to come
    share: int = 0  # who keeps no more loses nothing
    newcomer: bool = False  # takes nothing from older owners

    def spares(self, session: Session, other: str) -> bool:
        """Tell whether another owner loses nothing to this one, however much it keeps."""
        return self.newcomer and other != self.owner and not _is_new(session, other)


def of(session: Session, owner: str, needed: int, total: int) -> Asks:
    """Return what an owner asks for who brings so many bytes into a room of so many in all."""
    return Asks(owner, needed, share(total), _is_new(session, owner))


def chosen(
    session: Session, asks: Asks, kept: Mapping[str, int], free: Free, size: int
) -> list[str] | None:
    """Return files that together take so much, each of who keeps most at that point.

    None: there are not enough within the rules. `kept` has the bytes of each owner.
    """
    sums = dict(kept)
    if asks.owner:
        sums[asks.owner] = sums.get(asks.owner, 0) + asks.needed
    # who keeps most comes first; of equals the one who asks
    heap = [(-most, one != asks.owner, one) for one, most in sums.items() if most > asks.share]
    heapify(heap)
    files: dict[str, Iterator[tuple[str, int]]] = {}
    found: list[str] = []
    while size > 0 and heap:
        most, other, owner = heappop(heap)
        if owner not in files:
            files[owner] = iter(()) if asks.spares(session, owner) else free(owner)
        file, bytes_ = next(files[owner], ("", 0))
        if file:
            found.append(file)
            size -= bytes_
            if -most - bytes_ > asks.share:
                heappush(heap, (most + bytes_, other, owner))
        elif not other:
            break  # all others keep less
    return found if size <= 0 else None
