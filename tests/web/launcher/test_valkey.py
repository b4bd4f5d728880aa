import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kombu.connection import Connection

from tests.waiting import until
from web.launcher.valkey import QueueServer


class Running:
    """An embedded server that is started and killed as the launcher would."""

    def __init__(self, folder: Path) -> None:
        self.server = QueueServer(folder)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.server.prepare()
        self.processes.append(subprocess.Popen(self.server.command(), cwd=self.server.folder))
        assert self.server.answers()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.server.url)

    def kill(self) -> None:
        self.processes[-1].kill()
        self.processes[-1].wait()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "a folder" / "queue")
    started.start()
    yield started
    for process in started.processes:
        process.kill()
        process.wait()


def test_the_queue_server_refuses_clients_without_its_password(running: Running) -> None:
    port = running.server.url.rsplit(":", 1)[1].split("/")[0]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=int(port)).ping()


def test_its_files_are_for_our_eyes_only(running: Running) -> None:
    assert running.server.folder.stat().st_mode & 0o777 == 0o700
    assert running.server.config.stat().st_mode & 0o777 == 0o600


def test_the_queue_server_keeps_its_messages_after_a_kill(running: Running) -> None:
    def is_written() -> bool:  # every second, or later on a busy disk
        said = running.client().info("persistence")
        return bool(said["aof_buffer_length"] == said["aof_pending_bio_fsync"] == 0)

    running.client().rpush("bells", "one")
    until(is_written)
    running.kill()
    running.start()
    assert running.client().lrange("bells", 0, -1) == [b"one"]


def test_a_queue_server_left_behind_is_ended_before_the_next_starts(running: Running) -> None:
    later = QueueServer(running.server.folder)
    later.end_old()
    assert running.processes[-1].wait(timeout=60) == 0
    later.end_old()  # no server there: nothing happens


def test_a_stranger_on_the_old_port_is_left_alone(running: Running, tmp_path: Path) -> None:
    other = QueueServer(tmp_path / "other")
    other.prepare()
    port = running.server.url.rsplit(":", 1)[1].split("/")[0]
    other.config.write_text(f"port {port}\nrequirepass wrong\n")
    other.end_old()
    assert running.client().ping()


def test_an_unused_port_answers_nothing(tmp_path: Path) -> None:
    server = QueueServer(tmp_path)
    server.prepare()
    assert not server.answers(seconds=0.2)


def test_messages_taken_by_workers_that_are_no_more_are_put_back(running: Running) -> None:
    with Connection(running.server.url) as connection:  # type: ignore[no-untyped-call]
        messages = connection.SimpleQueue("light")
        messages.put("a job")
        assert messages.get().payload == "a job"  # and not acknowledged …
        connection.default_channel.qos.restore_at_shutdown = False
        assert running.client().llen("light") == 0
        assert running.client().hlen("unacked") == 1
        assert running.server.put_back() == 1
        assert running.client().llen("light") == 1
        assert running.client().hlen("unacked") == 0
    assert running.server.put_back() == 0


def test_its_memory_is_bounded_and_it_drops_nothing_by_itself(running: Running) -> None:
    reported = running.client().config_get("maxmemory*")
    assert reported["maxmemory"] == str(64 << 20)
    assert reported["maxmemory-policy"] == "noeviction"
