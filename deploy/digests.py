"""Write which images the names in docker-compose.yml and the Dockerfile stand for at this moment.

`make digests` writes deploy/digests.yml, an addition to docker-compose.yml that names each image
by its sha256: docker compose -f docker-compose.yml -f deploy/digests.yml up. The digests are the
registry's word, asked through Docker; where one does not answer, nothing is written.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FILE = ROOT / "deploy" / "digests.yml"
BASE = "PYTHON_IMAGE"  # the Dockerfile's argument


def _base() -> str:
    """Return the image that ours are built on."""
    found = re.search(rf"^ARG {BASE}=(\S+)$", (ROOT / "deploy/Dockerfile").read_text(), re.M)
    assert found is not None
    return found[1]


def digest(image: str) -> str:
    """Return an image's name with its digest; raises SystemExit where the registry is silent."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    try:
        found = str(json.loads(done.stdout)["digest"])
    except (ValueError, KeyError, TypeError):
        found = ""
    if done.returncode or not re.fullmatch("sha256:[0-9a-f]{64}", found):
        said = (done.stderr.strip().splitlines() or ["no digest"])[-1]
        raise SystemExit(f"The registry of {image} does not answer, nothing is written: {said}")
    return f"{image}@{found}"


def addition(services: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be added to services: a digest for each image that is not built here."""
    base = digest(_base())
    return {
        name: {"build": {"args": {BASE: base}}}
        if "build" in one
        else {"image": digest(one["image"])}
        for name, one in services.items()
    }


def main() -> None:
    """Write the file."""
    if shutil.which("docker") is None:
        raise SystemExit("There is no Docker here to ask a registry with; nothing is written.")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    written = addition(services)
    FILE.write_text(yaml.safe_dump({"services": written}, sort_keys=False))
    print(f"{FILE}: {len(written)} services")


if __name__ == "__main__":
    main()
