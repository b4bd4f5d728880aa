"""What `make audit-hostile` runs."""

from collections import Counter
from pathlib import Path

from tests import audit
from tests.audit import ROOT, Threat

REPORT = """<testsuites><testsuite>
<testcase classname="tests.web.test_a" name="one"/>
<testcase classname="tests.web.test_a" name="two"><failure>no</failure></testcase>
<testcase classname="tests.web.test_b" name="three"/>
<testcase classname="tests.web.test_b" name="four"><skipped/></testcase>
</testsuite></testsuites>"""


def test_every_threat_names_tests_that_are_there() -> None:
    found = audit.threats()
    assert len(found) > 30
    for threat in found:
        assert threat.files, threat.name
        assert all((ROOT / file).is_file() for file in threat.files), threat.name


def test_a_test_that_failed_was_skipped_or_did_not_run_is_not_held() -> None:
    counts = audit.counted(REPORT)
    assert counts["tests/web/test_a.py"] == Counter({True: 1, False: 1})
    row = Threat("reading", "| reading | by | `tests/web/test_a.py`, `tests/web/test_b.py` |")
    assert audit.table([row], counts).endswith("| reading | 4 | 2 | 2 |")
    assert audit.table([row], {}).endswith("| reading | 0 | 0 | 2 |")


def test_reports_of_several_runs_are_counted_together(tmp_path: Path) -> None:
    files = [tmp_path / "one.xml", tmp_path / "two.xml"]
    for file in files:
        file.write_text(REPORT)
    assert audit.read(files)["tests/web/test_a.py"] == Counter({True: 2, False: 2})
