"""What a studio tells: jobs, batches, errors."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

ENDED = frozenset({"done", "failed", "cancelled"})


class StudioError(Exception):
    """The studio said no, or did not answer (status 0); the message is a sentence.

    `code` says the same to programs; "": there is none.
    """

    def __init__(self, status: int, sentence: str, after: float = 0.0, code: str = "") -> None:
        super().__init__(sentence)
        self.status, self.code = status, code
        self.after = after  # seconds until it may be accepted; 0: not said


@dataclass(frozen=True)
class Standing:
    """Where a job stands; `position` 1 is next, 0 does not wait; `progress` is in [0, 1]."""

    id: str
    state: str  # queued, running, done, failed or cancelled
    position: int
    stage: str
    progress: float
    error: str | None
    step: int = field(default=0, kw_only=True)  # of a method of steps, from 1; 0: none
    steps: int = field(default=0, kw_only=True)  # that it takes

    @property
    def ended(self) -> bool:
        """True in a final state: done, failed or cancelled."""
        return self.state in ENDED


@dataclass(frozen=True)
class Job(Standing):
    """A job with all that is known of it; times are epoch seconds."""

    estimate: float | None
    submitted: float
    started: float | None
    finished: float | None
    elapsed: float
    options: Mapping[str, Any]
    styles: int
    masks: int
    width: int
    height: int
    timings: Mapping[str, float]
    network: str | None
    notices: Sequence[str] = ()  # what was done to its pictures


@dataclass(frozen=True)
class Taught:
    """A style that you taught; its id is the option `taught` of later jobs."""

    id: str
    title: str
    kind: str  # feedforward or conditional
    network: str
    submitted: float


@dataclass(frozen=True)
class Cell:
    """One picture of a batch: a job, with its photo and its style, counted from 0."""

    id: str
    photo: int
    style: int
    state: str
    progress: float
    error: str | None


@dataclass(frozen=True)
class Batch:
    """Many photos in many styles, sent together; `progress` is in [0, 1]."""

    id: str
    submitted: float
    elapsed: float
    photos: Sequence[str]
    styles: Sequence[str]
    options: Mapping[str, Any]
    counts: Mapping[str, int]  # how many pictures are in which state
    progress: float
    position: int
    estimate: float | None
    cells: Sequence[Cell]

    @property
    def ended(self) -> bool:
        """True in a final state: done, failed or cancelled."""
        return all(cell.state in ENDED for cell in self.cells)


Kind = TypeVar("Kind")


def read(kind: type[Kind], given: Mapping[str, Any]) -> Kind:
    """Make one from JSON; what a newer server says beyond it is ignored.

    What an older one does not say has its default, if there is one.
    """
    known = fields(kind)  # type: ignore[arg-type]
    needed = (one.name for one in known if one.name in given or one.default is MISSING)
    return kind(**{name: given[name] for name in needed})


def read_batch(given: Mapping[str, Any]) -> Batch:
    return read(Batch, {**given, "cells": [read(Cell, cell) for cell in given["cells"]]})
