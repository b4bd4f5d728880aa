import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_files_that_security_md_names_exist() -> None:
    named = set(
        re.findall(r"`((?:web|worker|tests)/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text())
    )
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).is_file()} == set()
