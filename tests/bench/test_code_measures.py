"""The product's code keeps the measures that CONTRIBUTING states."""

from pathlib import Path

import pytest

from tests.bench import code_measures
from tests.bench.code_measures import Measure

ROOT = code_measures.ROOT
MEASURES = code_measures.measures()


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_no_measure_is_above_its_most(measure: Measure) -> None:
    assert measure.most is None or measure.value <= measure.most, measure


def test_the_table_in_contributing_states_the_measures_and_their_most() -> None:
    written = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for measure in MEASURES:
        [row] = [line for line in written.splitlines() if line.startswith(f"| {measure.name} |")]
        most = row.split("|")[3].strip()
        assert most == ("" if measure.most is None else str(measure.most)), row


def test_a_file_over_its_most_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_measures, "ROOT", tmp_path)
    files = [Path(f"adain/part_{number}.py") for number in range(16)]
    (tmp_path / "adain").mkdir()
    for file in files:
        (tmp_path / file).write_text("x = 1\n")
    (tmp_path / files[3]).write_text("x = 1\n" * 401)
    found = {measure.name: measure for measure in code_measures.measures(files)}
    assert found["files of code in a folder"].value == 16
    assert found["lines of a Python file"].value == 401
    assert found["lines of a Python file"].where == "adain/part_3.py"
