import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from adain import weights
from adain.live import packed, plan
from adain.model.network import Network
from tests.adain.live.pairs import STATIC
from tests.node import NODE

SHIPPED = weights.SHIPPED / "compact.safetensors"


@pytest.fixture(scope="module")
def network() -> Network:
    return weights.load("compact", weights.SHIPPED)[0]


def described(data: bytes) -> tuple[dict[str, object], int]:
    end = 4 + int.from_bytes(data[:4], "little")
    return json.loads(data[4:end]), end


def test_the_description_that_is_checked_in_is_the_network_as_it_is_built() -> None:
    written = (packed.FOLDER / "compact.json").read_text("utf-8")
    assert written == plan.text(), "python -m adain.live.plan writes it"


def test_a_network_with_other_layers_is_refused() -> None:
    with pytest.raises(plan.CannotRun):
        plan.plan("vgg19")


def test_the_data_holds_every_convolution_to_a_65534th_of_its_filter(network: Network) -> None:
    data = packed.packed("compact", SHIPPED)
    described_as, at = described(data)
    assert described_as["grain"] == network.grain_deviation
    state = network.state_dict()
    for name in packed.convolutions(described_as):
        weight, bias = (state[f"{name}.{part}"].numpy() for part in ("weight", "bias"))
        filters = len(weight)
        found = np.frombuffer(data, "<f4", filters * 2, at)
        whole = np.frombuffer(data, "<i2", weight.size, at + 8 * filters).reshape(weight.shape)
        at += 8 * filters + 2 * weight.size + -2 * weight.size % 4
        scales = found[filters:, None, None, None]
        assert (found[:filters] == bias).all()
        most = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
        assert (np.abs(whole * scales - weight) <= most / 65534 * 1.01 + 1e-9).all(), name
    assert at == len(data)
    assert sum(value.numel() for value in state.values()) == 865_004
    assert len(data) < 1_800_000


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"encoder.1.weight": torch.zeros(32, 12, 3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(KeyError):
        packed.packed("compact", tmp_path / "other.safetensors")


def test_the_engines_noise_is_the_networks(network: Network) -> None:
    script = Path(__file__).with_name("noise.mjs")
    made = subprocess.run(
        [NODE, script, STATIC / "network.js", "128", "0.2"], capture_output=True, check=True
    )
    cells = np.frombuffer(made.stdout, "<f4").reshape(64, 64, 128)
    noise = network._grain
    assert noise is not None
    assert np.abs(cells - noise[0].permute(1, 2, 0).numpy()).max() < 1e-6
