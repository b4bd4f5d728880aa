"""What every process says on stderr, one line a time."""

import logging

from worker.settings import settings

_CHATTY = ("alembic.runtime.plugins", "celery.app.trace", "celery.worker.strategy", "PIL")


def start() -> None:
    """Set up logging for this process."""
    logging.basicConfig(
        level=settings().log_level,
        format="%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s",
        force=True,
    )
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
