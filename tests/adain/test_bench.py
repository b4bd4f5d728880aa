from pathlib import Path

from PIL import Image

from adain import bench


def test_the_plot_has_the_papers_methods_and_ours(tmp_path: Path) -> None:
    bench._plot(tmp_path / "speed.svg", {"compact": 0.04, "vgg19": 0.24}, "2 threads")
    bench._plot(tmp_path / "speed.png", {"compact": 0.04}, "2 threads")
    with Image.open(tmp_path / "speed.png") as drawn:
        assert drawn.width > 800
    assert (tmp_path / "speed.svg").read_text("utf-8").count("<!--") >= len(bench._PAPER) + 2
