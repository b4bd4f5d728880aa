"""`python -m tests.audit`: run the attacks of SECURITY.md's threats, and print a table with counts.

Each row of its table names the test files that hold it: those are run, so that a threat that is
written down is covered. `python -m tests.audit WORD` runs the rows that have the word, a regular
expression, in any column; `--reports FILE …` counts what runs of pytest have written by
`--junitxml` and runs nothing. The attacks reach a studio in the tests' own process, most of them
through its ASGI application, those on connections through sockets. The exit code says whether
every attack was refused.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
FILES = re.compile(r"`(tests/(?:\w+/)*test_\w+\.py)`")


@dataclass(frozen=True)
class Threat:
    """A row of the table."""

    name: str
    row: str

    @property
    def files(self) -> list[str]:
        """The test files that the row names."""
        return list(dict.fromkeys(FILES.findall(self.row)))


def threats() -> list[Threat]:
    """Return the rows of the table of threats."""
    section = (ROOT / "SECURITY.md").read_text("utf-8").partition("## Threats\n")[2]
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [Threat(row.split(" | ")[0].removeprefix("| "), row) for row in rows[1:]]


def _passes(case: ET.Element) -> bool:
    return all(case.find(kind) is None for kind in ("failure", "error", "skipped"))


def counted(report: str) -> dict[str, Counter[bool]]:
    """Return how many tests of each file passed and did not, by JUnit's report of pytest."""
    found: dict[str, Counter[bool]] = {}
    for case in ET.fromstring(report).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        found.setdefault(file, Counter())[_passes(case)] += 1
    return found


def run(files: list[str]) -> dict[str, Counter[bool]]:
    """Run test files, each once; returns the counts by file."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", f"--basetemp={folder}/files", *files]
        subprocess.run(command, check=False, cwd=ROOT, stdout=sys.stderr)
        return counted(report.read_text("utf-8"))


def table(rows: list[Threat], found: dict[str, Counter[bool]]) -> str:
    """Return the counts by threat, as a table."""
    lines = ["| threat | tests | held | not |", "|---|---|---|---|"]
    for threat in rows:
        total: Counter[bool] = sum((found.get(file, Counter()) for file in threat.files), Counter())
        missing = sum(not found.get(file) for file in threat.files)
        lines.append(
            f"| {threat.name} | {total.total()} | {total[True]} | {total[False] + missing} |"
        )
    return "\n".join(lines)


def read(reports: list[Path]) -> dict[str, Counter[bool]]:
    """Return the counts of finished runs by file."""
    found: dict[str, Counter[bool]] = {}
    for report in reports:
        for file, counts in counted(report.read_text("utf-8")).items():
            found.setdefault(file, Counter()).update(counts)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.audit")
    parser.add_argument("word", nargs="?", default="", help="a regular expression")
    parser.add_argument("--reports", nargs="+", type=Path, default=[], help="JUnit files")
    return parser.parse_args()


def main() -> int:
    """Run or read, and print."""
    asked = _arguments()
    rows = [threat for threat in threats() if re.search(asked.word, threat.row)]
    files = sorted({file for threat in rows for file in threat.files})
    found = read(asked.reports) if asked.reports else run(files)
    print(table(rows, found))
    held = all(file in found and not found[file][False] for file in files)
    return 0 if held and files else 1


if __name__ == "__main__":
    sys.exit(main())
