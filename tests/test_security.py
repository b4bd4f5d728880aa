import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_what_is_said_to_defend_the_studio_is_there() -> None:
    named = set(
        re.findall(r"`((?:web|worker|tests)/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text())
    )
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).is_file()} == set()
