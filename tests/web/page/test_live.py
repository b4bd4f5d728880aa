"""The network that /live paints with, and what the page decides without a browser."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.node import NODE
from tests.parts import Setting
from web import app
from web.page import live
from web.samples import shelf

Found = dict[str, Any]
SCRIPT = Path(__file__).parents[2] / "adain" / "live" / "logic.mjs"


@pytest.fixture
def client(studio: Path) -> TestClient:
    return TestClient(app.without_page())


def test_the_network_is_answered_once_and_then_known_by_its_tag(client: TestClient) -> None:
    answer = client.get("/live/network")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert b'"network":"compact"' in answer.content
    known = {"If-None-Match": answer.headers["etag"]}
    again = client.get("/live/network", headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_an_operators_own_weights_are_painted_with(
    client: TestClient, setting: Setting, tmp_path: Path
) -> None:
    before = client.get("/live/network").headers["etag"]
    own = tmp_path / "own"
    own.mkdir()
    data = bytearray((live.SHIPPED / "compact.safetensors").read_bytes())
    data[-1] ^= 1  # the sign of the last number
    (own / "compact.safetensors").write_bytes(data)
    setting(weights_dir=own)
    answer = client.get("/live/network")
    assert answer.status_code == 200
    assert answer.headers["etag"] != before


def test_weights_that_no_browser_can_run_are_named(
    client: TestClient, setting: Setting, tmp_path: Path
) -> None:
    header = json.dumps({"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    data = len(header).to_bytes(8, "little") + header + b"00"
    (tmp_path / "compact.safetensors").write_bytes(data)
    setting(weights_dir=tmp_path)
    answer = client.get("/live/network")
    assert (answer.status_code, answer.json()["code"]) == (503, "live.unusable")


def test_a_picture_of_the_form_is_answered_as_previews_have_it_to_its_owner_alone(
    client: TestClient,
) -> None:
    photo = shelf.file("photos", "coffee")
    assert photo is not None
    sent = {"picture": ("photo.jpg", photo.read_bytes())}
    value = f"upload:{client.post('/api/v1/uploads', files=sent).json()['id']}"

    def asked(value: str, trim: bool = False) -> Any:  # noqa: ANN401, httpx or httpx2
        return client.get("/live/picture", params={"value": value, "trim": trim})

    whole, cut = asked(value=value), asked(value=f"{value}@0,0,0.5,1")
    assert whole.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(whole.content)).size == (384, 256)
    assert Image.open(io.BytesIO(cut.content)).size == (256, 341)
    assert asked(value="shelf:styles/ink", trim=True).status_code == 200
    assert asked(value="/etc/passwd").status_code == 422
    assert asked(value=200 * "a").status_code == 422
    client.cookies.clear()
    assert asked(value=value).status_code == 404


def test_the_page_names_the_styles_of_the_shelf(client: TestClient) -> None:
    page = client.get("/live").text
    assert 'data-styles="' in page
    assert " ink " in page


@pytest.fixture(scope="module")
def logic() -> Found:
    made = subprocess.run(
        [NODE, SCRIPT, app.ASSETS / "live"], check=True, capture_output=True, text=True
    )
    found: Found = json.loads(made.stdout)
    return found


def test_frames_are_as_large_as_twelve_a_second_allow(logic: Found) -> None:
    found = logic
    assert found["fast"] == 512
    assert found["usual"] == 256  # 65 milliseconds a frame; 288 would take 83
    assert found["slow"] == 160
    before, after = found["slowed"]
    assert before == 512
    assert after <= 288
    assert found["recorded"] == 224  # a film keeps its size
    assert found["sizes"] == [[424, 240], [240, 424], [1024, 512]]
    assert found["cuts"] == [False, True]


def test_the_quicker_of_two_ways_is_kept_and_a_hopeless_one_tried_twice(logic: Found) -> None:
    assert logic["ways"] == [[8, True], [8, False]]
    assert logic["hopeless"] == [False, True, False, True, False, False, False, False]
