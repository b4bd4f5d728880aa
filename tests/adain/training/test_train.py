import copy
import errno
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from adain import weights
from adain.catalog import Transfer
from adain.losses.names import ADVERSARIAL, STYLE_LOSSES
from adain.training import lossnet, runs, train
from adain.training.lossnet import LossNetwork
from adain.training.recipe import FOLDER, RecipeError, Stage, read
from adain.training.runs import NoSpace
from adain.training.trainer import Trainer
from adain.weights import load_file_of

SMALL = """
network = "compact"
start = "random"
average = 0.9
betas = [0.9, 0.99]
clip = 5.0
[loss]
content = 1.0
style = 4.0
style_half = 1.0
style_quarter = 1.0
covariance = 0.1
colour = 1.0
chroma = 0.1
lattice = 1.0
flat = 1.0
lightness = 0.2
identity = 1.0
outside = 1.0
mimic = 0.2
[data]
side = 72
zoom = [0.8, 1.2]
flip = true
grey = 0.2
tone = 0.2
swap = 0.2
patterns = 0.1
sparse = 0.1
photos = 0.2
pool = {pool}
[[stage]]
steps = 2
crop = 32
batch = 3
accumulate = 2
rate = 1e-3
warm = 1
[[stage]]
steps = {steps}
crop = 40
batch = 2
rate = 1e-3
last = 0.1
"""


def picture(file: Path, seed: int, side: int = 80) -> None:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (side, side + 9), mode="bicubic")
    bytes_ = (smooth[0].permute(1, 2, 0).clamp(0, 1) * 255).to(torch.uint8)
    Image.fromarray(bytes_.numpy()).save(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, paintings, a loss network, recipes: all small, none from outside."""
    root = tmp_path_factory.mktemp("pictures")
    for kind in ("photos", "paintings"):
        (root / kind).mkdir()
        for number in range(4):
            picture(root / kind / f"{number}.png", number + 10 * len(kind))
    (root / "photos" / "broken.jpg").write_bytes(b"no picture")
    torch.manual_seed(0)
    eye = LossNetwork((4, 8, 16, 128))
    lossnet.rescale(eye, torch.rand(4, 3, 32, 32))
    names = ["conv0", *(f"conv{name}" for name in eye.convs)]
    convs = [eye.colours, *eye.convs.values()]
    state = {
        f"{name}.{part}": value
        for name, conv in zip(names, convs, strict=True)
        for part, value in conv.state_dict().items()
    }
    torch.save(state, root / "eye.pth")
    for pool in (0, 12):
        (root / f"pool{pool}.toml").write_text(SMALL.format(pool=pool, steps=3))
    return root


def words(folder: Path, out: Path, *more: str, pool: int = 12) -> list[str]:
    return [
        *(str(folder / "photos"), str(folder / "paintings")),
        *("--loss", str(folder / "eye.pth"), "--recipe", str(folder / f"pool{pool}.toml")),
        *("--out", str(out), "--device", "cpu", *more),
    ]


@pytest.mark.parametrize("pool", [0, 12])
def test_a_resumed_run_ends_as_an_unbroken_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: int
) -> None:
    assert train.main(words(folder, tmp_path / "whole", pool=pool)) == 0
    keep, stopped = train.keep, tmp_path / "stopped"

    def keep_and_stop(*args: object) -> None:
        keep(*args)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(train, "keep", keep_and_stop)
    assert train.main(words(folder, stopped, "--every", "3", pool=pool)) == 130
    monkeypatch.setattr(train, "keep", keep)
    assert train.main(words(folder, stopped, "--resume", pool=pool)) == 0
    whole, resumed = (runs.load_checkpoint(tmp_path / name) for name in ("whole", "stopped"))
    assert whole["step"] == resumed["step"] == 5
    for kind in ("network", "average"):
        for name, value in whole[kind].items():
            assert torch.equal(value, resumed[kind][name]), name
    steps = [record["step"] for record in runs.records(stopped)]
    assert steps == list(range(1, 6))


def test_a_run_leaves_weights_checksum_plot_sheet_and_counts_what_it_could_not_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(words(folder, tmp_path)) == 0
    assert "1 unreadable" in capsys.readouterr().out
    network = load_file_of("compact", tmp_path / "compact.safetensors")
    average = runs.load_checkpoint(tmp_path)["average"]
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, average[name])
    assert (tmp_path / "compact.safetensors.sha256").read_text().endswith("compact.safetensors\n")
    assert (tmp_path / "losses.png").stat().st_size > 0
    assert len(list(tmp_path.glob("sheet-*.jpg"))) == 1
    assert train.main(words(folder, tmp_path)) == 2
    assert "--resume" in capsys.readouterr().err


def trainer_of(folder: Path, out: Path, stage: Stage) -> Trainer:
    """A trainer of the small recipe with one stage of these crops."""
    made = train._trainer(train._arguments().parse_args(words(folder, out)))
    made.recipe = replace(made.recipe, stages=(stage,))
    made._enter(stage)
    return made


def test_gradient_of_accumulated_batches_is_that_of_one_large_batch(
    folder: Path, tmp_path: Path
) -> None:
    large = trainer_of(folder, tmp_path, Stage(steps=1, crop=32, batch=4))
    parts = trainer_of(folder, tmp_path, Stage(steps=1, crop=32, batch=2, accumulate=2))
    found = [one.gradient(one.recipe.stages[0]) for one in (large, parts)]
    assert found[0] == pytest.approx(found[1], rel=1e-3, abs=1e-6)
    gradients = [
        torch.cat([p.grad.flatten() for p in one.learned if p.grad is not None])
        for one in (large, parts)
    ]
    assert gradients[0].norm() > 0
    assert (gradients[0] - gradients[1]).norm() < 1e-3 * gradients[0].norm()


def test_training_through_covariances_teaches_every_weight(folder: Path, tmp_path: Path) -> None:
    one = trainer_of(folder, tmp_path, Stage(steps=1, crop=32, batch=2))
    assert one.recipe.transfer == Transfer.COVARIANCE
    one.gradient(one.recipe.stages[0])
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in one.learned)


NAMED = "\n".join(f"{name} = 0.1" for name in (*STYLE_LOSSES, ADVERSARIAL))


def test_losses_by_name_train_and_go_on_after_a_stop(folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "named.toml"
    recipe.write_text((folder / "pool0.toml").read_text().replace("[loss]", f"[loss]\n{NAMED}"))
    more = ("--recipe", str(recipe), "--every", "1")
    whole, stopped = (
        train._trainer(train._arguments().parse_args(words(folder, tmp_path / name, *more)))
        for name in ("whole", "stopped")
    )
    first = whole.advance()
    assert {name for name in (*STYLE_LOSSES, ADVERSARIAL) if not first[name] > 0} == set()
    stopped.restore(copy.deepcopy(whole.state()))
    assert whole.advance() == stopped.advance()


def test_losses_that_keep_much_of_a_style_are_refused_with_a_pool(
    folder: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "named.toml"
    recipe.write_text((folder / "pool12.toml").read_text().replace("[loss]", "[loss]\nmrf = 1.0"))
    with pytest.raises(RecipeError, match="mrf: only without a pool"):
        read(str(recipe))


def test_grain_of_a_recipe_is_kept_with_the_weights(folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "grained.toml"
    text = (folder / "pool12.toml").read_text()
    recipe.write_text(text.replace('start = "random"', 'start = "random"\ngrain = 0.25'))
    out = tmp_path / "out"
    assert train.main([*words(folder, out), "--recipe", str(recipe), "--steps", "2"]) == 0
    assert load_file_of("compact", out / "compact.safetensors").grain_deviation == 0.25
    weights.add(out / "compact.safetensors", tmp_path / "added")
    added, _ = weights.load("compact", tmp_path / "added")
    assert added.grain_deviation == 0.25


def test_a_loss_network_to_relu3_1_trains_with_one_that_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    front = LossNetwork((6, 10, 12))
    save_file(
        {
            f"{name}.{part}": value
            for name, conv in zip(
                lossnet.NAMES["VGG-19 as first published"][1:6], front.convs.values(), strict=True
            )
            for part, value in conv.state_dict().items()
        },
        tmp_path / "front.safetensors",
    )
    reported = words(folder, tmp_path / "out", "--steps", "2")
    reported[3:4] = [str(tmp_path / "front.safetensors"), reported[3]]
    assert train.main(reported) == 0
    del reported[4]
    reported[reported.index("--out") + 1] = str(tmp_path / "other")
    assert train.main(reported) == 2
    assert "wants one beside it that goes on" in capsys.readouterr().err


def test_thirty_steps_lower_the_loss(folder: Path, tmp_path: Path) -> None:
    recipe = folder / "thirty.toml"
    recipe.write_text(SMALL.format(pool=12, steps=28))
    assert train.main([*words(folder, tmp_path), "--recipe", str(recipe)]) == 0
    kept = runs.records(tmp_path)

    def mean(records: list[dict[str, float]]) -> float:
        return sum(4 * r["style"] + r["mimic"] for r in records) / len(records)

    assert mean(kept[-8:]) < 0.8 * mean(kept[:4])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({0: "nowhere"}, "no folder"),
        ({0: "empty"}, "no picture"),
        ({3: "nowhere.pth"}, "no loss network"),
        ({5: "nothing"}, "ours are"),
    ],
)
def test_what_is_missing_is_named(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[int, str],
    says: str,
) -> None:
    (tmp_path / "empty").mkdir()
    reported = words(folder, tmp_path / "out")
    for place, name in change.items():
        reported[place] = str(tmp_path / name) if name != "nothing" else name
    assert train.main(reported) == 2
    assert says in capsys.readouterr().err


def test_a_full_disk_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.save_checkpoint(tmp_path, {"step": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NoSpace, match="the one before is intact"):
        runs.save_checkpoint(tmp_path, {"step": 2})
    assert runs.load_checkpoint(tmp_path)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == [runs.CHECKPOINT]


def test_vgg19_wants_a_full_width_loss_network(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reported = words(folder, tmp_path)
    reported[5] = "paper-vgg19"
    assert train.main(reported) == 2
    assert "full VGG-19" in capsys.readouterr().err


def test_vgg19_learns_its_decoder_and_keeps_its_encoder(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state: dict[str, torch.Tensor] = {}
    for name, conv in zip(
        lossnet.NAMES["the normalised VGG-19"][:10],
        [(full := LossNetwork((64, 128, 256, 512))).colours, *full.convs.values()],
        strict=True,
    ):
        state |= {f"{name}.{part}": value for part, value in conv.state_dict().items()}
    torch.save(state, tmp_path / "vgg.pth")
    reported = words(folder, tmp_path / "out", "--steps", "1")
    reported[3], reported[5] = str(tmp_path / "vgg.pth"), str(tmp_path / "v.toml")
    (tmp_path / "v.toml").write_text(
        'network = "vgg19"\nstart = "random"\n[loss]\npaper_content = 1.0\npaper_style = 10.0\n'
        "[[stage]]\nsteps = 1\ncrop = 32\nbatch = 2\n[data]\nside = 64\n"
    )
    assert train.main(reported) == 0
    network = load_file_of("vgg19", tmp_path / "out" / "vgg19.safetensors")
    torch.testing.assert_close(network.encoder[2].weight, full.convs["11"].weight)


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.toml")))
def test_our_recipes_can_be_read(name: str) -> None:
    recipe = read(name)
    assert recipe.shortened(100).steps == 100


def test_a_recipes_mistake_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('network = "compact"\nspeed = 3\n[loss]\n[[stage]]\nsteps = 1\n')
    with pytest.raises(RecipeError, match="speed"):
        read(str(file))


def test_the_shipped_weights_are_what_training_starts_from() -> None:
    load_file_of("compact", weights.SHIPPED / "compact.safetensors")
