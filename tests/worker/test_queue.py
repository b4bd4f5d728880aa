import logging
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from tests.parts import Setting, Valkey
from worker import queue


def test_a_bell_is_heard_by_whoever_counts(rung: Path) -> None:
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
    studio: Path, own_valkey: Valkey, setting: Setting
) -> None:
    own_valkey.start()
    assert own_valkey.process is not None
    setting(redis_url=own_valkey.url)
    assert queue.send("before")
    os.kill(own_valkey.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    assert not queue.send("first")
    assert time.monotonic() - begun < 8
    begun = time.monotonic()
    assert not queue.send("second")
    assert time.monotonic() - begun < 0.1
    os.kill(own_valkey.process.pid, signal.SIGCONT)
    queue._away_until = 0
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
    queue._away_until = 0
    assert queue.send("c")
    assert queue.depth() == 1
