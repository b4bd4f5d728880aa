"""The examples of proxies; `make test-proxies` runs nginx, Caddy and Traefik with them."""

import re
from pathlib import Path

import pytest
import yaml

from tests import proxies
from worker.settings import PREFIX, Settings

FILES = sorted(proxies.EXAMPLES.iterdir())
NO_BUFFER = {
    "Caddyfile": "flush_interval -1",
    "nginx.conf": "proxy_buffering off",
    "traefik.yml": "flushInterval: -1",
}
STICKY = {"nginx.conf": "ip_hash", "traefik.yml": "sticky"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_names_settings_that_exist_and_holds_no_event_back(file: Path) -> None:
    text = file.read_text("utf-8")
    named = re.findall(r"STUDIO_\w+", text)
    assert {"STUDIO_PUBLIC_URL", "STUDIO_TRUSTED_PROXIES"} <= set(named)
    assert set(named) <= {PREFIX + name.upper() for name in Settings.model_fields}
    Settings(public_url=re.findall(r"STUDIO_PUBLIC_URL=(\S+)", text)[0])
    assert NO_BUFFER[file.name] in text
    assert STICKY.get(file.name, "") in text


def test_traefiks_router_leads_to_its_service() -> None:
    read = yaml.safe_load((proxies.EXAMPLES / "traefik.yml").read_text("utf-8"))["http"]
    assert {router["service"] for router in read["routers"].values()} == set(read["services"])
    [router] = read["routers"].values()
    assert "PathPrefix(`/studio`)" in router["rule"]


def test_every_example_is_run_by_a_make_target(tmp_path: Path) -> None:
    assert len(proxies.PROXIES) == len(FILES)
    for name, proxy in proxies.PROXIES.items():
        (tmp_path / name).mkdir()
        command = proxy(tmp_path / name, 1234, 5678)
        assert any(word.startswith(str(tmp_path / name)) for word in command)
        text = "".join(file.read_text("utf-8") for file in (tmp_path / name).iterdir())
        assert "127.0.0.1:1234" in text
        assert "127.0.0.1:5678" in text
        assert "host.example;" not in text.replace("server_name host.example;", "")
        assert "`host.example`" not in text
