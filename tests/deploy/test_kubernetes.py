"""No cluster is at hand in the tests: the manifests are held against Kubernetes' and KEDA's own
schemas, against our code, and their query against PostgreSQL.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from sqlalchemy import text
from typer.testing import CliRunner

from tests.parts import Setting, picture
from web import cli
from web.http import checking
from worker import jobs
from worker.settings import PREFIX, Settings
from worker.storage import database

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
DOCKERFILE = (FOLDER.parent / "Dockerfile").read_text()
Manifest = dict[str, Any]


def read(file: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(file.read_text()))


KUSTOMIZATION: Manifest = read(FOLDER / "kustomization.yaml")[0]
MANIFESTS = [one for name in KUSTOMIZATION["resources"] for one in read(FOLDER / name)]


def named(one: Manifest) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def of_kind(kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


PODS = {
    named(one): one["spec"]["template"] for one in MANIFESTS if "template" in one.get("spec", {})
}


def containers() -> Iterator[tuple[str, Manifest]]:
    for name, template in PODS.items():
        for container in template["spec"]["containers"]:
            yield name, container


def test_every_file_is_applied() -> None:
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files


@pytest.mark.parametrize("one", MANIFESTS, ids=named)
def test_a_manifest_is_what_its_kind_describes(one: Manifest) -> None:
    if one["apiVersion"] == "keda.sh/v1alpha1":
        model = getattr(keda, one["kind"]).model_validate(one)
        assert model.model_dump(by_alias=True, exclude_unset=True, mode="json") == one
    else:
        for version in ("1.30", "1.36"):
            kubernetes_validate.validate(one, version, strict=True)


def test_a_misspelt_field_would_be_noticed() -> None:
    scaled = yaml.safe_load(yaml.safe_dump(of_kind("ScaledObject")["worker-cpu"]))
    scaled["spec"]["minReplicaCuont"] = 3
    with pytest.raises(AssertionError):
        test_a_manifest_is_what_its_kind_describes(scaled)
    web = yaml.safe_load(yaml.safe_dump(of_kind("Deployment")["web"]))
    web["spec"]["template"]["spec"]["terminationGracePeriod"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        test_a_manifest_is_what_its_kind_describes(web)


def test_every_command_is_a_word_of_ours() -> None:
    words = [container["args"] for _, container in containers()]
    for _, container in containers():
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if command := container.get(probe, {}).get("exec", {}).get("command"):
                assert command[0] == "adain-studio"
                words.append(command[1:])
    for word in words:
        assert CliRunner().invoke(cli.app, [*word, "--help"]).exit_code == 0


def test_every_setting_exists_and_has_a_usable_value(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    common = of_kind("ConfigMap")["studio"]["data"]
    for _, container in containers():
        own = {one["name"]: one["value"] for one in container.get("env", [])}
        with monkeypatch.context() as patched:
            for name, value in (common | own).items():
                assert name in known
                patched.setenv(name, value)
            Settings()


def test_the_secret_that_is_asked_for_names_settings_that_exist() -> None:
    asked = set(re.findall(r"--from-literal=(\w+)=", (FOLDER / "settings.yaml").read_text()))
    ours = {name for name in asked if name.startswith(PREFIX)}
    assert ours <= {PREFIX + name.upper() for name in Settings.model_fields}
    triggers = of_kind("TriggerAuthentication").values()
    keys = {ref["key"] for one in triggers for ref in one["spec"]["secretTargetRef"]}
    assert keys <= ours


UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


def bytes_of(size: str) -> int:
    return int(size[:-2]) * UNITS[size[-2:]]


def test_what_a_web_server_may_keep_on_its_disk_fits_its_volume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the pod is evicted: what is free is asked of the node's disk, not of the volume."""
    spec = PODS["Deployment web"]["spec"]
    [web] = spec["containers"]
    for name, value in of_kind("ConfigMap")["studio"]["data"].items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    # forms; what is sent, downloads, and what the requests that are checked at a time become
    most = settings.uploads_bytes + (2 + checking.AT_ONCE) * settings.spool_bytes
    volumes = {one["name"]: bytes_of(one["emptyDir"]["sizeLimit"]) for one in spec["volumes"]}
    assert most + UNITS["Gi"] <= volumes["data"]  # room for films that are being sent to visitors
    assert sum(volumes.values()) <= bytes_of(web["resources"]["limits"]["ephemeral-storage"])


def test_every_image_is_a_target_of_the_dockerfile() -> None:
    targets = {f"adain-studio-{name}" for name in re.findall(r" AS (\S+)", DOCKERFILE)}
    used = {container["image"] for _, container in containers()}
    assert used <= targets
    assert used == {image["name"] for image in KUSTOMIZATION["images"]}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_nothing_it_does_not_need(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"--uid {spec['securityContext']['runAsUser']}" in DOCKERFILE
    writable = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
    assert all(volume["emptyDir"]["sizeLimit"] for volume in spec["volumes"])
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {"memory", "ephemeral-storage"} <= set(container["resources"]["limits"])
        assert {mount["name"] for mount in container["volumeMounts"]} <= writable
    [container] = spec["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == writable


@pytest.mark.parametrize("name", ["worker-cpu", "worker-gpu"])
def test_compiled_code_lies_in_a_subfolder_that_only_the_worker_writes(
    name: str,
) -> None:
    """An emptyDir is writable for all; `adain.aot.trusted_folders` refuses code below one."""
    spec = PODS[f"Deployment {name}"]["spec"]
    [first], [worker] = spec["initContainers"], spec["containers"]
    assert first["image"] == worker["image"]
    *_, mode, made = first["command"]
    assert mode == "700"
    [volume] = first["volumeMounts"]
    own = {one["name"]: one["value"] for one in worker["env"]}
    [mount] = [one for one in worker["volumeMounts"] if one["mountPath"] == own["STUDIO_CODE_DIR"]]
    assert f"{volume['mountPath']}/{mount['subPath']}" == made
    assert volume["name"] == mount["name"]


# ---------------------------------------------------------------- the network


def policies(name: str, way: str) -> Iterator[tuple[str, Manifest]]:
    """Yield the rules of one direction that hold for a pod, each with its policy's name."""
    labels = PODS[name]["metadata"]["labels"]
    for policy in of_kind("NetworkPolicy").values():
        selector = policy["spec"]["podSelector"]
        wanted = [(key, [value]) for key, value in selector.get("matchLabels", {}).items()]
        for one in selector.get("matchExpressions", []):
            assert one["operator"] == "In"
            wanted.append((one["key"], one["values"]))
        if all(labels.get(key) in values for key, values in wanted):
            assert way in ("ingress", "egress")
            if way.title() in policy["spec"]["policyTypes"]:
                for rule in policy["spec"].get(way, []):
                    yield policy["metadata"]["name"], rule


def test_what_no_policy_names_is_refused_for_every_pod() -> None:
    deny = of_kind("NetworkPolicy")["nothing-else"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("name", PODS)
def test_only_web_servers_are_reached_and_only_through_the_proxy_or_by_prometheus(
    name: str,
) -> None:
    rules = [rule for _, rule in policies(name, "ingress")]
    assert len(rules) == (name == "Deployment web")
    for rule in rules:
        assert all("namespaceSelector" in one for one in rule["from"])
        assert [one["port"] for one in rule["ports"]] == ["http"]


def ports(name: str) -> set[int]:
    return {port["port"] for _, rule in policies(name, "egress") for port in rule.get("ports", ())}


@pytest.mark.parametrize("name", PODS)
def test_every_part_reaches_what_it_needs(name: str) -> None:
    assert {53, 5432, 6379} <= ports(name)
    assert (443 in ports(name)) == (name != "Job migrate")  # S3, the provider of identities


@pytest.mark.parametrize("name", PODS)
def test_any_port_of_any_host_is_reached_by_the_sweep_alone_and_never_in_the_cluster(
    name: str,
) -> None:
    free = [rule for _, rule in policies(name, "egress") if "ports" not in rule]
    assert len(free) == (name == "Deployment sweep")
    inner = [ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    inner += [ip_network(one) for one in ("169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10")]
    for rule in free:
        excepted = {ip_network(one) for block in rule["to"] for one in block["ipBlock"]["except"]}
        assert set(inner) <= excepted


@pytest.mark.parametrize("name", ["worker-cpu", "worker-gpu"])
def test_a_worker_is_given_the_time_its_longest_job_may_take(name: str) -> None:
    common = of_kind("ConfigMap")["studio"]["data"]
    spec = PODS[f"Deployment {name}"]["spec"]
    hard_limit = int(common["STUDIO_JOB_TIME_LIMIT"]) + 30  # as worker/jobs/queue.py has it
    assert spec["terminationGracePeriodSeconds"] > hard_limit


@pytest.mark.parametrize("name", ["worker-cpu", "worker-gpu"])
def test_a_busy_worker_or_an_absent_database_is_no_reason_to_restart(name: str) -> None:
    [worker] = PODS[f"Deployment {name}"]["spec"]["containers"]
    probe = worker["livenessProbe"]
    assert probe["exec"]["command"] == ["adain-studio", "check", "worker"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300
    web = PODS["Deployment web"]["spec"]["containers"][0]
    assert web["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_what_selects_pods_finds_them() -> None:
    labels = [template["metadata"]["labels"] for template in PODS.values()]
    for one in MANIFESTS:
        selector = one.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        if wanted:
            assert sum(wanted.items() <= found.items() for found in labels) == 1, named(one)


def test_every_deployment_has_a_disruption_budget_that_lets_a_node_be_drained() -> None:
    budgets = of_kind("PodDisruptionBudget")
    assert set(budgets) == set(of_kind("Deployment"))
    for name, one in of_kind("Deployment").items():
        least = budgets[name]["spec"].get("minAvailable", 0)
        assert name.startswith("worker") or one["spec"]["replicas"] > least


def test_every_kind_of_worker_is_scaled_by_the_queue_it_alone_serves() -> None:
    deployments = of_kind("Deployment")
    for name, scaled in of_kind("ScaledObject").items():
        assert "replicas" not in deployments[name]["spec"]  # two would quarrel over it
        assert scaled["spec"]["scaleTargetRef"] == {"name": name}
    assert {name for name in deployments if name.startswith("worker")} == set(
        of_kind("ScaledObject")
    )


def test_the_scaling_query_counts_what_waits_and_runs(postgres: Path, setting: Setting) -> None:
    setting(heavy_pixels=128 * 64)
    for width in (64, 64, 64, 128, 128):
        jobs.submit("ann", picture(width, 64), [picture()], options={"size": 64})
    running = jobs.claim("a worker")
    cancelled = jobs.mine("ann")[0]
    assert running is not None
    jobs.cancel(cancelled.id, "ann")
    found = {}
    for name, scaled in of_kind("ScaledObject").items():
        [trigger] = scaled["spec"]["triggers"]
        with database.engine().connect() as connection:
            found[name] = connection.scalar(text(trigger["metadata"]["query"]))
    assert found == {"worker-cpu": 3, "worker-gpu": 1}
