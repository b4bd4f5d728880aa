"""WALKS random walks through the states of jobs: see tests/walks.py, and `make walks`."""

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import walks
from tests.walks import SEED, STEPS, WALKS, Walk
from worker.jobs import queue
from worker.storage import database


@pytest.mark.timeout(0 if WALKS > 100 else 600)
def test_no_walk_leaves_a_job_stuck_or_lost(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MAX_ATTEMPTS", "5")  # so that it is unset afterwards
    monkeypatch.setattr(queue, "away_until", math.inf)
    walks.COUNTED.clear()
    with walks.faults():
        run_state_machine_as_test(
            seed(SEED)(Walk),
            settings=settings(
                max_examples=WALKS,
                stateful_step_count=STEPS,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    text = ", ".join(f"{count} {what}" for what, count in walks.COUNTED.items())
    print(f"{database.engine().dialect.name}, seed {SEED}: {text}, 0 stuck, 0 lost")
    assert walks.COUNTED["walks"] >= WALKS
