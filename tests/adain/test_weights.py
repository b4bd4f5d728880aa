import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from adain import weights
from adain.model.builders import build
from adain.weights import WeightsCorrupt, WeightsError, WeightsMissing


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Two files as the PyTorch port has them: the encoder with layers beyond relu4_1."""
    torch.manual_seed(0)
    network = build("vgg19")
    beyond = {"31.weight": torch.zeros(2), "51.bias": torch.zeros(2)}
    folder = tmp_path / "published"
    folder.mkdir()
    torch.save(dict(network.encoder.state_dict()) | beyond, folder / "vgg_normalised.pth")
    torch.save(dict(network.decoder.state_dict()), folder / "decoder.pth")
    return folder


@pytest.fixture
def address(published: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(published))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_grain_that_is_no_number_is_refused_before_it_is_added(tmp_path: Path) -> None:
    for reported in ("much", "-1", "nan"):
        save_file(build("compact").state_dict(), tmp_path / "mine.safetensors", {"grain": reported})
        with pytest.raises(WeightsError, match=f"a grain of {reported}"):
            weights.add(tmp_path / "mine.safetensors", tmp_path / "added")
    assert not (tmp_path / "added").exists()


def test_the_shipped_network_is_there_and_sound(tmp_path: Path) -> None:
    network, found = weights.load("compact", tmp_path)
    assert found.sha256 == sha256(weights.SHIPPED / "compact.safetensors")
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_two_files_of_the_pytorch_port_load_unchanged(tmp_path: Path, published: Path) -> None:
    assert weights.add(published / "vgg_normalised.pth", tmp_path) == "vgg19.encoder"
    with pytest.raises(WeightsMissing):
        weights.find("vgg19", tmp_path)
    assert weights.add(published / "decoder.pth", tmp_path) == "vgg19.decoder"
    network, found = weights.load("vgg19", tmp_path)
    assert [w.network for w in weights.available(tmp_path)] == ["compact", "vgg19"]
    assert len(found.sha256) == 64
    given = torch.load(published / "decoder.pth", weights_only=True)
    torch.testing.assert_close(dict(network.decoder.state_dict()), given)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"adain-studio weights add FILE.*fetch URL"):
        weights.find("vgg19", tmp_path)


def test_a_file_of_ones_own_replaces_the_shipped_one(tmp_path: Path) -> None:
    state = build("compact").half().state_dict()
    save_file(state, tmp_path / "mine.safetensors")
    assert weights.add(tmp_path / "mine.safetensors", tmp_path) == "compact"
    network, found = weights.load("compact", tmp_path)
    assert found.files == (tmp_path / "compact.safetensors",)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_one_changed_byte_is_noticed(tmp_path: Path, published: Path) -> None:
    weights.add(published / "vgg_normalised.pth", tmp_path)
    weights.add(published / "decoder.pth", tmp_path)
    file = tmp_path / "vgg19.decoder.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match="is damaged"):
        weights.load("vgg19", tmp_path)


def test_a_file_without_its_checksum_is_not_trusted(tmp_path: Path) -> None:
    shipped = weights.SHIPPED / "compact.safetensors"
    (tmp_path / "compact.safetensors").write_bytes(shipped.read_bytes())
    with pytest.raises(WeightsCorrupt, match="add the file again"):
        weights.load("compact", tmp_path)


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors", "empty.pth"])
def test_a_file_that_is_no_weights_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "empty.pth" else b"no weights at all" * 40)
    with pytest.raises(WeightsError, match="neither safetensors nor a PyTorch file"):
        weights.add(tmp_path / name, tmp_path)


def test_code_inside_a_pth_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, (f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()",)

    torch.save(Trap(), tmp_path / "trap.pth")
    with pytest.raises(WeightsError):
        weights.add(tmp_path / "trap.pth", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_network_and_weights_with_nan_are_refused(tmp_path: Path) -> None:
    torch.save({"0.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="none of the networks: compact, vgg19"):
        weights.add(tmp_path / "other.pth", tmp_path)
    state = load_file(weights.SHIPPED / "compact.safetensors")
    next(iter(state.values())).fill_(float("nan"))
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(WeightsError, match="not finite"):
        weights.add(tmp_path / "nan.pth", tmp_path)


def test_a_fetched_file_is_verified_and_added(
    tmp_path: Path, published: Path, address: str
) -> None:
    seen: list[int] = []
    digest = sha256(published / "decoder.pth")
    name = weights.fetch(f"{address}/decoder.pth", digest, tmp_path / "w", seen.append)
    assert name == "vgg19.decoder"
    assert sum(seen) == (published / "decoder.pth").stat().st_size


def test_a_fetched_file_with_another_sha256_leaves_nothing(tmp_path: Path, address: str) -> None:
    with pytest.raises(WeightsError, match="gave a file with sha256"):
        weights.fetch(f"{address}/decoder.pth", "0" * 64, tmp_path / "w")
    assert list((tmp_path / "w").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "digest", "message"),
    [
        ("file:///etc/passwd", "0" * 64, "not an http or https address"),
        ("http://127.0.0.1:9/x", "0" * 63, "64 digits"),
        ("http://127.0.0.1:9/x", "0" * 64, "could not be fetched"),
    ],
)
def test_what_can_not_be_fetched_is_refused(
    tmp_path: Path, url: str, digest: str, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        weights.fetch(url, digest, tmp_path)


def test_a_missing_page_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(WeightsError, match="404"):
        weights.fetch(f"{address}/nothing.pth", "0" * 64, tmp_path)
