"""The visitor that a request is counted for: by rate limits and in the queue of decoding."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Visitor:
    """Who asks: an owner, at an origin ("": none is known)."""

    owner: str
    origin: str = ""

    @property
    def address(self) -> str:
        """What requests are counted by: the origin, or the owner where none is known."""
        return self.origin or self.owner


STUDIO = Visitor("")  # this program itself, acting for no visitor
