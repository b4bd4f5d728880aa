"""A visitor of a studio somewhere else, who asks again while a part of it is away."""

import time
import uuid
from typing import Any

import httpx

from tests.parts import picture

PATIENCE = 600.0  # seconds until an answer, a job or a start is given up
AWAY = {502, 503, 504}
LONG = '{"size": 1024}'  # some seconds of work: time enough to be interrupted
SHORT = '{"size": 256}'


class Visitor:
    """Speaks to the API of one studio, with the cookie it was given."""

    def __init__(
        self,
        address: str,
        cookies: httpx.Cookies | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.address = address
        self.headers = headers or {}  # of every request
        self._client = httpx.Client(
            base_url=address, cookies=cookies, headers=self.headers, timeout=60
        )

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        """Return the answer; asks again while no part or no database answers."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.request(method, path, **more)
                if answer.status_code not in AWAY or time.monotonic() > end:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.3)

    def until_ready(self) -> None:
        answer = self.ask("GET", "/readyz")
        assert answer.status_code == 200, answer.text

    def submit(self, options: str = SHORT) -> str:
        """Send a job, once however often it is asked; return its id."""
        files = [("content", picture(640, 480)), ("style", picture(96, 96, color="orange"))]
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        form = {"options": options}
        answer = self.ask("POST", "/api/v1/jobs", files=files, data=form, headers=headers)
        assert answer.status_code in {200, 201, 202}, answer.text
        return str(answer.json()["id"])

    def state(self, job: str) -> str:
        answer = self.ask("GET", f"/api/v1/jobs/{job}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["state"])

    def until(self, job: str, *wanted: str) -> str:
        """Wait until a job has one of these states; return it."""
        end = time.monotonic() + PATIENCE
        while (state := self.state(job)) not in wanted:
            assert time.monotonic() < end, f"job {job} is {state} and never {' or '.join(wanted)}"
            time.sleep(0.1)
        return state

    def result(self, job: str) -> bytes:
        """Return the picture of a job that is done."""
        answer = self.ask("GET", f"/api/v1/jobs/{job}/result")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(b"\x89PNG")
        return answer.content

    def paint(self) -> float:
        """Have a picture made; return the seconds from sending it to having it."""
        begun = time.monotonic()
        job = self.submit()
        assert self.until(job, "done", "failed") == "done"
        self.result(job)
        return time.monotonic() - begun
