"""`/metrics` for Prometheus: with its token, or from trusted addresses where none is set; else 403.

Queued and running jobs are counted in the database at each request; the metrics of workers and
sweep come from their rows, labelled by process. Any one web server shows all of it.
"""

import hmac
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from web.language.problems import HTTPProblem
from web.security import address
from worker.jobs import queue_position
from worker.settings import settings
from worker.storage import processes

router = APIRouter(tags=["health"])


# What a collector on this machine sends. A proxy adds a header of its own, whatever its name is.
_PLAIN = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "host",
    "user-agent",
    "x-prometheus-scrape-timeout-seconds",
}


def _through_proxy(request: Request) -> bool:
    """Tell whether a request may have come through a proxy, whose address is not the client's."""
    set_up = settings().public_url or settings().trusted_proxies
    named = "metrics_from" in settings().model_fields_set
    old = request.scope.get("http_version") == "1.0"  # as plain proxies speak; no collector does
    return bool(set_up and not named) or old or not set(request.headers.keys()) <= _PLAIN


def allowed(request: Request) -> bool:
    """Tell whether the request has the token or, if none is set, comes from an allowed address."""
    if token := settings().metrics_token.get_secret_value():
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    return not _through_proxy(request) and address.among(
        address.of(request), settings().metrics_from
    )


def _line() -> Iterator[Metric]:
    jobs = GaugeMetricFamily("studio_jobs", "Jobs by state and queue.", labels=["state", "queue"])
    oldest = GaugeMetricFamily(
        "studio_oldest_waiting_seconds", "Age of the job that waits longest.", labels=["queue"]
    )
    stuck = GaugeMetricFamily(
        "studio_stuck_jobs", "Jobs that wait and that nobody may claim.", labels=["queue"]
    )
    for row in queue_position.lines():
        jobs.add_metric([row.state, row.queue], row.jobs)
        if row.oldest is not None:
            oldest.add_metric([row.queue], row.oldest)
            stuck.add_metric([row.queue], row.stuck)
    yield from (jobs, oldest, stuck)


def _processes() -> Iterator[Metric]:
    alive = GaugeMetricFamily("studio_processes", "Processes heard lately.", labels=["kind"])
    counted: dict[str, Metric] = {}
    for kind in ("worker", "sweep"):
        received = processes.counted(kind)
        alive.add_metric([kind], len(received))
        for process, metrics in received.items():
            for family in text_string_to_metric_families(metrics):
                name = family.name
                merged = counted.setdefault(name, Metric(name, family.documentation, family.type))
                for sample in family.samples:
                    labels = {**sample.labels, "process": process}
                    merged.add_sample(sample.name, labels, sample.value)
    yield alive
    yield from counted.values()


class Studio(Collector):
    """A collector of all metrics, for Prometheus' client library."""

    def collect(self) -> Iterator[Metric]:
        yield from _line()
        yield from _processes()


def text() -> bytes:
    """Return everything in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Studio())
    return generate_latest(registry)


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format; 403 without permission."""
    if not allowed(request):
        raise HTTPProblem(403, "metrics.forbidden")
    return Response(text(), headers={"content-type": CONTENT_TYPE_LATEST})
