"""What is tried on a stack that runs: each returns one line that says what was found."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tests.containers.engine import Failed
from tests.containers.images import ROOT
from tests.containers.stack import METRICS_TOKEN, PARTS, Stack
from tests.containers.visitor import LONG, PATIENCE, Visitor

OURS = ("web", "worker", "sweep")
OBSERVABILITY = ROOT / "deploy" / "observability"
NO_GPU = {"GPU memory"}  # panels that have nothing to show here

# Folders a process may write to; below a volume and /tmp it may write everywhere.
_WRITABLE = r"""find / \( -path /proc -o -path /sys \) -prune \
    -o -writable \( -type d -prune -o -type f \) -print 2>/dev/null || true"""
MAY_WRITE = {"/tmp", "/data", "/dev/shm", "/dev/mqueue"}


# ---------------------------------------------------------------- rights


def _rights(stack: Stack, service: str) -> dict[str, str]:
    lines = stack.inside(service, "cat", "/proc/1/status").splitlines()
    return {
        key: value.split()[0]
        for key, _, value in (one.partition(":") for one in lines)
        if value.split()
    }


def _users(stack: Stack, service: str, name: str) -> set[str]:
    """Return the users by whom processes of a name run."""
    said = stack.inside(service, "sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null || true")
    return set(re.findall(rf"^Name:\t{name}$(?:\n(?!Name).*)*?\nUid:\t(\d+)", said, re.M))


def writable(stack: Stack) -> str:
    """Fail if a process of ours may write where it need not, or has a right it need not have."""
    found = {}
    for service in OURS:
        rights = _rights(stack, service)
        assert (rights["Uid"], rights["NoNewPrivs"]) == ("10001", "1"), rights
        assert int(rights["CapEff"], 16) == int(rights["CapBnd"], 16) == 0, rights
        found[service] = set(stack.inside(service, "sh", "-c", _WRITABLE).splitlines())
        assert found[service] <= MAY_WRITE | ({"/code"} if service == "worker" else set()), found
        assert {"/tmp", "/data"} <= found[service]
    for service, name in (("redis", "redis-server"), ("postgres", "postgres")):
        assert _users(stack, service, name) not in (set(), {"0"})
    said = "; ".join(f"{name} {' '.join(sorted(places))}" for name, places in found.items())
    return f"no rights, user 10001, may write to: {said}"


def limits(stack: Stack) -> str:
    """Fail unless the engine set every limit of memory and processes of the file."""
    wanted = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.ReadonlyRootfs}}"
    found = {name: stack.inspect(name, wanted).split() for name in PARTS}
    assert all(int(memory) > 0 and int(pids) > 0 for memory, pids, _ in found.values()), found
    assert all(found[name][2] == "true" for name in OURS), found
    return "memory, processes and a root that is only read, as the file says"


def closed(stack: Stack) -> str:
    """Fail if database or queue reach a container that is not on their network."""
    place = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    words = f"timeout 5 bash -c '</dev/tcp/{stack.inspect('prometheus', place)}/9090'"
    stack.inside("web", "bash", "-c", words)
    for service in ("redis", "postgres"):
        try:
            stack.inside(service, "bash", "-c", words)
        except Failed:
            continue
        raise AssertionError(f"{service} reaches another network")
    return "database and queue reach nobody outside their network, the web server does"


# ---------------------------------------------------------------- kills


def _results(stack: Stack, job: str) -> list[str]:
    names = stack.inside("web", "ls", f"/data/blobs/{job}").split()
    return [name for name in names if name.startswith("result-")]


def killed(stack: Stack, service: str) -> str:
    """Kill a part while a job runs: the part comes back, and the job ends exactly once."""
    visitor = Visitor(stack.address())
    visitor.until_ready()
    job = visitor.submit(LONG)
    visitor.until(job, "running", "done")
    state, begun = visitor.state(job), time.monotonic()
    before = stack.kill(service)
    stack.until_restarted(service, before)
    back = time.monotonic() - begun
    visitor = Visitor(stack.address(), visitor.cookies)  # PORT=0: the port may be another
    assert visitor.until(job, "done", "failed", "cancelled") == "done"
    visitor.result(job)
    assert len(_results(stack, job)) == 1, _results(stack, job)
    attempts = stack.row(f"SELECT status || ' ' || attempt FROM jobs WHERE id = '{job}'")
    return f"{service} killed while the job was {state}: well after {back:.0f} s, job {attempts}"


def restarted(stack: Stack) -> str:
    """Take all containers away and start them again: nothing is lost."""
    visitor = Visitor(stack.address())
    job = visitor.submit()
    visitor.until(job, "done")
    before, rows = visitor.result(job), stack.counts()
    stack.compose("--profile", "*", "down", "--timeout", "60")
    stack.up("prometheus")
    visitor = Visitor(stack.address(), visitor.cookies)
    visitor.until_ready()
    assert visitor.result(job) == before
    assert stack.counts() == rows
    return f"down and up again: {rows['jobs']} jobs as before, the visitor has theirs"


def restored(stack: Stack, fresh: Stack, folder: Path) -> str:
    """Back a stack up and fill a fresh one with it."""
    visitor = Visitor(stack.address())
    job = visitor.submit()
    visitor.until(job, "done")
    before, rows = visitor.result(job), stack.counts()
    said = stack.inside("web", "adain-studio", "backup", "/data")
    [name] = re.findall(r"studio-[\w-]+\.tar", said)
    stack.fetch("web", f"/data/{name}", folder / name)
    fresh.up()
    fresh.engine.put(fresh.container("web"), f"/data/{name}", (folder / name).read_bytes())
    fresh.compose("stop", "web", "worker", "sweep")
    fresh.compose("run", "--rm", "web", "restore", f"/data/{name}", "--replace")
    fresh.up()
    assert fresh.counts() == rows
    other = Visitor(fresh.address(), visitor.cookies)
    other.until_ready()
    assert other.result(job) == before
    other.paint()
    return (
        f"{rows['jobs']} jobs in a fresh stack, the visitor's cookie opens theirs, a new one done"
    )


# ---------------------------------------------------------------- load


def _measured(stack: Stack) -> dict[str, tuple[float, float]]:
    """Return the share of a core and the MB that each container of ours takes now."""
    units = {"KiB": 1.024e-3, "MiB": 1.048576, "GiB": 1073.741824, "B": 1e-6}
    found = {}
    for service in (*OURS, "redis", "postgres"):
        words = ["--no-stream", "--format", "{{.CPUPerc}} {{.MemUsage}}", stack.container(service)]
        cpu, memory = stack.engine.docker("stats", *words).split()[:2]
        [(number, unit)] = re.findall(r"([\d.]+)(\w+)", memory)
        found[service] = float(cpu.rstrip("%")) / 100, float(number) * units[unit]
    return found


def _probe(stack: Stack) -> float:
    """Ask a worker for its health as an orchestrator does; return the seconds it took."""
    begun = time.monotonic()
    stack.inside("worker", "adain-studio", "check", "worker")
    return time.monotonic() - begun


def loaded(stack: Stack, jobs: int = 12) -> str:
    """Keep a worker busy: its health check succeeds, and what each part takes is measured."""
    visitor = Visitor(stack.address())
    visitor.paint()  # has its cookie then: without one each of several at once is a newcomer
    with ThreadPoolExecutor(4) as several:
        sent = list(several.map(visitor.submit, [LONG] * jobs))
    probes, seen = [], []
    end = time.monotonic() + PATIENCE * 2
    while visitor.state(sent[-1]) != "done" and time.monotonic() < end:
        probes.append(_probe(stack))
        seen.append(_measured(stack))
    assert {visitor.until(job, "done", "failed") for job in sent} == {"done"}
    assert probes
    most = {
        name: "{:.1f} cores {:.0f} MB".format(*(max(one[name][k] for one in seen) for k in (0, 1)))
        for name in seen[0]
    }
    taken = ", ".join(f"{name} {what}" for name, what in most.items())
    asked = f"{len(probes)} probes of the busy worker, at most {max(probes):.1f} s"
    return f"{jobs} jobs; {asked}; {taken}"


# ---------------------------------------------------------------- observability


def _asked(stack: Stack, path: str) -> Any:  # noqa: ANN401
    """Ask Prometheus, from the web server's container, which reaches it."""
    code = f"import urllib.request as r; print(r.urlopen('http://prometheus:9090{path}').read().decode())"
    return json.loads(stack.inside("web", "python", "-c", code))["data"]


def _fail_one(stack: Stack) -> None:
    """Have one job fail, so that there is a failure to draw: its photo is gone."""
    visitor = Visitor(stack.address())
    stack.compose("stop", "worker")
    job = visitor.submit()
    code = f"import pathlib; [one.unlink() for one in pathlib.Path('/data/blobs/{job}').iterdir()]"
    stack.inside("web", "python", "-c", code)
    stack.compose("start", "worker")
    visitor.until(job, "failed")


def _values(stack: Stack, expression: str) -> int:
    """Return how many series an expression of a panel gives now, numbers that are none apart."""
    found = _asked(stack, f"/api/v1/query?query={quote(expression)}")["result"]
    return sum(one["value"][1] != "NaN" for one in found)


def panels(stack: Stack) -> str:
    """Fail unless every panel of the dashboard gets data from a Prometheus that runs."""
    _fail_one(stack)
    dashboard = json.loads((OBSERVABILITY / "grafana" / "studio.json").read_text())
    wanted = {
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    end, empty = time.monotonic() + PATIENCE, wanted
    while {title for title, _ in empty} - NO_GPU and time.monotonic() < end:
        Visitor(stack.address()).paint()
        time.sleep(5)
        empty = {one for one in wanted if not _values(stack, one[1])}
    assert {title for title, _ in empty} == NO_GPU, empty
    return (
        f"{len(wanted)} queries of {len(dashboard['panels'])} panels, all but the GPU's with data"
    )


def rules(stack: Stack) -> str:
    """Fail unless Prometheus evaluates our rules and reaches the studio with its token."""
    [target] = _asked(stack, "/api/v1/targets")["activeTargets"]
    assert target["health"] == "up", target
    found = [rule for group in _asked(stack, "/api/v1/rules")["groups"] for rule in group["rules"]]
    written = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    assert len(found) == sum(len(group["rules"]) for group in written)
    assert all(rule["health"] != "err" for rule in found), found
    return f"{len(found)} alerts evaluated, target up by its token"


def token(stack: Stack) -> str:
    """Fail if the metrics are shown without their token."""
    visitor = Visitor(stack.address())
    assert visitor.ask("GET", "/metrics").status_code in {401, 403, 404}
    shown = visitor.ask("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert shown.status_code == 200
    return "metrics for their token alone"


def page(stack: Stack) -> str:
    """Fetch the page, and every file that its head names."""
    visitor = Visitor(stack.address())
    shown = visitor.ask("GET", "/")
    assert "AdaIN Studio" in shown.text
    named = re.findall(r'href=\\?"page/([^"\\]+)', shown.text)
    assert len(named) > 20
    assert all(visitor.ask("GET", f"/page/{name}").status_code == 200 for name in named)
    return f"page and {len(named)} files"
