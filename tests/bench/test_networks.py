from pathlib import Path

from PIL import Image

from tests.bench import networks


def test_the_plot_has_the_papers_methods_and_ours(tmp_path: Path) -> None:
    networks._plot(tmp_path / "speed.svg", {"compact": 0.04, "vgg19": 0.24}, "2 threads")
    networks._plot(tmp_path / "speed.png", {"compact": 0.04}, "2 threads")
    with Image.open(tmp_path / "speed.png") as drawn:
        assert drawn.width > 800
    assert (tmp_path / "speed.svg").read_text("utf-8").count("<!--") >= len(networks._PAPER) + 2
