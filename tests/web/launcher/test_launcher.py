import os
import socket
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.parts import Setting, free_port
from web.launcher import launcher
from worker.settings import settings


def test_a_port_that_is_taken_is_named_and_another_proposed() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"Port {port} .* taken .* make up PORT={port + 1}"):
            launcher._free_port("127.0.0.1", port)


def test_a_port_is_free_right_after_its_server_ended() -> None:
    port = free_port()
    with (
        closing(socket.create_server(("127.0.0.1", port))) as server,
        closing(socket.create_connection(("127.0.0.1", port))),
        closing(server.accept()[0]),
    ):
        pass
    assert launcher._free_port("127.0.0.1", port) == port


def test_port_0_means_any_free_port() -> None:
    assert launcher._free_port("127.0.0.1", 0) > 0


def test_an_address_that_is_not_ours_is_refused_with_a_sentence() -> None:
    with pytest.raises(SystemExit, match=r"Can't listen on port 7860 of 192\.0\.2\.1"):
        launcher._free_port("192.0.2.1", 7860)


def test_only_one_studio_may_use_a_data_folder(tmp_path: Path) -> None:
    with launcher._alone(tmp_path / "new" / "data") as lock:
        print("http://127.0.0.1:7999, process 12", file=lock, flush=True)
        with (
            pytest.raises(SystemExit, match=r"already runs on .*data: http://127\.0"),
            launcher._alone(tmp_path / "new" / "data"),
        ):
            pass
    with launcher._alone(tmp_path / "new" / "data"):  # and then by the next
        pass


def test_a_new_data_folder_is_for_our_eyes_only(tmp_path: Path) -> None:
    with launcher._alone(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_data_folder_that_is_none_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SystemExit, match="file can't be written"),
        launcher._alone(tmp_path / "file"),
    ):
        pass


def test_a_database_that_is_away_is_named_in_a_sentence(setting: Setting, tmp_path: Path) -> None:
    setting(data=tmp_path, database_url=f"postgresql+psycopg://127.0.0.1:{free_port()}/none")
    with pytest.raises(SystemExit, match=r"The database can't be used: .*refused"):
        launcher._migrate()


def test_another_program_that_took_the_port_is_sent_no_secret(setting: Setting) -> None:
    setting(admin_secret="a secret of the admin's", metrics_token="a token of the collector's")
    received: list[str] = []

    class Thief(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append(str(self.headers))
            body = b'{"status": "unhealthy"}'
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Thief) as server:
        answering = Thread(target=server.handle_request)
        answering.start()
        missing = launcher._missing("127.0.0.1", server.server_port)
        answering.join()
    assert missing == [launcher.OTHER_PARTS]
    assert "Host" in received[0]
    assert "Authorization" not in received[0]
    assert not any(word in received[0] for word in ("admin", "collector"))


@pytest.mark.parametrize(
    ("host", "public", "address"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:7999"),
        ("0.0.0.0", "", "http://127.0.0.1:7999"),
        ("::", "", "http://[::1]:7999"),
        ("0.0.0.0", "https://studio.example", "https://studio.example"),
    ],
)
def test_the_address_is_one_that_can_be_opened(
    setting: Setting, host: str, public: str, address: str
) -> None:
    setting(host=host, public_url=public)
    assert launcher._address(settings(), 7999) == address


def test_a_queue_of_ones_own_is_used_as_it_is(
    queued_studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [child.name for child in launcher._children(7999)]
    assert names == ["web", "worker", "sweep"]
    assert not (queued_studio / "queue").exists()
    assert os.environ["STUDIO_REDIS_URL"] == settings().redis_url
