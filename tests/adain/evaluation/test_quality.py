import json
import math
from pathlib import Path
from random import Random

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.metrics import structural_similarity

from adain import pixels, weights
from adain.evaluation import measures, quality
from adain.evaluation.cards import Deck
from adain.evaluation.measures import Measures
from adain.training import lossnet
from adain.training.lossnet import LossNetwork


def picture(seed: int, width: int = 72, height: int = 64) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return pixels.image(pixels.as_bytes(smooth)[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos, two paintings, and a peer's results for them: the photos themselves."""
    for kind in ("photos", "paintings", "peer"):
        (tmp_path / kind).mkdir()
    for number in range(2):
        picture(number).save(tmp_path / "photos" / f"p{number}.png")
        picture(10 + number).save(tmp_path / "paintings" / f"s{number}.png")
        for other in range(2):
            picture(number).save(tmp_path / "peer" / f"p{number}_stylized_s{other}.png")
    return tmp_path


def run(folder: Path, *more: str) -> int:
    return quality.main(
        [
            *("--content", str(folder / "photos"), "--style", str(folder / "paintings")),
            *("--size", "64", "--device", "cpu", *more),
        ]
    )


def test_ssim_is_that_of_scikit_image() -> None:
    grey = [picture(seed).convert("L").convert("RGB") for seed in (0, 1)]
    one, other = (pixels.unit(pixels.tensor(image)) for image in grey)
    wanted = structural_similarity(  # type: ignore[no-untyped-call]
        *(image[0, 0].double().numpy() for image in (one, other)),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
    )
    assert measures.ssim(one, other) == pytest.approx(wanted, abs=1e-3)
    assert measures.ssim(one, one) == pytest.approx(1, abs=1e-4)


def test_the_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    few, many = [0.0, 1.0] * 4, [0.0, 1.0] * 100
    for values in (few, many):
        mean, low, high = measures.interval(values)
        assert low <= mean <= high
    assert measures.interval(many)[2] - measures.interval(many)[1] < 0.2
    assert measures.interval(few) == measures.interval(few)


def test_networks_files_and_folders_stand_in_one_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(weights.SHIPPED / "compact.safetensors")
    sheet = folder / "sheet.jpg"
    received = ["compact", file, str(folder / "peer"), "--each", "--sheet", str(sheet)]
    assert run(folder, *received, "--sheet-side", "32") == 0
    printed = capsys.readouterr().out
    each, mean = printed.split("Mean over")
    assert each.count("p0_stylized_s0") == 3
    *_, named, filed, peer = mean.strip().splitlines()
    assert named.split("|")[2:] == filed.split("|")[2:]  # the same weights by name and by path
    assert "peer | 0.000" in peer
    assert "–" in peer  # a folder can't make a photo in its own style
    assert Image.open(sheet).size == (5 * 32, 4 * 32)


def test_full_vgg19_adds_two_columns_and_cards_hide_the_makers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    network = LossNetwork((6, 8, 10))
    names = lossnet.NAMES["VGG-19 as first published"][1:6]
    state = {
        f"{name}.{part}": value
        for name, conv in zip(names, network.convs.values(), strict=True)
        for part, value in conv.state_dict().items()
    }
    save_file(state, folder / "vgg19.safetensors")
    cards = folder / "cards"
    (folder / "other").mkdir()
    for path in (folder / "peer").iterdir():
        picture(20).save(folder / "other" / path.name)
    entrants = [str(folder / "peer"), str(folder / "other")]
    received = [*entrants, "--vgg19", str(folder / "vgg19.safetensors"), "--cards", str(cards)]
    assert run(folder, *received) == 0
    printed = capsys.readouterr().out
    assert "| vgg19 | relu3_1 |" in printed
    assert printed.count("–") == 2  # identity, of two folders
    key = json.loads((cards / "key.json").read_text())
    assert sorted(key) == [f"card-{number:02}" for number in range(4)]
    assert all(sorted(order) == ["other", "peer"] for order in key.values())
    assert all((cards / f"{name}.png").is_file() for name in key)


def test_a_card_has_the_results_in_the_order_of_its_key(tmp_path: Path) -> None:
    colours = {"ours": (200, 0, 0), "theirs": (0, 0, 200)}
    results = {name: Image.new("RGB", (64, 64), colour) for name, colour in colours.items()}
    deck = Deck(tmp_path, Random(1))
    for _ in range(6):
        deck.add(picture(0), picture(1), results)
    key = json.loads((tmp_path / "key.json").read_text())
    assert {tuple(order) for order in key.values()} == {("ours", "theirs"), ("theirs", "ours")}
    for name, order in key.items():
        image = Image.open(tmp_path / f"{name}.png")
        assert image.getpixel((100, image.height - 100)) == colours[order[0]]
        assert image.getpixel((700, image.height - 100)) == colours[order[1]]


def test_the_held_out_part_of_a_split_is_what_is_measured(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = folder / "split.tsv"
    split.write_text("p0.png\ttrain\np1.png\theld out\ns0.png\theld out\ns1.png\ttrain\n")
    assert run(folder, str(folder / "peer"), "--split", str(split), "--each") == 0
    printed = capsys.readouterr().out
    assert "Mean over 1 pairs" in printed
    assert "p1_stylized_s0" in printed


def test_a_table_of_pairs_is_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = folder / "pairs.tsv"
    pairs.write_text("photos/p1.png\tpaintings/s0.png\n")
    assert quality.main([str(folder / "peer"), "--pairs", str(pairs), "--size", "64"]) == 0
    assert "Mean over 1 pairs" in capsys.readouterr().out


def test_a_picture_without_peer_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "peer" / "p1_stylized_s1.png").unlink()
    assert run(folder, str(folder / "peer")) == 2
    assert "p1_stylized_s1" in capsys.readouterr().err


def test_an_unknown_entrant_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "nobody") == 2
    assert "nobody" in capsys.readouterr().err


def test_what_was_not_asked_shows_as_a_dash() -> None:
    nothing = Measures(0.1, 0.2, math.nan, 0.3, 0.4, 0.5)
    assert "–" in measures.table({"someone": [nothing, nothing]})
