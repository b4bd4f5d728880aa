"""Documents: the files they name exist."""

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`((?:adain|deploy|docs|tests|web|worker)/[\w./-]+)`")
MADE = {"deploy/digests.yml"}  # by `make digests`, where a registry answers
GONE = {"web/picture.py"}  # of a superseded decision


def tracked() -> set[str]:
    """Return every file that git tracks, and every folder with one."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    return {*listed, *(str(one) for file in listed for one in PurePosixPath(file).parents)}


DOCUMENTS = sorted(file for file in tracked() if file.endswith(".md") and file != "CHANGELOG.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_exist(document: str) -> None:
    named = {one.rstrip("/") for one in NAMED.findall((ROOT / document).read_text("utf-8"))}
    assert named - tracked() - MADE - GONE == set()
