"""Gradio sessions of the page: few and short-lived, since each keeps what its visitor sent.

The page does not depend on one: a visitor whose session was dropped gets a new one with the next
event.
"""

import time

from fastapi import FastAPI
from gradio.state_holder import SessionState, StateHolder

from web.page import gradio_routes

MOST = 64  # sessions; each takes 0.1 MB and up to the largest event, 1 MiB
IDLE = 600.0  # seconds without an event after which a session ends


class Sessions(StateHolder):
    """Gradio's sessions in the order of their last use."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._used: dict[str, float] = {}  # by the monotonic clock, oldest first

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session, new if there is none; those that were idle for too long end."""
        with self.lock:
            self._used.pop(session_id, None)
            self._used[session_id] = time.monotonic()
            for old, used in tuple(self._used.items()):
                fresh = len(self._used) <= MOST and used > time.monotonic() - IDLE
                if fresh or old == session_id:
                    break
                del self._used[old]
                self.session_data.pop(old, None)
                self.time_last_used.pop(old, None)
        state: SessionState = super().__getitem__(session_id)
        return state


def limit(app: FastAPI) -> None:
    """Let the page that is mounted in an application keep its sessions so."""
    page = gradio_routes.page_of(app)
    sessions = Sessions()
    sessions.set_blocks(page.get_blocks())
    page.state_holder = sessions
