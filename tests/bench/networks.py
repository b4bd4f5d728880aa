"""`python -m tests.bench.networks`: how fast the networks are on this machine, as tables.

Prints figures and judges none. The paper's Table 1 (seconds on a Pascal Titan X) stands
beside ours. A network without weights is timed with random ones: its speed is the same.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median

import torch
from PIL import Image

from adain import malloc, pixels
from adain.aot import runtime as aot_runtime
from adain.catalog import NETWORKS, Transfer
from adain.model.builders import build
from adain.model.moments import measured
from adain.model.network import Network
from adain.paper.times import noise, seconds
from adain.request import Request
from adain.stylizer import FOLDER, Stylizer
from adain.training import runs
from adain.training.lossnet import LossNetwork, names_and_weights
from adain.weights import WeightsMissing
from tests.bench import floor

_PAPER = {  # seconds at 256 and 512 px; in brackets with style encoding
    "Gatys et al. (optimisation)": ("14.17 (14.19)", "46.75 (46.79)"),
    "Chen and Schmidt (style swap)": ("0.171 (0.407)", "3.214 (4.144)"),
    "Ulyanov et al. (feed-forward)": ("0.011", "0.038"),
    "Dumoulin et al. (conditional IN)": ("0.011", "0.038"),
    "AdaIN": ("0.018 (0.027)", "0.065 (0.098)"),
}


def _stylizer(
    network: str, folder: Path, device: str, exact: bool = False, code: Path | None = None
) -> Stylizer:
    try:
        return Stylizer.load(network, folder, device, exact, code)
    except WeightsMissing:
        chosen = Stylizer.load("compact", folder, device).device
        return Stylizer(build(network).eval(), network, "random", chosen, exact)


def _gmacs(network: str, side: int) -> float:
    """Count the multiplications of encoding and decoding one square picture, in 10⁹."""
    return sum(layer.operations for layer in floor.layers(network, side, torch.float32)) / 2e9


@torch.inference_mode()
def _as_the_port(network: Network, photo: Image.Image, style: Image.Image) -> object:
    """Run the paper's network as the well-known PyTorch port does.

    Default memory layout, float32, the style encoded each time.
    """
    content, style_seen = (
        network.encode(pixels.unit(pixels.tensor(picture)).contiguous())
        for picture in (photo, style)
    )
    styles = [measured(style_seen).each()]
    painted = network.paint(content, styles, transfer=Transfer.ADAIN)
    return pixels.as_bytes(network.unfolded(painted))


def _port(side: int, count: int) -> list[float]:
    """Seconds a picture of the paper's network as the port runs it, on the CPU."""
    network = build("vgg19").eval()
    photos = [noise(side, seed) for seed in range(count + 1)]
    style = noise(side, 1 << 20)
    return seconds(lambda n: _as_the_port(network, photos[n], style), count)


def _rates(stylizer: Stylizer, side: int, count: int) -> tuple[list[float], list[float]]:
    """Seconds a picture without and with encoding its style."""
    style = noise(side, 1 << 20)
    kept = stylizer.style(style, side)
    photos = [noise(side, seed) for seed in range(count + 1)]
    without = seconds(lambda n: stylizer.stylize([Request(photos[n], [kept], size=side)]), count)
    with_style = seconds(
        lambda n: stylizer.stylize([Request(photos[n], [style], size=side)]), count
    )
    return without, with_style


def _device(stylizer: Stylizer) -> str:
    if stylizer.device.type == "cuda":
        return torch.cuda.get_device_name(stylizer.device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def _compiled(stylizers: dict[str, Stylizer]) -> str:
    """Say which networks used code."""
    return ", ".join(name for name, one in stylizers.items() if one.has_code) or "none"


def _print_floor(at_512: dict[str, float], stylizers: dict[str, Stylizer]) -> None:
    """Print each network's time beside the least that this machine would need for it."""
    print("\n| network | format | GMAC at 512 px | GMAC/s | floor, s | floor / time |")
    print("|---|---|---|---|---|---|")
    for name, took in at_512.items():
        stylizer = stylizers[name]
        machine = floor.measure(stylizer.device, stylizer.dtype)
        least = floor.seconds(stylizer.network, 512, machine, stylizer.dtype)
        work = _gmacs(stylizer.network, 512)
        form = str(stylizer.dtype).removeprefix("torch.")
        print(
            f"| `{name}` | {form} | {work:.1f} | {work / took:.0f} | {least:.3f} "
            f"| {least / took:.0%} |"
        )


def _print_large(stylizers: dict[str, Stylizer]) -> None:
    """Print what one picture takes that goes tile by tile."""
    print("\n| 2048 px, tile by tile | s |\n|---|---|", flush=True)
    for name in NETWORKS:
        kept = stylizers[name].style(noise(512, 0), 512)
        request = Request(noise(2048, 1), [kept], size=2048)
        [took] = seconds(lambda _: stylizers[name].stylize([request]), 1)  # noqa: B023, called here
        print(f"| `{name}` | {took:.2f} |", flush=True)


def _training(recipe: str, steps: int, folder: Path, *more: str) -> str:
    """Train for some steps on noise; return the trainer's own line on speed and memory."""
    for kind in ("photos", "paintings"):
        (folder / kind).mkdir(exist_ok=True)
        noise(512, len(kind)).save(folder / kind / "noise.png")
    words = [*(str(folder / kind) for kind in ("photos", "paintings")), "--recipe", recipe, *more]
    words += ["--steps", str(steps), "--out", str(folder / recipe)]
    command = [sys.executable, "-m", "adain.training.train", *words]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return output.strip().split("; ")[-1]


def _print_training() -> None:
    """Print how fast the paper's training goes, for both networks, each in its own process."""
    print("\n| training, 8 crops of 256 px a step | |\n|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="adain-bench-") as name:
        folder = Path(name)
        loss = folder / "vgg.safetensors"
        runs.save_weights(loss, names_and_weights(LossNetwork((64, 128, 256, 512))), {})
        print(f"| `compact` | {_training('paper', 6, folder)} |", flush=True)
        reported = _training("paper-vgg19", 2, folder, "--loss", str(loss))
        print(f"| `vgg19` | {reported} |", flush=True)


def _plot(file: Path, ours: dict[str, float], device: str) -> None:
    """Draw the seconds a picture of 512 px takes, the paper's methods above ours."""
    from matplotlib.figure import Figure  # the extra `train`

    bars = {f"{method}, Titan X": float(large.split()[0]) for method, (_, large) in _PAPER.items()}
    bars |= {f"AdaIN, {name}, {device}": took for name, took in ours.items()}
    figure = Figure(figsize=(9, 0.5 * len(bars) + 1), layout="constrained")
    axes = figure.subplots()
    colors = ["#b9b4a8"] * len(_PAPER) + ["#3f49d1"] * len(ours)
    drawn = axes.barh(list(bars), list(bars.values()), color=colors)
    axes.bar_label(drawn, fmt="%.3g s", padding=4)
    axes.set(xscale="log", xlabel="seconds a picture of 512 px, style measured before")
    axes.set_xlim(min(bars.values()) / 3, max(bars.values()) * 3)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Time the networks and print the tables as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.networks", description=__doc__)
    parser.add_argument("--count", type=int, default=5, help="pictures a figure (the paper: 100)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights-folder", type=Path, default=FOLDER)
    parser.add_argument("--code-folder", type=Path, default=aot_runtime.FOLDER)
    parser.add_argument("--plot", type=Path, help="a file to draw the seconds into, .png or .svg")
    args = parser.parse_args()
    malloc.keep_freed()
    where = (args.weights_folder, args.device)
    stylizers = {name: _stylizer(name, *where, code=args.code_folder) for name in NETWORKS}
    stylizers["compact, without code of its own"] = _stylizer("compact", *where)
    stylizers["compact, exact"] = _stylizer("compact", *where, exact=True)
    device = _device(stylizers["compact"])
    print(f"Seconds a picture, mean of {args.count}; in brackets with style encoding.\n")
    print("| method | device | 256 px | 512 px |\n|---|---|---|---|")
    for method, (small, large) in _PAPER.items():
        print(f"| {method}, the paper's | Pascal Titan X | {small} | {large} |")
    at_512: dict[str, float] = {}
    for name, stylizer in stylizers.items():
        cells = []
        for side in (256, 512):
            without, with_style = _rates(stylizer, side, args.count)
            cells.append(f"{mean(without):.3f} ({mean(with_style):.3f})")
        at_512[name] = median(without)
        print(f"| AdaIN, `{name}` | {device} | {cells[0]} | {cells[1]} |", flush=True)
    print(f"\nMachine code of its own (`python -m adain.aot.compile`): {_compiled(stylizers)}")
    _print_floor(at_512, stylizers)
    _print_large(stylizers)
    port = median(_port(512, args.count))
    print(f"\nratio vgg19 {port / at_512['compact']:.1f} (as the PyTorch port runs it, 512 px)")
    print(f"ratio vgg19-here {at_512['vgg19'] / at_512['compact']:.1f} (in this engine)")
    if args.plot:
        _plot(args.plot, at_512, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(f"peak memory {peak:.2f} GiB")
    _print_training()


if __name__ == "__main__":
    main()
