"""The loss network near to VGG-19: how it is fitted, kept and read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from adain import pixels
from adain.training import distil, lossnet
from adain.training.lossnet import LossNetwork
from tests.adain.test_stylizer import drawn


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Two folders of pictures."""
    for name in ("photos", "paintings"):
        (tmp_path / name).mkdir()
        for seed in range(3):
            drawn(seed, (96, 80)).save(tmp_path / name / f"{seed}.png")
    return [str(tmp_path / name) for name in ("photos", "paintings")]


def teacher() -> LossNetwork:
    """A network of VGG-19's shape with few channels, from random weights."""
    torch.manual_seed(5)
    return lossnet.ready(LossNetwork((8, 12, 16)))


def images(count: int) -> torch.Tensor:
    return torch.cat([pixels.tensor(drawn(seed, (64, 48))) for seed in range(count)])


def test_a_map_of_low_rank_is_found_exactly() -> None:
    torch.manual_seed(1)
    into, out, bias = torch.randn(3, 20), torch.randn(12, 3), torch.randn(12)
    x, sums = torch.randn(500, 20), distil.Sums()
    for some in torch.split(x, 100):
        sums.add(some, some @ into.mT @ out.mT + bias)
    found = sums.fit(3)
    made = x @ found.into.mT @ found.out.mT + found.bias
    assert torch.allclose(made, x @ into.mT @ out.mT + bias, atol=1e-3)


def test_fewer_channels_in_the_middle_keep_the_largest_part() -> None:
    torch.manual_seed(2)
    sizes, x, sums = torch.tensor([10.0, 3.0, 0.1]), torch.randn(2000, 3), distil.Sums()
    sums.add(x, x * sizes)
    missed = [
        float((x @ found.into.mT @ found.out.mT + found.bias - x * sizes).square().mean())
        for found in (sums.fit(rank) for rank in (1, 2, 3))
    ]
    assert missed[0] > 2.5 > 0.1 > missed[1] > missed[2]


def test_a_pupil_of_full_rank_sees_what_its_teacher_sees() -> None:
    taught, deeper = teacher(), lossnet.load()
    pupil = distil.distilled(taught, deeper, images(8))
    assert max(distil.unexplained(pupil, taught, images(10)[8:])) < 0.02


def test_a_pupil_of_low_rank_misses_more_the_deeper_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distil, "RANKS", dict.fromkeys(distil.RANKS, 4))
    taught = teacher()
    missed = distil.unexplained(
        distil.distilled(taught, lossnet.load(), images(8)), taught, images(4)
    )
    assert 0 < missed[0] < missed[2] < 1


def test_what_is_written_is_what_was_made(tmp_path: Path, folders: list[str]) -> None:
    file, out = tmp_path / "vgg19.safetensors", tmp_path / "out" / "large.safetensors"
    taught = teacher()
    weights = {
        f"conv{name[0]}_{name[1]}.{part}": value.contiguous()
        for name, conv in taught.convs.items()
        for part, value in conv.state_dict().items()
    }
    save_file(weights, file)
    assert (
        distil.main([str(file), *folders, "--out", str(out), "--crop", "48", "--count", "8"]) == 0
    )
    network = lossnet.load(out)
    assert set(network.before) == {"32"}
    assert set(network.after) == set(distil.RANKS)
    read = lossnet.names_and_weights(network)
    again = tmp_path / "again.safetensors"
    save_file({name: value.contiguous() for name, value in read.items()}, again)
    x = pixels.unit(images(1))
    for one, other in zip(network(x), lossnet.load(again)(x), strict=True):
        assert torch.equal(one, other)


def test_a_missing_teacher_is_said(
    tmp_path: Path, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert distil.main([str(tmp_path / "none.safetensors"), *folders, "--crop", "48"]) == 2
    assert "There is no loss network" in capsys.readouterr().err


def test_the_large_loss_network_has_vgg19s_channels_and_tells_strokes_from_blur() -> None:
    network = lossnet.load(lossnet.LARGE)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    rough = Image.fromarray(noise)
    blurred = rough.resize((8, 8)).resize((64, 64))
    features = network(pixels.unit(pixels.tensor(rough)))
    assert [tuple(one.shape[1:]) for one in features] == [
        (64, 64, 64),
        (128, 32, 32),
        (256, 16, 16),
        (128, 8, 8),
    ]
    soft = network(pixels.unit(pixels.tensor(blurred)))
    for one, other in zip(features[:3], soft, strict=False):
        assert one.std() > 1.5 * other.std()
