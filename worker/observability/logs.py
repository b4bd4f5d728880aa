"""Logging to stderr, one line a message: text for people, or JSON for a collector.

A line about a job begins with "job" and its id; JSON has the id in a field of its own, so one id
finds a job's lines of web server, worker and sweep.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

from worker import masks
from worker.settings import settings

LONGEST = 4000  # characters of a message
FRAMES = 30  # of a traceback as JSON
_CHATTY = ("alembic.runtime.plugins", "celery.app.trace", "celery.worker.strategy", "PIL")


def _job(logger: object, method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    if str(record.msg).startswith("job %s"):
        event["job"] = event["event"].split()[1]
    event["process"] = record.process
    return event


def _line(text: str) -> str:
    """Return a message as one line of a bounded length: a visitor may have written part of it."""
    printed = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[: LONGEST + 1])
    return printed if len(text) <= LONGEST else printed[:LONGEST] + "…"


class _Text(logging.Formatter):
    """One line a message; a traceback follows as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, logging's
        record.message = _line(record.message)
        return super().formatMessage(record)


def _bounded(logger: object, method: str, event: EventDict) -> EventDict:
    event["event"] = _line(str(event["event"]))
    return event


def _is_step(record: logging.LogRecord) -> bool:
    """Tell whether Alembic says that it changes tables, not that it looked at them."""
    return str(record.msg).startswith("Running")


# without the values of variables: cookies, keys and passwords are among them
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=FRAMES)


def _json() -> logging.Formatter:
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        _job,
        _bounded,
        structlog.processors.ExceptionRenderer(_TRACEBACK),
    ]
    after: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=after)


def start() -> None:
    handler = logging.StreamHandler(masks.stream(sys.stderr))
    text = _Text("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")
    handler.setFormatter(_json() if settings().log_format == "json" else text)
    logging.basicConfig(level=settings().log_level, handlers=[handler], force=True)
    logging.getLogger("alembic.runtime.migration").addFilter(_is_step)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
