import pytest
import torch

from adain.catalog import NETWORKS
from tests.bench import floor
from tests.bench.floor import Layer, Machine


def test_the_published_operations_of_both_networks_are_counted() -> None:
    work = {
        name: sum(layer.operations for layer in floor.layers(name, 512, torch.float32)) / 2e9
        for name in NETWORKS
    }
    assert work["compact"] == pytest.approx(5.9, abs=0.05)
    assert work["vgg19"] == pytest.approx(126.5, abs=0.5)


def test_bfloat16_moves_half_the_bytes_of_float32() -> None:
    whole, half = (
        sum(layer.bytes for layer in floor.layers("compact", 64, kind))
        for kind in (torch.float32, torch.bfloat16)
    )
    assert whole == 2 * half


def test_the_floor_of_a_layer_is_the_longer_of_arithmetic_and_memory() -> None:
    machine = Machine(operations=100.0, bytes=10.0)
    assert Layer(200, 10).seconds(machine) == 2.0
    assert Layer(100, 30).seconds(machine) == 3.0
