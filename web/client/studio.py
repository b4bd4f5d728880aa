"""A studio, as one visitor: submit, list, cancel, fetch, watch."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from web.client.answers import Batch, Job, Standing, StudioError, Taught, read, read_batch
from web.client.cookies import OURS, known, named, remember
from web.client.parts import Limits, Part, Picture, divided

API = "/api/v1"
TRIES = 4  # of a request that got no answer, or "not now"
NOT_NOW = {429, 502, 503, 504}
LONGEST_PAUSE = 30.0  # seconds; if the server asks for a longer one, it gives up
OUTAGE = 120.0  # seconds a studio may be away while a job of it is watched
LOOK_SECONDS = 1.0  # between two looks when events don't come through
SILENCE = 30.0  # seconds without even a comment: the line is dead

PART_PAUSE = 10.0  # seconds at least before a part of many batches is sent again
PATIENCE = 3600.0  # seconds in which such a part must be accepted

Waiting = Callable[[StudioError, float], None]  # why a part was refused, and the seconds to wait


def _say_nothing(error: StudioError, seconds: float) -> None:
    pass


def _error(answer: httpx.Response) -> StudioError:
    """Return what an answer says went wrong, also when it is no problem+json."""
    said = answer.headers.get("retry-after", "")
    after = float(said) if said.isdigit() else 0.0
    with suppress(ValueError, KeyError, TypeError):
        problem = answer.json()
        detail = str(problem["detail"])
        return StudioError(answer.status_code, detail, after, str(problem.get("code", "")))
    return StudioError(answer.status_code, f"The studio answered {answer.status_code}.", after)


def _file(field: str, picture: Picture) -> tuple[str, tuple[str, bytes]]:
    data = picture.read_bytes() if isinstance(picture, Path) else picture
    return field, (picture.name if isinstance(picture, Path) else field, data)


def _progress(lines: Iterator[str]) -> Iterator[Standing]:
    """Yield what the `job` events of a stream say."""
    event = data = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            data = value
        elif not line and event == "job":
            yield read(Standing, json.loads(data))
            event = data = ""


class Studio:
    """One studio, as one visitor: by an API key, or by a cookie that is kept in `cookies`."""

    def __init__(self, url: str, cookies: Path | None = None, key: str = "") -> None:
        self.url = url.rstrip("/")
        self._file = cookies = None if key else cookies
        cookie = known(cookies).get(self.url) if cookies else None
        self._client = httpx.Client(
            base_url=self.url,
            cookies=named(cookie) if cookie else None,
            headers={"Authorization": f"Bearer {key}"} if key else None,
            timeout=httpx.Timeout(60, connect=10),
        )
        self._cookie = cookie
        self._has_key = bool(key)

    @property
    def is_new(self) -> bool:
        """True for a visitor whom the studio has not seen: without a key, and no cookie yet."""
        return not (self._cookie or self._has_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _keep_cookie(self) -> None:
        jar = self._client.cookies.jar
        given = {one.name: one.value for one in jar if one.value and OURS.fullmatch(one.name)}
        if not given:
            return
        name = max(given, key=len)  # with a prefix, if there is one
        if (kept := f"{name}={given[name]}") != self._cookie:
            self._cookie = kept
            self._client.cookies.clear()  # the one we came with has no domain; keep just one
            self._client.cookies.set(name, given[name])
            if self._file:
                remember(self._file, self.url, kept)

    def _ask(self, method: str, path: str, **rest: Any) -> httpx.Response:  # noqa: ANN401, httpx's
        """Return a good answer, trying again while there is none; raises `StudioError`."""
        for attempt in range(TRIES):
            try:
                answer = self._client.request(method, API + path, **rest)
            except httpx.TransportError as error:
                failure = StudioError(0, f"{self.url} does not answer: {error}")
            else:
                self._keep_cookie()
                if answer.is_success:
                    return answer
                failure = _error(answer)
                if answer.status_code not in NOT_NOW:
                    raise failure
            pause = failure.after or 0.5 * 2**attempt  # what the studio says, or ever longer
            if attempt == TRIES - 1 or pause > LONGEST_PAUSE:
                break
            time.sleep(pause)
        raise failure

    # ------------------------------------------------------------ verbs

    def submit(
        self,
        content: Picture,
        styles: Sequence[Picture] = (),
        masks: Sequence[Picture] = (),
        *,
        webhook: str = "",
        key: str = "",
        **options: object,
    ) -> Job:
        """Have a picture made, or a film where the content is one.

        Options are alpha, weights, color, size or fit, network, transfer, region, strokes,
        method, effort, loss, start and taught, the id of a style that you taught: it paints in
        its own paintings where there are no styles. Of a film: steady, weights_end and moving.

        Safe to repeat: a request whose answer got lost makes no second job, since it carries a
        key of its own (or `key`). Raises `StudioError`.
        """
        given = {"options": json.dumps(options)} | ({"webhook": webhook} if webhook else {})
        files = [
            _file("content", content),
            *(_file("style", style) for style in styles),
            *(_file("mask", mask) for mask in masks),
        ]
        return read(Job, self._send("/jobs", files, given, key))

    def _send(
        self,
        path: str,
        files: Sequence[tuple[str, tuple[str, bytes]]],
        given: Mapping[str, str],
        key: str,
    ) -> Any:  # noqa: ANN401, JSON
        """Send a form under a key; returns what was accepted."""
        if self.is_new:
            self._ask("GET", "/jobs", params={"limit": 1})  # get a cookie first
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._ask("POST", path, files=files, data=given, headers=headers).json()

    def get(self, job_id: str) -> Job:
        """Return one of your jobs; raises `StudioError`."""
        return read(Job, self._ask("GET", f"/jobs/{job_id}").json())

    def list(self) -> Iterator[Job]:
        """Yield your jobs, newest first, a page at a time; raises `StudioError`."""
        before: str | None = None
        while True:
            page = self._ask("GET", "/jobs", params={"before": before} if before else {}).json()
            yield from (read(Job, job) for job in page["jobs"])
            before = page["next"]
            if before is None:
                return

    def cancel(self, job_id: str) -> Job:
        """Cancel a job, unless it has ended; raises `StudioError`."""
        return read(Job, self._ask("DELETE", f"/jobs/{job_id}").json())

    def result(self, job_id: str) -> bytes:
        """Return the finished picture, a PNG file, or film; raises `StudioError`."""
        return self._ask("GET", f"/jobs/{job_id}/result").content

    def fetch(self, job_id: str, out: Path) -> None:
        """Write the finished picture or film to a file; raises `StudioError`."""
        self._download(f"/jobs/{job_id}/result", out)

    # ------------------------------------------------------------ taught styles

    def teach(
        self,
        photo: Picture,
        paintings: Sequence[Picture],
        *,
        kind: str = "feedforward",
        steps: int = 0,
        key: str = "",
    ) -> Job:
        """Have a style taught from paintings, in minutes; the photo shows what comes out.

        `kind` is feedforward or conditional, `steps` 0: as many as are usual. Once the job is
        done, its id is the option `taught` of other jobs. Safe to repeat, as `submit` is. Raises
        `StudioError`.
        """
        return self.submit(photo, paintings, key=key, teach=kind, steps=steps)

    def taught(self) -> Sequence[Taught]:
        """Return the styles that you taught, the latest first; raises `StudioError`."""
        return [read(Taught, one) for one in self._ask("GET", "/taught").json()]

    def taught_file(self, job_id: str) -> bytes:
        """Return the file of a taught style, for `python -m adain`; raises `StudioError`."""
        return self._ask("GET", f"/jobs/{job_id}/taught").content

    # ------------------------------------------------------------ batches

    def submit_batch(
        self,
        photos: Sequence[Picture],
        styles: Sequence[Picture],
        *,
        key: str = "",
        **options: object,
    ) -> Batch:
        """Have each photo made in each style.

        Options are alpha, color, size or fit, network, transfer, region, strokes, method,
        effort, loss, start and crop; crops and style_crops have one for each picture.

        Accepted whole or not at all. Safe to repeat, as `submit` is. Raises `StudioError`.
        """
        files = [
            *(_file("content", photo) for photo in photos),
            *(_file("style", style) for style in styles),
        ]
        return read_batch(self._send("/batches", files, {"options": json.dumps(options)}, key))

    def batch_limits(self) -> Limits:
        """Return what one batch may have; raises `StudioError`."""
        page = self._ask("GET", "/batches", params={"limit": 1}).json()
        return read(Limits, page["limits"]) if "limits" in page else Limits()

    def submit_batches(
        self,
        photos: Sequence[Picture],
        styles: Sequence[Picture],
        *,
        waiting: Waiting = _say_nothing,
        **options: object,
    ) -> Iterator[Batch]:
        """Have each photo made in each style, in as many batches as the studio's limits ask for.

        Options are those of `submit_batch`. Yields each batch when it is accepted. Parts after the
        first wait until the studio takes them; `waiting` is called before. Raises `StudioError`;
        batches that were yielded stay.
        """
        for number, part in enumerate(divided(photos, styles, self.batch_limits())):
            until = time.monotonic() + (PATIENCE if number else 0.0)
            key = str(uuid.uuid4())
            yield self._part(part, key, options, waiting, until)

    def _part(
        self, part: Part, key: str, options: Mapping[str, object], waiting: Waiting, until: float
    ) -> Batch:
        """Send one part, again while the studio says when to come back, until a time."""
        while True:
            try:
                own = part.options(options)
                return self.submit_batch(part.photos, part.styles, key=key, **own)
            except StudioError as error:
                pause = max(PART_PAUSE, error.after)
                if error.status not in NOT_NOW or time.monotonic() + pause > until:
                    raise
                waiting(error, pause)
                time.sleep(pause)

    def batch(self, batch_id: str) -> Batch:
        """Return one of your batches; raises `StudioError`."""
        return read_batch(self._ask("GET", f"/batches/{batch_id}").json())

    def cancel_batch(self, batch_id: str) -> Batch:
        """Cancel what has not ended of a batch; raises `StudioError`."""
        return read_batch(self._ask("DELETE", f"/batches/{batch_id}").json())

    def watch_batch(self, batch_id: str) -> Iterator[Batch]:
        """Yield the batch now and at each change, until all of it has ended."""
        last: Batch | None = None
        while last is None or not last.ended:
            found = self.batch(batch_id)
            if last is None or found.cells != last.cells:
                yield found
            last = found
            if not found.ended:
                time.sleep(LOOK_SECONDS)

    def fetch_batch(self, batch_id: str, out: Path) -> None:
        """Write the pictures of a batch that are done to a zip; raises `StudioError`."""
        self._download(f"/batches/{batch_id}/zip", out)

    def _download(self, path: str, out: Path) -> None:
        """Write what the studio answers to a file, which is there whole or not at all."""
        aside = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
        try:
            with self._client.stream("GET", API + path) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _error(answer)
                with aside.open("wb") as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)
            aside.replace(out)
        except httpx.TransportError as error:
            raise StudioError(0, f"{self.url} does not answer: {error}") from error
        finally:
            aside.unlink(missing_ok=True)

    def webhook_secret(self) -> str:
        """Make and return the secret of your webhooks; one made before is void."""
        return str(self._ask("POST", "/webhook-secret").json()["secret"])

    # ------------------------------------------------------------ watch

    def _listen(self, job_id: str) -> Iterator[Standing]:
        """Yield the job's progress as the server sends it; ends when the connection breaks."""
        patience = httpx.Timeout(10, read=SILENCE)
        try:
            with self._client.stream(
                "GET", f"{API}/jobs/{job_id}/events", timeout=patience
            ) as line:
                if line.headers.get("content-type", "").startswith("text/event-stream"):
                    yield from _progress(line.iter_lines())
        except (httpx.TransportError, ValueError, KeyError):
            return

    def _look(self, job_id: str) -> Standing:
        """Return where the job stands, by asking; waits while the studio is away."""
        until = time.monotonic() + OUTAGE
        while True:
            try:
                job = self.get(job_id)
            except StudioError as error:
                if error.status not in NOT_NOW | {0} or time.monotonic() > until:
                    raise
            else:
                names = [field.name for field in fields(Standing)]
                return Standing(**{name: getattr(job, name) for name in names})

    def _follow(self, job_id: str) -> Iterator[Standing]:
        """Yield the job's queue positions by events as long as they come, else by asking."""
        listens = True
        while True:
            if listens:
                listens = False
                for job_progress in self._listen(job_id):
                    listens = True
                    yield job_progress
            yield self._look(job_id)
            time.sleep(LOOK_SECONDS)

    def watch(self, job_id: str) -> Iterator[Standing]:
        """Yield where the job stands, now and at each change, until it has ended.

        By events; by asking again and again where these don't come through. Outlives a studio
        that is away for a while. Raises `StudioError`.
        """
        last: Standing | None = None
        for job_progress in self._follow(job_id):
            if job_progress != last:
                last = job_progress
                yield job_progress
            if job_progress.ended:
                return
