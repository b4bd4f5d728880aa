"""Write which files pip would install for some extras, each with its sha256.

`make hashes EXTRAS=web,postgres,heic` writes deploy/web,postgres,heic.lock from the index that pip
is set up with; `pip install --require-hashes -r` of it then takes those files and no others. The
hashes are of this platform and this Python, and come with the index's word: nothing is installed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def report(extras: str) -> dict[str, Any]:
    """Ask pip what it would install, with the pinned versions."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
    ]
    command += ["--report", "-", "-c", "constraints.txt", f".[{extras}]"]
    done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """Return a requirement with its hash for everything but the studio itself."""
    wanted = [one for one in found["install"] if not one["is_direct"]]
    return sorted(
        f"{one['metadata']['name']}=={one['metadata']['version']} "
        f"--hash=sha256:{one['download_info']['archive_info']['hashes']['sha256']}"
        for one in wanted
    )


def main() -> None:
    """Write the file."""
    [extras] = sys.argv[1:]
    file = HERE / f"{extras}.lock"
    written = lines(report(extras))
    file.write_text("\n".join(written) + "\n")
    print(f"{file}: {len(written)} files")


if __name__ == "__main__":
    main()
