"""OpenTelemetry traces of jobs, if the settings name a collector; off otherwise.

The trace id is the job's id and the root span's id its last half, so every process that knows the
job adds to its trace and no context travels through the queue. Spans are recorded when they are
over, from the times in the job's row.
"""

import os
import socket
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker.settings import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from worker.jobs import Job

STAGES = ("load", "styles", "content", "picture", "done", "save")  # of an attempt, in order


@cache
def _processor() -> "BatchSpanProcessor":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(settings().otlp_endpoint, timeout=5)
    return BatchSpanProcessor(exporter, schedule_delay_millis=1000)


@cache
def _resource() -> Any:  # noqa: ANN401, of a package that may be missing
    from opentelemetry.sdk.resources import Resource

    import adain

    return Resource(
        {
            "service.name": "adain-studio",
            "service.version": adain.__version__,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
    )


def _span(
    job_id: str,
    name: str,
    begun: float,
    ended: float,
    *,
    span_id: int,
    parent: int,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Record a span; times are epoch seconds, `parent` 0 is none."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, TraceFlags

    def context(number: int) -> SpanContext:
        return SpanContext(UUID(job_id).int, number, False, TraceFlags(TraceFlags.SAMPLED))

    span = ReadableSpan(
        name,
        context(span_id),
        context(parent) if parent else None,
        _resource(),
        {"job": job_id} | (attributes or {}),
        start_time=round(begun * 1e9),
        end_time=round(ended * 1e9),
    )
    _processor().on_end(span)


def _root(job_id: str) -> int:
    return UUID(job_id).int & (1 << 64) - 1


def _fresh() -> int:
    return int.from_bytes(os.urandom(8), "big") | 1  # 0 is none


def submitted(job: "Job", begun: float) -> None:
    """Record that a job was accepted, from the epoch second `begun` until now."""
    if not settings().otlp_endpoint:
        return
    fields = {"network": job.network, "size": job.options["size"], "bytes": job.bytes}
    _span(job.id, "submit", begun, time.time(), span_id=_root(job.id), parent=0, attributes=fields)


def _stages(job: "Job") -> Iterator[tuple[str, float, float]]:
    """Yield name, begin and end of an attempt's stages, one after the other."""
    at = job.started or 0.0
    for name in STAGES:
        if took := job.timings.get(name):
            yield name, at, at + took
            at += took


def ended(job: "Job") -> None:
    """Record how a job waited and was made, when it has ended."""
    if not settings().otlp_endpoint:
        return
    root, attempt = _root(job.id), _fresh()
    begun, end = job.started or job.finished or 0.0, job.finished or 0.0
    _span(job.id, "wait", job.submitted, begun, span_id=_fresh(), parent=root)
    if not job.started:
        return
    fields = {"attempt": job.attempt, "state": str(job.status), "worker": job.worker or ""}
    fields |= {"device": job.device or "", "together": job.together, "error": job.error or ""}
    _span(job.id, "make", begun, end, span_id=attempt, parent=root, attributes=fields)
    for name, since, until in _stages(job):
        _span(job.id, name, since, until, span_id=_fresh(), parent=attempt)


def flush() -> None:
    """Send what is left, before the process ends."""
    if settings().otlp_endpoint:
        _processor().force_flush(5000)
