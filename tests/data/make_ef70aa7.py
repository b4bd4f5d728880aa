"""Make tests/data/ef70aa7: what a studio of revision ef70aa7 leaves, by running that revision.

Needs a clone with that commit. Starts the studio of the commit (`adain-studio up`), uses it as
two visitors and an administrator do, kills it while jobs run and wait, and packs what is there:

- `data.tar.xz`: the data folder: SQLite database, pictures, cookie secret
- `backup.tar`: what its `backup` wrote, from a copy without `styles` rows, on which it fails
- `left.json`: the visitors' cookies and keys, and what each could open before the upgrade
- `code.tar.xz`: the program itself without weights and pictures, for tests of the new tables

python -m tests.data.make_ef70aa7
"""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image

REVISION = "ef70aa7"
ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / REVISION
ADMIN_SECRET = "the administrator of a test studio"
IDEMPOTENCY_KEY = "made-once"
CODE = ("adain", "worker", "web", "pyproject.toml")
NOT_CODE = ("adain/weights/", "web/examples/", "adain/recipes/")
KEPT = ("studio.sqlite3", "blobs", "cookie-secret")


def _until(happened: Callable[[], object], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def picture(color: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(out, "JPEG")
    picture = Image.blend(Image.open(out), Image.new("RGB", (64, 48), color), 0.5)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _mask(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (64, 48), level).save(out, "PNG")
    return out.getvalue()


# ---------------------------------------------------------------- the program


def _archive(*words: str) -> bytes:
    return subprocess.run(
        ["git", "archive", REVISION, *words], cwd=ROOT, check=True, capture_output=True
    ).stdout


def _extract(archive: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def _environment(data: Path, **more: str) -> dict[str, str]:
    mine = {key: word for key, word in os.environ.items() if not key.startswith("STUDIO_")}
    return mine | {"STUDIO_DATA": str(data), "PYTHONPATH": ""} | more


class Up:
    """`adain-studio up` of the revision, ready to be used."""

    def __init__(self, program: Path, data: Path) -> None:
        self.program, self.data = program, data
        chosen = {"STUDIO_PORT": "0", "STUDIO_COMPILE": "0", "STUDIO_SWEEP_SECONDS": "0.3"}
        chosen["STUDIO_ADMIN_SECRET"] = ADMIN_SECRET
        log = data.parent / "log"
        with log.open("w") as out:
            self.process = psutil.Popen(
                [sys.executable, "-m", "web.cli", "up"],
                env=_environment(data, **chosen),
                cwd=program,
                stdout=out,
                stderr=out,
            )
        _until(lambda: "Ready" in log.read_text() or self.process.poll() is not None)
        ready = re.search(r"Ready after \d+ s: (\S+)", log.read_text())
        assert ready, log.read_text()
        self.address = ready[1]

    def kill(self) -> None:
        """End every process at once, before any can give its job back."""
        family = [self.process, *self.process.children(recursive=True)]
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for one in family:
                one.send_signal(sign)
        self.process.wait()
        _until(lambda: not any(one.is_running() for one in family[1:]))


# ---------------------------------------------------------------- its visitors


class Visitor:
    """A browser with a cookie, or a program with a key."""

    def __init__(self, address: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=f"{address}/api/v1", timeout=60, headers=headers)

    def ask(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401, JSON
        answer = self.http.request(method, path, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def submit(self, color: str, styles: int = 1, masks: int = 0, **more: Any) -> str:  # noqa: ANN401
        headers, webhook = more.pop("headers", {}), more.pop("webhook", "")
        colors = ["orange", "navy", "olive", "crimson"]
        files = [("content", picture(color)), *(("style", picture(c)) for c in colors[:styles])]
        files += [("mask", _mask(255 * place)) for place in range(masks)]
        data = {"options": json.dumps({"size": 64} | more)}
        data |= {"webhook": webhook} if webhook else {}
        return str(self.ask("POST", "/jobs", files=files, data=data, headers=headers)["id"])

    def state(self, job_id: str) -> str:
        return str(self.ask("GET", f"/jobs/{job_id}")["state"])

    def wait(self, job_id: str, state: str = "done") -> str:
        _until(lambda: self.state(job_id) in {"done", "failed", "cancelled"})
        assert self.state(job_id) == state
        return job_id

    def opened(self, path: str) -> dict[str, Any]:
        """Return what an address answers: the sha256 of a picture, the status otherwise."""
        answer = self.http.get(path)
        picture = answer.headers["content-type"].startswith("image/")
        digest = hashlib.sha256(answer.content).hexdigest() if picture else None
        return {"path": path, "status": answer.status_code, "sha256": digest}


def _administrate(address: str, then: Callable[[Callable[..., Any]], None]) -> None:
    admin = Visitor(address)
    admin.http.headers["Authorization"] = f"Bearer {ADMIN_SECRET}"
    then(lambda method, path, **more: admin.ask(method, f"/admin{path}", **more))


def _fail_one(ann: Visitor, up: Up) -> str:
    """Make a job fail whose photo is lost."""
    failed: list[str] = []

    def lose(ask: Callable[..., Any]) -> None:
        ask("POST", "/pause")
        failed.append(ann.submit("black"))
        [photo] = (up.data / "blobs" / failed[0]).glob("content*")
        photo.unlink()
        ask("POST", "/resume")

    _administrate(up.address, lose)
    return ann.wait(failed[0], "failed")


def _change_limits(ask: Callable[..., Any]) -> None:
    ask("PUT", "/limits/visitor_waiting", json={"value": 150})
    ask("POST", "/blocks", json={"who": f"owner:{'0' * 32}", "reason": "sent too much"})


PERSON = """
from worker import accounts
accounts.sign_in("https://id.example", "subject-1", "Pat", "f" * 32, "e" * 32)
"""


def _live(up: Up) -> dict[str, Any]:
    """Use every part of the studio; return what its visitors hold and could open."""
    ann, bob = Visitor(up.address), Visitor(up.address)
    left: dict[str, Any] = {"revision": REVISION, "made": time.time(), "visitors": {}}
    for name, one in (("ann", ann), ("bob", bob)):
        one.ask("GET", "/me")
        key = one.ask("POST", "/me/keys", json={"name": f"{name}'s server"})["key"]
        left["visitors"][name] = {"cookie": one.http.cookies["studio"], "key": key}
    program = Visitor(up.address, left["visitors"]["ann"]["key"])

    public = ann.wait(ann.submit("teal", alpha=0.5))
    change = {"title": "A boat", "tags": ["sea", "evening"], "favourite": True}
    ann.ask("PATCH", f"/gallery/{public}", json=change)
    ann.ask("POST", f"/gallery/{public}/publish")
    link = ann.ask("POST", f"/gallery/{public}/share")["own"]["link"]
    bob.ask("POST", f"/gallery/{public}/report", json={"reason": "This is a picture of me."})

    shared = program.wait(program.submit("purple", styles=2, masks=2))
    revoked = program.ask("POST", f"/gallery/{shared}/share")["own"]["link"]
    program.ask("POST", f"/gallery/{shared}/revoke")
    second = program.ask("POST", f"/gallery/{shared}/share")["own"]["link"]

    secret = ann.ask("POST", "/webhook-secret")["secret"]
    delivered = ann.wait(ann.submit("gray", webhook="https://studio.invalid/painted"))
    once = {"Idempotency-Key": IDEMPOTENCY_KEY}
    idempotent = ann.wait(ann.submit("brown", headers=once))

    files = [("content", (f"photo-{c}.png", picture(c))) for c in ("red", "blue")]
    files += [("style", (f"style-{c}.png", picture(c))) for c in ("orange", "navy")]
    batch = ann.ask("POST", "/batches", files=files, data={"options": '{"size": 64}'})["id"]
    _until(lambda: ann.ask("GET", f"/batches/{batch}")["counts"]["done"] == 4)

    bobs = bob.wait(bob.submit("green"))
    bob.ask("PATCH", f"/gallery/{bobs}", json={"favourite": True})
    failed = _fail_one(ann, up)
    _administrate(up.address, _change_limits)
    subprocess.run(
        [sys.executable, "-c", PERSON], cwd=up.program, env=_environment(up.data), check=True
    )

    running = ann.submit("pink", styles=4, size=1024)
    _until(lambda: ann.state(running) == "running")
    cancelled = ann.submit("white")
    ann.ask("DELETE", f"/jobs/{cancelled}")
    queued = {"ann": [ann.submit("teal"), ann.submit("gold")], "bob": [bob.submit("cyan")]}
    bob.ask("POST", "/previews", files={"content": picture("teal"), "style": picture("orange")})
    assert ann.state(running) == "running"

    for name, one in (("ann", ann), ("bob", bob)):
        about = left["visitors"][name]
        jobs = one.ask("GET", "/jobs?limit=100")["jobs"]
        about["jobs"] = {job["id"]: job["state"] for job in jobs}
        about["queued"] = queued[name]
        about["gallery"] = [e["id"] for e in one.ask("GET", "/gallery?limit=100")["entries"]]
        paths = [f"/jobs/{job}/{what}" for job in about["jobs"] for what in ("content", "result")]
        paths += [f"/jobs/{job}/styles/0" for job in about["jobs"]]
        paths += [f"/gallery/{entry}/thumbnail" for entry in about["gallery"]]
        about["opens"] = [one.opened(path) for path in paths]
    links = [word.rpartition("/")[2] for word in (link, second, revoked)]
    left["links"] = [
        bob.opened(f"/share/{token}{end}") for token in links for end in ("", "/picture")
    ]
    left |= {
        "public": [e["id"] for e in bob.ask("GET", "/gallery?scope=public")["entries"]],
        "batch": batch, "idempotency_key": IDEMPOTENCY_KEY, "idempotent": idempotent,
        "webhook_secret": secret, "webhook": delivered, "failed": failed, "running": running,
    }  # fmt: skip
    up.kill()
    return left


# ---------------------------------------------------------------- packing


def _packed(folder: Path, names: tuple[str, ...], target: Path) -> None:
    def plain(about: tarfile.TarInfo) -> tarfile.TarInfo | None:
        about.uid = about.gid = 0
        about.uname = about.gname = ""
        left_out = about.name.startswith(NOT_CODE) or "__pycache__" in about.name
        return None if left_out else about

    with tarfile.open(target, "w:xz", preset=9) as tar:
        for name in names:
            tar.add(folder / name, name, filter=plain)


def _shrink(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for statement in (*statements, "VACUUM"):
            connection.execute(statement)


def _back_up(program: Path, data: Path, target: Path) -> None:
    """Write a back-up with the revision's own word, as far as it can: without `styles`."""
    copy = data.with_name("copy")
    shutil.copytree(data, copy)
    _shrink(copy / "studio.sqlite3", "DELETE FROM styles")
    subprocess.run(
        [sys.executable, "-m", "web.cli", "backup", str(target)],
        cwd=program,
        env=_environment(copy),
        check=True,
    )


def main() -> None:
    """Make it."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as place:
        program, data = Path(place, "program"), Path(place, "data")
        _extract(_archive(*CODE), program)
        left = _live(Up(program, data))
        _shrink(data / "studio.sqlite3")
        _back_up(program, data, OUT / "backup.tar")
        (OUT / "left.json").write_text(json.dumps(left, indent=1) + "\n")
        _packed(data, KEPT, OUT / "data.tar.xz")
        _packed(program, CODE, OUT / "code.tar.xz")


if __name__ == "__main__":
    main()
