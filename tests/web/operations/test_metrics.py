import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.parts import Setting, picture
from tests.web.served import served
from web import app
from worker import jobs
from worker.observability import metrics
from worker.storage import processes

HERE = ("127.0.0.1", 50000)
TOKEN = "a token of the collector's"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), client=HERE) as made:
        yield made


def read(client: TestClient) -> dict[tuple[str, str], float]:
    """Return the samples by name and the labels' values, joined."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_lines_are_as_long_as_the_database_says(client: TestClient, setting: Setting) -> None:
    setting(heavy_pixels=1000 * 1000)
    for side in (64, 64, 1024):
        jobs.submit("ann", picture(side, side), [picture()], options={"size": 0})
    jobs.claim("a worker")
    found = read(client)
    assert found["studio_jobs", "light queued"] == 1
    assert found["studio_jobs", "light running"] == 1
    assert found["studio_jobs", "heavy queued"] == 1
    assert found["studio_oldest_waiting_seconds", "light"] >= 0
    assert found["studio_oldest_waiting_seconds", "heavy"] >= 0


def test_an_empty_studio_has_lines_of_no_length(client: TestClient) -> None:
    found = read(client)
    assert found["studio_jobs", "light queued"] == found["studio_jobs", "heavy running"] == 0
    assert found["studio_oldest_waiting_seconds", "light"] == 0
    assert found["studio_processes", "worker"] == 0


def test_what_every_process_counted_is_there_under_its_name(client: TestClient) -> None:
    metrics.FAILED.labels("BlobMissing").inc(3)
    metrics.STAGES.labels("picture").observe(0.3)
    counted = metrics.exposition()
    for name in ("here:1", "there:1"):
        processes.touch(name, "worker", {}, counted)
    found = read(client)
    assert found["studio_processes", "worker"] == 2
    for name in ("here:1", "there:1"):
        assert found["studio_failures_total", f"{name} BlobMissing"] >= 3
        assert found["studio_stage_seconds_count", f"{name} picture"] >= 1


def test_a_process_that_went_is_counted_no_more(client: TestClient) -> None:
    processes.touch("here:1", "worker", {}, metrics.exposition())
    processes.gone("here:1")
    assert not [labels for _, labels in read(client) if "here:1" in labels]


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 403),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, 403),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, 403),
        ("127.0.0.1", {"x-real-ip": "127.0.0.1"}, 403),
        ("127.0.0.1", {"via": "1.1 proxy"}, 403),
        ("127.0.0.1", {"cf-connecting-ip": "127.0.0.1"}, 403),
        ("127.0.0.1", {"x-of-a-proxy-that-nobody-knows": "1"}, 403),
        ("127.0.0.1", {"x-prometheus-scrape-timeout-seconds": "10"}, 200),
        ("127.0.0.1", {"authorization": "Bearer guessed"}, 200),
    ],
)
def test_without_a_token_only_this_machine_sees_them(
    studio: Path, peer: str, headers: dict[str, str], status: int
) -> None:
    with TestClient(app.without_page(), client=(peer, 50000)) as client:
        assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    "behind",
    [{"public_url": "https://studio.example"}, {"trusted_proxies": "127.0.0.1"}],
    ids=str,
)
def test_a_studio_behind_a_proxy_shows_them_to_no_address_unless_one_is_named(
    studio: Path, setting: Setting, behind: dict[str, str]
) -> None:
    setting(**behind)
    with TestClient(app.without_page(), client=HERE) as client:
        assert client.get("/metrics").status_code == 403
        setting(metrics_from="127.0.0.1")
        assert client.get("/metrics").status_code == 200


def test_a_proxy_that_adds_no_header_is_known_by_its_old_protocol(studio: Path) -> None:
    with (
        served() as address,
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 20) as wire,
    ):
        wire.sendall(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert wire.recv(20).split()[1] == b"403"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"authorization": "Bearer guessed"}, 403),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_a_token_opens_them_from_anywhere_and_nothing_else_does(
    studio: Path, setting: Setting, headers: dict[str, str], status: int
) -> None:
    setting(metrics_token=TOKEN)
    for peer in ("127.0.0.1", "203.0.113.9"):
        with TestClient(app.without_page(), client=(peer, 50000)) as client:
            assert client.get("/metrics", headers=headers).status_code == status


def test_addresses_that_may_look_are_a_setting(studio: Path, setting: Setting) -> None:
    setting(metrics_from="10.0.0.0/8")
    with TestClient(app.without_page(), client=("10.1.2.3", 50000)) as client:
        assert client.get("/metrics").status_code == 200
