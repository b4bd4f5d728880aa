"""Each figure of the paper at toy size: what it leaves, and its laws."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adain.catalog import Color
from adain.paper import ablations, comparison, normalisation, times
from adain.paper.__main__ import FIGURES, main

SMALL = ("--steps", "2", "--side", "64", "--count", "2", "--device", "cpu")

Records = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All figures, made by the command."""
    made = tmp_path_factory.mktemp("paper")
    assert main(["all", "--out", str(made), *SMALL]) == 0
    return made


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in FIGURES}


def numbers(value: object) -> Iterator[float]:
    """Yield every number of a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("name", list(FIGURES))
def test_a_figure_leaves_a_picture_its_figures_and_a_sentence(
    folder: Path, records: Records, name: str
) -> None:
    record = records[name]
    [picture] = [file for file in folder.glob(f"{name}.*") if file.suffix != ".json"]
    assert min(Image.open(picture).size) > 64
    found = list(numbers(record["figures"]))
    assert found
    assert all(map(math.isfinite, found))
    assert record["machine"]
    assert record["seconds"] > 0
    assert " The paper: " in record["sentence"]
    verdicts = record["holds"]
    assert all(
        f"{finding}: {'yes' if yes else 'no'}" in record["sentence"]
        for finding, yes in verdicts.items()
    )


def test_no_style_loses_no_content(records: Records) -> None:
    found = records["figure-7"]["figures"]
    assert found["alpha"][0] == 0
    assert found["content"][0] == pytest.approx(0, abs=1e-6)
    assert found["content"][0] == min(found["content"])
    assert found["style"][-1] < found["style"][0]


def test_corners_of_an_interpolation_are_the_single_styles(records: Records) -> None:
    found = records["figure-8"]["figures"]
    assert len(found["corner against single style"]) == len(found["styles"]) == 4
    assert max(found["corner against single style"]) < 1 / 255


def test_the_photos_colours_are_kept(records: Records) -> None:
    found = records["figure-9"]["figures"]["distance of colours to the photo"]
    assert found[Color.CONTENT] < found[Color.STYLE]
    assert found[Color.LUMINANCE] < found[Color.STYLE]


def test_each_region_is_nearer_to_its_own_style(records: Records) -> None:
    [found] = records["figure-10"]["figures"].values()
    assert len(found) == 4  # two photos, subject and background
    assert all(own < other for own, other in found)


def test_the_optimisation_goes_down_and_is_measured_at_its_last_step(records: Records) -> None:
    found = records["figure-3"]["figures"]
    assert found["optimisation"]["iterations"] == [1, 2]
    assert found["losses"]["photo itself"]["content"] == pytest.approx(0, abs=1e-6)
    assert found["losses"]["AdaIN"]["style"] < found["losses"]["photo itself"]["style"]
    assert {"AdaIN", "AdaIN + covariance"} <= set(found["losses"])


def test_every_pair_shown_is_measured_for_every_method(records: Records) -> None:
    found = records["figure-4"]["figures"]
    assert [set(pair["losses"]) for pair in found["pairs"]] == 2 * [
        {*comparison.METHODS, "optimisation"}
    ]


def test_the_table_has_our_seconds_beside_the_papers(records: Records) -> None:
    found = records["table-1"]["figures"]
    table = found["markdown"]
    assert len(table.splitlines()) == 2 + len(found["seconds"]) + len(times.PAPER)
    assert "| optimisation, the paper's | 14.2 (14.2) | 46.8 (46.8) |" in table
    for both in found["seconds"].values():
        assert set(both) == {"without", "with"}
        assert min(numbers(both)) > 0


def test_every_training_has_a_loss_a_step(records: Records) -> None:
    curves = records["figure-1"]["figures"]["style loss"]
    assert list(curves) == ["original", "contrast normalised", "style normalised"]
    assert all(len(curve) == 2 for both in curves.values() for curve in both.values())
    found = records["figure-6"]["figures"]
    assert all(len(curve) == 2 for kind in ("content", "style") for curve in found[kind].values())
    assert set(found["content"]) == set(records["figure-5"]["figures"]["of the pictures shown"])


def test_findings_follow_the_figures() -> None:
    assert list(normalisation.holds(2.0, 1.5, 1.2).values()) == [True, True, True]
    assert list(normalisation.holds(1.0, 1.05, 1.3).values()) == [False, False, False]
    ours, other = {"content": 1.0, "style": 0.1}, {"content": 2.0, "style": 0.11}
    names = [kind.name for kind in ablations.KINDS]
    worst = {"content": 3.0, "style": 1.0}
    found = ablations.holds(dict(zip(names, [ours, other, other, worst], strict=True)))
    assert set(found.values()) == {True}
    found = ablations.holds(dict(zip(names, [worst, ours, ours, ours], strict=True)))
    assert [name for name, yes in found.items() if yes] == [
        "concatenation reaches a low style loss"
    ]


def test_iterations_are_interpolated_between_measurements() -> None:
    steps, curve = [1, 10, 100], [1.0, 0.1, 0.01]
    assert comparison.reached(steps, curve, 0.1) == pytest.approx(10)
    assert comparison.reached(steps, curve, 10**-1.5) == pytest.approx(10**1.5)
    assert comparison.reached(steps, curve, 0.001) is None
    assert comparison.reached(steps, curve, 2.0) == 1
    assert comparison.marks(60) == [1, 5, 10, 25, 50, 60]


def test_a_folder_without_pictures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figure-7", "--out", str(tmp_path), "--photos", str(tmp_path), *SMALL]) == 2
    assert "no picture" in capsys.readouterr().err
