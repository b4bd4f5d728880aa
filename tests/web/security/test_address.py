from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from tests.parts import Setting
from web import app
from web.security import address
from worker.settings import BadSetting, settings


def connection(peer: str | None, *forwarded: str) -> HTTPConnection:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    client = (peer, 1234) if peer else None
    return HTTPConnection({"type": "http", "client": client, "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # anybody can write the header
        ("10.0.0.7", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.7", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # the first is hearsay
        ("10.0.0.7", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        ("172.16.3.4", ["198.51.100.1, 10.0.0.7"], "198.51.100.1"),  # two proxies
        ("10.0.0.7", ["198.51.100.1, 172.16.3.4"], "172.16.3.4"),  # a client in a trusted network
        ("172.16.3.4", ["198.51.100.1, 172.16.3.5"], "172.16.3.5"),
        ("172.16.3.4", ["198.51.100.1, 104.16.0.9"], "198.51.100.1"),  # a public network of proxies
        ("10.0.0.7", ["nonsense"], "10.0.0.7"),
        ("10.0.0.7", [""], "10.0.0.7"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("::ffff:10.0.0.7", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.7", ["2001:DB8::0:1"], "2001:db8::1"),
        (None, ["198.51.100.1"], "unknown"),
        ("testclient", ["198.51.100.1"], "unknown"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    studio: Path, setting: Setting, peer: str | None, forwarded: list[str], found: str
) -> None:
    setting(trusted_proxies="10.0.0.7, 172.16.0.0/12, 104.16.0.0/13")
    assert address.of(connection(peer, *forwarded)) == found


def test_without_a_trusted_proxy_headers_are_ignored(studio: Path) -> None:
    assert address.of(connection("127.0.0.1", "198.51.100.1")) == "127.0.0.1"


def test_an_origin_tells_addresses_apart_but_not_what_they_are(studio: Path) -> None:
    one, two = connection("203.0.113.9"), connection("203.0.113.10")
    assert address.origin(one) == address.origin(connection("203.0.113.9"))
    assert address.origin(one) != address.origin(two)
    assert len(address.origin(one)) == 32


def test_the_addresses_of_one_ipv6_network_are_one_origin(studio: Path) -> None:
    assert address.origin(connection("2001:db8::1")) == address.origin(connection("2001:db8::f:1"))
    assert address.origin(connection("2001:db8::1")) != address.origin(connection("2001:db8:1::1"))


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "0.0.0.0/0", "10.0.0.7,::/0"])
def test_trusted_proxies_may_not_be_every_address(setting: Setting, proxies: str) -> None:
    setting(trusted_proxies=proxies)
    with pytest.raises(BadSetting, match="STUDIO_TRUSTED_PROXIES"):
        settings()


@pytest.mark.parametrize("proxies", ["", "127.0.0.1"])
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Gradio-Server", "Forwarded"])
def test_no_header_of_a_stranger_says_where_the_studio_is(
    studio: Path, setting: Setting, header: str, proxies: str
) -> None:
    setting(trusted_proxies=proxies)
    lie = {header: "host=evil.example" if header == "Forwarded" else "http://evil.example"}
    with TestClient(app.create(), "http://studio.example", client=("127.0.0.1", 1)) as client:
        for place in ("/", "/config", "/gradio_api/info", "/api/v1/openapi.json"):
            answer = client.get(place, headers=lie)
            assert "evil.example" not in answer.text, place
            assert "evil.example" not in str(answer.headers), place
        assert client.get("/config", headers=lie).json()["root"] == "http://studio.example"


def test_proxy_may_say_the_address_that_the_settings_name(studio: Path, setting: Setting) -> None:
    setting(public_url="https://studio.example")
    said = {"X-Forwarded-Host": "studio.example", "X-Forwarded-Proto": "https"}
    with TestClient(app.create(), "http://inside:8000", client=("127.0.0.1", 1)) as client:
        assert client.get("/config", headers=said).json()["root"] == "https://studio.example"


def test_only_the_last_proxies_of_a_long_row_are_looked_at(studio: Path, setting: Setting) -> None:
    setting(trusted_proxies="127.0.0.1")
    row = ",".join(["8.8.8.8", *["127.0.0.1"] * 5000])
    assert address.of(connection("127.0.0.1", row)) == "127.0.0.1"
