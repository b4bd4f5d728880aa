"""The way of a job as a trace, taken by a collector that is a real server."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.parts import Setting, picture
from worker import jobs
from worker.jobs import traces
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.settings import BadSetting, settings


@pytest.fixture
def collected(queued_studio: Path, setting: Setting) -> Iterator[list[Span]]:
    """The spans that a collector got."""
    spans: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = ExportTraceServiceRequest.FromString(
                self.rfile.read(int(self.headers["content-length"]))
            )
            for resource in asked.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever).start()
    setting(otlp_endpoint=f"http://127.0.0.1:{server.server_port}/v1/traces")
    traces._processor.cache_clear()
    yield spans
    traces._processor().shutdown()  # type: ignore[no-untyped-call]
    traces._processor.cache_clear()
    server.shutdown()
    server.server_close()


def test_a_job_is_one_trace_from_its_submission_to_its_last_stage(
    collected: list[Span],
) -> None:
    job = jobs.submit("ann", picture(64, 48), [picture()], options={"size": 64})
    pipeline.answer(Worker())
    traces.flush()
    assert {span.trace_id for span in collected} == {UUID(job.id).bytes}
    by_name = {span.name: span for span in collected}
    assert set(by_name) == {"submit", "wait", "make", *traces.STAGES}
    root, make = by_name["submit"], by_name["make"]
    assert (root.span_id, root.parent_span_id) == (UUID(job.id).bytes[8:], b"")
    assert {by_name[name].parent_span_id for name in ("wait", "make")} == {root.span_id}
    stages = [by_name[name] for name in traces.STAGES]
    assert {stage.parent_span_id for stage in stages} == {make.span_id}
    times = [time for one in stages for time in (one.start_time_unix_nano, one.end_time_unix_nano)]
    assert times == sorted(times)
    fields = {one.key: one.value for one in make.attributes}
    assert (fields["state"].string_value, fields["attempt"].int_value) == ("done", 1)


def test_a_collector_that_is_away_holds_up_no_job(queued_studio: Path, setting: Setting) -> None:
    setting(otlp_endpoint="http://127.0.0.1:9/v1/traces")
    traces._processor.cache_clear()
    job = jobs.submit("ann", picture(64, 48), [picture()], options={"size": 64})
    pipeline.answer(Worker())
    assert jobs.find(job.id).status == "done"
    traces._processor().shutdown()  # type: ignore[no-untyped-call]
    traces._processor.cache_clear()


def test_without_the_package_the_setting_is_refused(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)
    setting(otlp_endpoint="http://127.0.0.1:9/v1/traces")
    with pytest.raises(BadSetting, match="install the extra traces"):
        settings()
