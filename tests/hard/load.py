"""`make load`: many visitors at once on a studio of this machine, each with an address of its own.

They submit pictures of half a megapixel, look after them, browse and cancel, while a worker is
busy. Starts its own studio, sends requests to no other, and ends by itself. Prints figures; the
exit code says whether anything but a deliberate 429 went wrong.
"""

from locust import FastHttpUser, between, events, task  # first: it changes how sockets wait
from locust.env import Environment

# isort: split

import argparse
import io
import json
import os
import sys
import time
from collections import Counter
from itertools import count
from statistics import mean
from typing import Any

import psutil
from PIL import Image

from tests.hard import whole

CORNER = "load-test-boundary"
GROWTH = 100.0  # MB by which memory may differ between the second minute and the last
TOO_SLOW = 500  # ms

_numbers = count(1)
_answers: Counter[str] = Counter()


def _picture(width: int, height: int, noise: float) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), noise).convert("RGB").save(out, "JPEG", quality=88)
    return out.getvalue()


def _form() -> bytes:
    """Return the body of a submission: a photo of half a megapixel, a style, the options."""
    parts = {
        'name="content"; filename="photo.jpg"': _picture(820, 610, 40),
        'name="style"; filename="style.jpg"': _picture(512, 512, 90),
        'name="options"': b'{"size": 512}',
    }
    lines = [
        f"--{CORNER}\r\nContent-Disposition: form-data; {what}\r\n\r\n".encode() + data + b"\r\n"
        for what, data in parts.items()
    ]
    return b"".join(lines) + f"--{CORNER}--\r\n".encode()


FORM = _form()
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={CORNER}"}


class Visitor(FastHttpUser):
    """A visitor who makes pictures for some minutes."""

    wait_time = between(3, 9)

    def on_start(self) -> None:
        """Come from an address that no other visitor has."""
        number = next(_numbers)
        self.address = {"X-Forwarded-For": f"10.7.{number // 250}.{number % 250 + 1}"}
        self.jobs: list[str] = []

    def _ask(self, method: str, path: str, name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        more["headers"] = self.address | more.get("headers", {})
        with self.client.request(method, path, name=name, catch_response=True, **more) as answer:
            _answers[f"{name}: {answer.status_code}"] += 1
            if answer.status_code == 429:
                answer.success()  # deliberate
                return {}
            if answer.status_code not in {200, 201, 202}:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:200]}")
                return {}
            body: dict[str, Any] = json.loads(answer.text)
            return body

    @task(2)
    def submit(self) -> None:
        """Send a picture."""
        reported = self._ask("POST", "/api/v1/jobs", "submit", data=FORM, headers=FORM_TYPE)
        if reported:
            self.jobs.append(reported["id"])

    @task(6)
    def poll(self) -> None:
        """Look how far the latest is."""
        if self.jobs:
            self._ask("GET", f"/api/v1/jobs/{self.jobs[-1]}", "poll")

    @task(2)
    def browse(self) -> None:
        """Look at what others published, and at the own."""
        self._ask("GET", "/api/v1/gallery?scope=public", "browse")
        self._ask("GET", "/api/v1/jobs", "mine")

    @task(1)
    def cancel(self) -> None:
        """Think better of one."""
        if self.jobs:
            self._ask("DELETE", f"/api/v1/jobs/{self.jobs.pop()}", "cancel")


def _memory(web: int) -> float:
    """Return the MB of the web process and of the decoders it started."""
    process = psutil.Process(web)
    return float(sum(one.memory_info().rss for one in [process, *process.children()])) / 1e6


def _watch(web: int, seconds: float) -> list[float]:
    """Look at the memory every five seconds until the time is over."""
    seen, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(5)  # locust made it wait as gevent does
        seen.append(_memory(web))
    return seen


def _report(environment: Environment, seen: list[float]) -> bool:
    """Print the figures; tell whether they are as they should be."""
    print("\n| | requests | failed | median | 95 % | 99 % |\n|---|---|---|---|---|---|")
    for (name, _), one in sorted(environment.stats.entries.items()):
        times = " | ".join(
            f"{one.get_response_time_percentile(p):.0f} ms" for p in (0.5, 0.95, 0.99)
        )
        print(f"| {name} | {one.num_requests} | {one.num_failures} | {times} |")
    print(f"\nanswers: {dict(sorted(_answers.items()))}")
    for error in environment.stats.errors.values():
        print(f"failed {error.occurrences} times: {error.name} {error.error}")
    sent = sum(times for answer, times in _answers.items() if answer.startswith("submit"))
    accepted = _answers["submit: 201"] + _answers["submit: 202"]
    limited = _answers["submit: 429"]
    within = accepted / max(1, sent - limited)
    early, late = mean(seen[len(seen) // 5 : len(seen) // 5 * 2]), mean(seen[-len(seen) // 5 :])
    print(f"submissions: {sent}, over a limit {limited}, accepted {accepted}: {within:.1%}")
    print(
        f"memory of web: {early:.0f} MB early, {late:.0f} MB at the end, at most {max(seen):.0f} MB"
    )
    print(f"load average: {os.getloadavg()[1]:.1f} over five minutes, {os.cpu_count()} cores")
    submit = environment.stats.get("submit", "POST").get_response_time_percentile(0.95)
    print(f"submit, 95 %: {submit:.0f} ms, wanted under {TOO_SLOW} ms on a machine of its own")
    return within >= 0.95 and environment.stats.total.num_failures == 0 and late - early < GROWTH


def _visit(studio: whole.Studio, visitors: int, seconds: float) -> bool:
    environment = Environment(user_classes=[Visitor], events=events, host=studio.address)
    runner = environment.create_local_runner()
    runner.start(visitors, spawn_rate=visitors / 20)
    try:
        return _report(environment, _watch(studio.web, seconds))
    finally:
        runner.quit()


def main() -> None:
    """Run for some minutes and print what came of it."""
    parser = argparse.ArgumentParser("python -m tests.hard.load", description=__doc__)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    args = parser.parse_args()
    with whole.studio(trusted_proxies="127.0.0.1") as studio:
        well = _visit(studio, args.visitors, min(args.seconds, 300))
    sys.exit(not well)


if __name__ == "__main__":
    main()
