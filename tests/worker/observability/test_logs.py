import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import Setting, picture
from worker import jobs
from worker.errors import Message
from worker.observability import logs

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Afterwards the handlers are as they were."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_as_json_a_jobs_lines_carry_its_id(studio: Path, setting: Setting, capsys: Said) -> None:
    setting(log_format="json")
    logs.start()
    job = jobs.submit("ann", picture(), [picture()])
    jobs.claim("a worker")
    jobs.fail(job.id, 1, Message("job.out_of_memory"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    of_it = [line["event"] for line in lines if line.get("job") == job.id]
    assert of_it[0] == f"job {job.id} queued"
    assert of_it[-1] == f"job {job.id} attempt 1 failed"
    assert all({"level", "logger", "timestamp", "process"} <= set(line) for line in lines)


def test_as_json_a_traceback_stays_on_its_line(setting: Setting, capsys: Said) -> None:
    setting(log_format="json")
    logs.start()
    error = ZeroDivisionError("a reason")
    logging.getLogger("x").error("job %s failed", "7", exc_info=error)
    [line] = map(json.loads, capsys.readouterr().err.splitlines())
    assert line["job"] == "7"
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_has_no_values_of_variables_and_an_end(
    setting: Setting, capsys: Said, form: str
) -> None:
    setting(log_format=form)
    logs.start()

    def fails(cookie: str, depth: int = 200) -> None:
        if depth:
            return fails(cookie, depth - 1)
        raise ZeroDivisionError

    try:
        fails("hush" + "-hush" * 1000)
    except ZeroDivisionError:
        logging.getLogger("x").exception("unforeseen")
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "hush-hush" not in said
    assert len(said) < 30_000


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_password_in_a_line_or_its_traceback_is_masked(
    setting: Setting, capsys: Said, form: str
) -> None:
    setting(log_format=form)
    logs.start()
    error = OSError("no answer from postgresql://studio:hush-hush@db/studio")
    logging.getLogger("x").error("redis://:hush-hush@queue/0 is away", exc_info=error)
    said = capsys.readouterr().err
    assert "redis://:********@queue/0 is away" in said
    assert "postgresql://studio:********@db/studio" in said
    assert "hush" not in said


def test_for_people_a_line_is_text(setting: Setting, capsys: Said) -> None:
    logs.start()
    logging.getLogger("x").warning("job %s waits", "7")
    said = capsys.readouterr().err
    assert "WARNING" in said
    assert "x: job 7 waits" in said


@pytest.mark.parametrize("kind", ["text", "json"])
def test_what_a_visitor_wrote_makes_no_line_of_its_own(
    setting: Setting, capsys: Said, kind: str
) -> None:
    setting(log_format=kind)
    logs.start()
    logging.getLogger("a").warning("said: %s", "x\nERROR forged\x1b[31m" + "y" * 100_000)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "\x1b" not in said
    assert len(said) < 2 * logs.LONGEST
