"""Each stage of a job has a name for people."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
REPORTED = re.compile(r'\b(?:_?watch|stage_of)\((?:[\w.]+, )?"(\w+)"')


def _stages() -> set[str]:
    """Return the stages that the code reports."""
    files = [*(ROOT / "adain").rglob("*.py"), *(ROOT / "worker" / "runner").rglob("*.py")]
    return {name for file in files for name in REPORTED.findall(file.read_text("utf-8"))}


def test_every_stage_that_a_job_reports_has_a_text() -> None:
    texts = json.loads((ROOT / "web/language/texts/en.json").read_text("utf-8"))
    stages = _stages()
    assert {"styles", "picture", "save"} <= stages
    assert {name for name in stages if f"stage.{name}" not in texts} == set()
