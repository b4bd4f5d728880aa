"""`make test-manifests`: deploy/kubernetes applied to a real API server, with etcd behind it.

The server is the program that APISERVER names, or Kubernetes 1.20 built from Debian's source. No
node and no controller is there: nothing runs, but every object is parsed, checked, given its
defaults and stored. KEDA's kinds are registered without their schema, which
tests/deploy/test_kubernetes.py holds. Prints what was tried, one line each.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.parts import free_port

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
STARTS = 120.0  # seconds until the server answers
TOKEN = "the-test"
Manifest = dict[str, Any]


def _kind(plural: str, kind: str) -> Manifest:
    """Return the definition of a kind of KEDA's, with any content."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.keda.sh"},
        "spec": {
            "group": "keda.sh",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version | {"schema": {"openAPIV3Schema": anything}}],
        },
    }


class Cluster:
    """An API server, asked by kubectl."""

    def __init__(self, port: int) -> None:
        self._words = [f"--server=https://127.0.0.1:{port}", f"--token={TOKEN}"]
        self._words += ["--insecure-skip-tls-verify=true", "--kubeconfig=/dev/null"]

    def ask(self, *words: str, given: str = "", fails: bool = False) -> str:
        """Return what kubectl prints; raises AssertionError unless it ends as it should."""
        command = ["kubectl", *self._words, *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert bool(done.returncode) == fails, f"{words}: {done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout

    def answers(self) -> bool:
        command = ["kubectl", *self._words, "get", "--raw", "/readyz"]
        return not subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def _running(words: list[str], said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block."""
    with said.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, cwd=said.parent)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def _store(folder: Path) -> tuple[list[str], str]:
    """Return the words that run etcd, and its address."""
    here, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    words = ["etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"]
    words += ["--listen-client-urls", here, "--advertise-client-urls", here]
    words += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
    return [*words, "--initial-cluster", f"default={peers}"], here


def _server(program: Path, folder: Path, store: str, port: int) -> list[str]:
    """Return the words that run the API server; makes its key and its only user."""
    key = folder / "key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    (folder / "users").write_text(f'{TOKEN},admin,1,"system:masters"\n')
    options = {
        "etcd-servers": store,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder / "certificates",
        "service-account-issuer": "https://cluster.example",
        "service-account-signing-key-file": key,
        "service-account-key-file": key,
        "service-cluster-ip-range": "10.96.0.0/24",
        "token-auth-file": folder / "users",
        "authorization-mode": "RBAC",
        "disable-admission-plugins": "ServiceAccount",  # whose controller is not here
    }
    return [str(program), *(f"--{name}={value}" for name, value in options.items())]


@contextmanager
def _cluster(program: Path, folder: Path) -> Iterator[Cluster]:
    """Run etcd and the API server until the end of the block."""
    port = free_port()
    etcd, store = _store(folder)
    with (
        _running(etcd, folder / "etcd.log"),
        _running(_server(program, folder, store, port), folder / "server.log") as server,
    ):
        cluster, end = Cluster(port), time.monotonic() + STARTS
        while not cluster.answers():
            late = server.poll() is not None or time.monotonic() > end
            assert not late, (folder / "server.log").read_text()[-3000:]
            time.sleep(0.5)
        yield cluster


# ---------------------------------------------------------------- what is tried


def _rendered(cluster: Cluster) -> list[Manifest]:
    """Return what `kubectl apply -k` applies, less what a server before 1.21 has not."""
    found = list(yaml.safe_load_all(cluster.ask("kustomize", str(FOLDER))))
    if "policy/v1" not in cluster.ask("api-versions").split():
        for one in found:
            one["apiVersion"] = one["apiVersion"].replace("policy/v1", "policy/v1beta1")
            one.get("spec", {}).pop("ttlSecondsAfterFinished", None)
    return found


def _dropped(wanted: Any, found: Any, place: str) -> list[str]:  # noqa: ANN401
    """Return the places of a manifest that are not in what the server keeps of it."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            name
            for key, value in wanted.items()
            for name in _dropped(value, found.get(key), f"{place}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [name for k, (a, b) in pairs for name in _dropped(a, b, f"{place}[{k}]")]
    return [] if wanted == found else [place]


def applied(cluster: Cluster) -> str:
    """Apply everything, twice: the second time changes nothing."""
    kinds = [_kind("scaledobjects", "ScaledObject")]
    kinds.append(_kind("triggerauthentications", "TriggerAuthentication"))
    cluster.ask("apply", "-f", "-", given=yaml.safe_dump_all(kinds))
    names = [f"crd/{one['metadata']['name']}" for one in kinds]
    cluster.ask("wait", "--for=condition=established", "--timeout=60s", *names)
    text = yaml.safe_dump_all(_rendered(cluster))
    first = cluster.ask("apply", "-f", "-", given=text).splitlines()
    assert all(line.endswith(" created") for line in first), first
    again = cluster.ask("apply", "-f", "-", given=text).splitlines()
    changed = [line for line in again if not line.endswith(" unchanged")]
    assert not changed, changed
    return f"{len(first)} objects created, applied again unchanged"


def kept(cluster: Cluster) -> str:
    """Read everything back: the server dropped no field and changed no value."""
    rendered = _rendered(cluster)
    for one in rendered:
        group = one["apiVersion"].rpartition("/")[0]
        kind = f"{one['kind']}.{group}" if group else one["kind"]
        name = one["metadata"]["name"]
        found = cluster.ask("-n", "adain-studio", "get", kind, name, "-o", "yaml")
        assert not (lost := _dropped(one, yaml.safe_load(found), name)), lost
    return f"every field of {len(rendered)} objects is kept as written"


def refused(cluster: Cluster) -> str:
    """Apply a field that is misspelt, and a volume that is not there: both are refused."""
    text = yaml.safe_dump(next(one for one in _rendered(cluster) if one["kind"] == "Deployment"))
    for right, wrong, why in (
        ("terminationGracePeriodSeconds:", "terminationGracePeriod:", "unknown field"),
        (
            "mountPath: /tmp\n          name: tmp",
            "mountPath: /tmp\n          name: away",
            "not found",
        ),
    ):
        assert right in text, text
        said = cluster.ask("apply", "-f", "-", given=text.replace(right, wrong), fails=True)
        assert why in said.lower(), said
    return "a misspelt field and a missing volume are refused"


def main() -> None:
    """Start a server, apply the manifests, and stop it."""
    parser = argparse.ArgumentParser("python -m tests.manifests", description=__doc__)
    parser.add_argument("program", type=Path, help="the API server's program")
    program = parser.parse_args().program.resolve()
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="studio-cluster-") as name,
        _cluster(program, Path(name)) as cluster,
    ):
        print(subprocess.check_output([program, "--version"], text=True).strip())
        for check in (applied, kept, refused):
            try:
                said = check(cluster)
            except AssertionError as error:
                failed, said = failed + 1, f"FAILED: {error}"
            print(f"{check.__name__}: {said}", flush=True)
    print(f"{3 - failed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
