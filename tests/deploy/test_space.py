"""The demo's folder against our settings and words; `make test-containers` builds and runs it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.containers import space
from web import cli
from worker.settings import PREFIX, Settings

FOLDER = Path(__file__).parents[2] / "deploy" / "space"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
README = (FOLDER / "README.md").read_text()
GIVEN = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", DOCKERFILE))


def usual(name: str) -> float:
    return float(Settings.model_fields[name.removeprefix(PREFIX).lower()].default)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    for name, value in space.SET.items():
        monkeypatch.setenv(PREFIX + name, value)
    return Settings()


def test_every_setting_of_the_demo_exists_and_has_a_usable_value(demo: Settings) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(GIVEN) <= known
    assert set(re.findall(rf"`({PREFIX}\w+)`", README)) <= known
    assert demo.host == "0.0.0.0"


def test_a_guest_may_do_less_than_a_visitor_of_ones_own_studio() -> None:
    counted = [name for name in GIVEN if re.search("VISITOR|ADDRESS|MAX|METHOD|BYTES|DAYS", name)]
    assert len(counted) > 15
    for name in counted:
        assert 0 < float(GIVEN[name]) < usual(name), name


def test_the_readme_says_what_guests_may_do(demo: Settings) -> None:
    said = README.partition("## What guests may do")[2]
    for words in (
        f"{demo.visitor_submissions} pictures a minute and {demo.visitor_waiting} in line",
        f"{demo.max_output_pixels / 1e6:.1f} megapixels",
        f"batches of {demo.max_batch}",
        f"{demo.method_steps} steps",
        f"{demo.visitor_bytes // 10**6} MB kept of a visitor and {demo.total_bytes // 10**9} GB",
    ):
        assert words in " ".join(said.split())
    assert demo.visitor_submissions == space.GUEST
    assert demo.teach_steps == 0


def test_port_user_and_command_are_what_the_host_reads() -> None:
    [port] = re.findall(r"^app_port: (\d+)$", README, re.M)
    assert f"EXPOSE {port}" in DOCKERFILE
    assert "useradd --uid 1000" in DOCKERFILE
    assert {"--user", "1000"} <= set(space.words(1234, {}))
    words = re.findall(r"adain-studio (check \w+)", DOCKERFILE)
    for word in [*words, "up"]:
        assert CliRunner().invoke(cli.app, [*word.split(), "--help"]).exit_code == 0
    assert len(words) == 3


def test_nothing_that_the_demo_keeps_is_expected_to_last() -> None:
    assert "VOLUME" not in DOCKERFILE
    assert not [word for word in space.words(1234, {}) if word in ("-v", "--volume", "--mount")]
