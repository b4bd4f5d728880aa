import logging
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from tests.parts import Setting, Valkey, picture
from worker import jobs
from worker.images import images
from worker.jobs import batches, queue
from worker.visitors import previews
from worker.visitors.rate_limits import Visitor


def test_queue_depth_counts_messages(queued_studio: Path) -> None:
    assert queue.ping()
    assert queue.send("a")
    assert queue.send("a")
    assert queue.depth() == 2


def test_without_a_queue_server_a_warning_is_all(
    studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not queue.ping()
    with caplog.at_level(logging.WARNING):
        assert not queue.send("the-job")
    assert "the-job waits in the database" in caplog.text
    with pytest.raises(redis.RedisError):
        queue.depth()


def test_a_queue_server_that_hangs_holds_up_one_visitor_and_not_for_long(
    studio: Path, own_valkey: Valkey, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_valkey.start()
    assert own_valkey.process is not None
    setting(redis_url=own_valkey.url)
    assert queue.send("before")
    os.kill(own_valkey.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(queue, "away_until", 0.0)
    begun = time.monotonic()
    assert not queue.send("first")
    waits = queue.app().conf.broker_transport_options
    assert max(waits["socket_timeout"], waits["socket_connect_timeout"]) <= 2
    monkeypatch.setattr(queue, "away_until", (tried := queue.away_until) + 600)
    assert tried > begun
    assert not queue.send("second")
    assert queue.away_until == tried + 600  # it was not tried, so it did not fail either
    os.kill(own_valkey.process.pid, signal.SIGCONT)
    queue.away_until = 0
    assert queue.send("after")


def test_a_queue_server_that_comes_back_is_used_again(
    studio: Path, own_valkey: Valkey, setting: Setting
) -> None:
    own_valkey.start()
    setting(redis_url=own_valkey.url)
    assert queue.send("a")
    own_valkey.stop()
    assert not queue.send("b")
    own_valkey.start()
    queue.away_until = 0
    assert queue.send("c")
    assert queue.depth() == 1


def submit(owner: str = "ann") -> jobs.Job:
    return jobs.submit(owner, picture(), [picture()])


def test_without_a_worker_there_are_no_more_messages_than_jobs_that_wait(
    queued_studio: Path,
) -> None:
    for _ in range(20):
        jobs.cancel(submit().id, "ann")
    submit()
    assert queue.depth() == 1


def test_without_a_worker_there_are_no_more_messages_than_previews_that_wait(
    queued_studio: Path,
) -> None:
    look = images.clean(picture())
    for _ in range(20):
        previews.ask(Visitor("ann"), look, [look])
    previews.ask(Visitor("bob"), look, [look])
    assert queue.depth() == 2


def test_a_preview_is_announced_beside_jobs_that_wait(queued_studio: Path) -> None:
    submit()
    look = images.clean(picture())
    previews.ask(Visitor("ann"), look, [look])
    submit("bob")
    assert queue.depth() == 3


def test_a_batch_is_announced_once_for_each_of_its_jobs(queued_studio: Path) -> None:
    photos = [batches.Source(f"{n}.png", 1, picture) for n in range(3)]
    batches.submit("ann", photos, photos[:2])
    assert queue.depth() == 6


def test_messages_that_no_worker_receives_expire(queued_studio: Path, valkey: Valkey) -> None:
    submit()
    assert 0 < redis.Redis.from_url(valkey.url).ttl(queue.LIGHT) <= queue.LASTS


def test_a_full_queue_server_refuses_no_job(
    studio: Path, own_valkey: Valkey, setting: Setting
) -> None:
    own_valkey.start()
    setting(redis_url=own_valkey.url)
    client = redis.Redis.from_url(own_valkey.url)
    client.config_set("maxmemory", "1")
    job = submit()
    assert queue.depth() == 0
    client.config_set("maxmemory", "0")
    queue.away_until = 0
    assert jobs.find(job.id).status == jobs.Status.QUEUED
    assert queue.announce([job.id], job.queue)
    assert queue.depth() == 1
