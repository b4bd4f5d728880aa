"""Docker is not at hand in the tests: the files are held against their schema and our code."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from web import cli
from worker.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()

SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
OURS = ("web", "worker", "worker-gpu", "sweep", "migrate")


def read(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(file.read_text())
    return read


SERVICES: dict[str, dict[str, Any]] = read(COMPOSE)["services"]


def test_the_file_is_what_the_compose_specification_describes() -> None:
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_a_word_of_ours(name: str) -> None:
    words = [SERVICES[name]["command"]]
    if check := SERVICES[name].get("healthcheck"):
        assert check["test"][:2] == ["CMD", "adain-studio"]
        words.append(check["test"][2:])
    for word in words:
        assert CliRunner().invoke(cli.app, [*word, "--help"]).exit_code == 0


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists_and_has_a_usable_value(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SERVICES[name]["environment"]
    ours = {key: value for key, value in given.items() if key.startswith(PREFIX)}
    assert set(ours) == set(given)
    assert set(ours) <= SETTINGS
    for key, value in ours.items():
        monkeypatch.setenv(key, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)))
    Settings()


def test_the_settings_baked_into_the_images_exist() -> None:
    assert set(re.findall(r"STUDIO_\w+", DOCKERFILE)) <= SETTINGS


def test_every_target_is_in_the_dockerfile() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    assert {"web", "worker", "worker-gpu"} <= targets
    for service in SERVICES.values():
        if "build" in service:
            assert service["build"]["target"] in targets


def test_what_the_dockerfile_copies_is_sent_to_it() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        for source in shlex.split(line)[:-1]:
            assert (ROOT / source).exists()
            assert source.split("/")[0] in kept


def test_everything_that_is_waited_for_can_become_well() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert SERVICES[name]["restart"] in {"no", "on-failure"}


def test_every_volume_is_declared() -> None:
    declared = set(read(COMPOSE)["volumes"])
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in declared or (ROOT / source).exists()


def test_code_that_workers_run_is_seen_by_workers_only() -> None:
    seen = {name for name, one in SERVICES.items() if "code:/code" in one.get("volumes", [])}
    told = {name for name, one in SERVICES.items() if "STUDIO_CODE_DIR" in str(one)}
    assert seen == told == {"worker", "worker-gpu"}


def test_only_the_proxy_is_reachable_from_outside() -> None:
    open_ = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(open_) == {"web", "proxy", "grafana"}
    for name in ("web", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in open_[name])
    assert SERVICES["proxy"]["profiles"] == ["proxy"]


def test_what_not_everybody_has_or_wants_waits_to_be_asked_for() -> None:
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert [name for name, wanted in profiles.items() if wanted == ["gpu"]] == ["worker-gpu"]
    observers = [name for name, wanted in profiles.items() if wanted == ["observability"]]
    assert observers == ["prometheus", "grafana"]
    assert all(not profiles[name] for name in OURS if name != "worker-gpu")


def test_redis_loses_and_evicts_nothing() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_the_proxy_keeps_visitors_with_their_server_and_holds_no_event_back() -> None:
    proxy = (ROOT / "deploy" / "Caddyfile").read_text()
    assert "lb_policy cookie" in proxy
    assert "flush_interval -1" in proxy
