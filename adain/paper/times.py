"""Table 1: seconds a picture takes, ours beside those of the paper."""

import time
from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import torch
from PIL import Image

from adain import catalog, methods
from adain.catalog import MOST_STEPS
from adain.methods import Limits
from adain.model.builders import build
from adain.paper import descent, drawing, engine, pictures
from adain.paper.networks import FeedForward, Norm
from adain.paper.result import Result
from adain.paper.settings import Settings
from adain.request import Request
from adain.stylizer import Stylizer

SIDES = (256, 512)
_SLOW = 2  # pictures timed of what takes seconds
_ITERATIONS = 500  # the optimisation's, as in the paper
PAPER: dict[str, dict[str, tuple[float, float]]] = {  # on a Pascal Titan X: 256 px, 512 px
    "optimisation": {"without": (14.17, 46.75), "with": (14.19, 46.79)},
    "style swap": {"without": (0.171, 3.214), "with": (0.407, 4.144)},
    "feed-forward": {"without": (0.011, 0.038), "with": (0.011, 0.038)},
    "conditional": {"without": (0.011, 0.038), "with": (0.011, 0.038)},
    "AdaIN": {"without": (0.018, 0.065), "with": (0.027, 0.098)},
}

Seconds = dict[str, dict[str, float]]  # "without" and "with" style encoding, by side


def noise(side: int, seed: int) -> Image.Image:
    """A square picture that no cache has seen."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 256, (side, side, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(values.numpy())


def seconds(work: Callable[[int], object], count: int) -> list[float]:
    """Time `work(0)` … `work(count − 1)` after one untimed call; its result is on the CPU."""
    work(count)
    times = []
    for number in range(count):
        start = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - start)
    return times


def _timed(work: Callable[[int], object], count: int) -> float:
    return mean(seconds(work, count))


def _adain(stylizer: Stylizer, side: int, count: int) -> tuple[float, float]:
    style = noise(side, 1 << 20)
    kept = stylizer.style(style, side)
    photos = [noise(side, seed) for seed in range(count + 1)]

    def work(number: int, given: object) -> object:
        return stylizer.stylize([Request(photos[number], [given], size=side)])  # type: ignore[list-item]

    return _timed(lambda n: work(n, kept), count), _timed(lambda n: work(n, style), count)


def _conditional(stylizer: Stylizer, side: int, count: int) -> tuple[float, float]:
    """Seconds of a network whose styles are rows of scales and shifts: there is none to encode."""
    took, _ = _adain(stylizer, side, count)
    return took, took


def _method(settings: Settings, name: str, side: int, count: int) -> tuple[float, float]:
    """Seconds of a method, which measures the style each time."""
    stylizer, limits = engine.stylizer(settings.device), Limits(steps=settings.steps or MOST_STEPS)
    style, photos = noise(side, 1 << 20), [noise(side, seed) for seed in range(count + 1)]
    requests = [Request(photo, [style], size=side, method=name) for photo in photos]
    took = _timed(lambda n: methods.make(stylizer, [requests[n]], limits=limits), count)
    return took, took


def _optimisation(settings: Settings, side: int) -> tuple[float, float]:
    """Seconds of some iterations, and of measuring the style, made those of 500."""
    photo, style = (pictures.unit(noise(side, seed), settings.device) for seed in range(2))
    some = settings.steps_of(3, 50)
    start = time.perf_counter()
    measured = descent.objective(settings.eye, photo, style, "gram")
    encoded = time.perf_counter() - start
    list(descent.descend(photo, measured, [1]))
    start = time.perf_counter()
    list(descent.descend(photo, measured, [some]))
    all_ = (time.perf_counter() - start) / some * _ITERATIONS
    return all_, all_ + encoded


def _feed_forward(settings: Settings, side: int, count: int) -> tuple[float, float]:
    """Seconds of a network of one style, by random weights: its speed is the same."""
    network = FeedForward(Norm.INSTANCE, width=32).to(settings.device).eval()
    network.to(memory_format=torch.channels_last)
    photos = [pictures.unit(noise(side, seed), settings.device) for seed in range(count + 1)]
    with torch.inference_mode():
        took = _timed(lambda n: pictures.shown(network(photos[n])), count)
    return took, took


def _rows(settings: Settings) -> dict[str, Callable[[int], tuple[float, float]]]:
    """What is timed, by name, each at a side: without and with encoding the style."""
    count = settings.count_of(5, 100)
    ours = engine.stylizer(settings.device)
    paper = Stylizer(build("vgg19").eval(), "vgg19", "random", ours.device)
    return {
        "optimisation": lambda side: _optimisation(settings, side),
        "feed-forward": lambda side: _feed_forward(settings, side, count),
        "conditional, compact (ours)": lambda side: _conditional(ours, side, count),
        "AdaIN, vgg19 (the paper's network)": lambda side: _adain(paper, side, count),
        "AdaIN, compact (ours)": lambda side: _adain(ours, side, count),
        **{
            f"{name}, compact (ours)": partial(_method, settings, name, count=min(count, _SLOW))
            for name, known in catalog.METHODS.items()
            if known.maker
        },
    }


def _line(name: str, both: Seconds) -> str:
    pairs = zip(both["without"].values(), both["with"].values(), strict=True)
    cells = (f"{without:.3g} ({encoding:.3g})" for without, encoding in pairs)
    return f"| {name} | {' | '.join(cells)} |"


def markdown(ours: dict[str, Seconds], machine: str) -> str:
    """Write the table: seconds at each size, in brackets with style encoding."""
    sides = next(iter(ours.values()))["without"]
    lines = [f"| method | {' | '.join(f'{side} px' for side in sides)} |", "|---|---|---|"]
    lines += [_line(f"{name}, {machine}", both) for name, both in ours.items()]
    return "\n".join(lines + [_line(f"{name}, the paper's", one) for name, one in quoted().items()])


def quoted() -> dict[str, Seconds]:
    """Return the paper's seconds in the form of ours."""
    return {
        name: {
            kind: dict(zip(map(str, SIDES), seconds, strict=True)) for kind, seconds in both.items()
        }
        for name, both in PAPER.items()
    }


def table(settings: Settings) -> Result:
    """Table 1."""
    sides = SIDES if settings.side is None else (settings.side, 2 * settings.side)
    ours: dict[str, Seconds] = {}
    for name, timed in _rows(settings).items():
        each = [timed(side) for side in sides]
        ours[name] = {
            kind: {str(side): one[place] for side, one in zip(sides, each, strict=True)}
            for place, kind in enumerate(("without", "with"))
        }
    paper, machine = quoted(), settings.machine
    bars = {f"{name}, Titan X (paper)": one["without"]["512"] for name, one in paper.items()}
    large = str(sides[1])
    bars |= {f"{name}, here": one["without"][large] for name, one in ours.items()}
    figures: dict[str, Any] = {"machine": machine, "sides": sides, "seconds": ours}
    times = _times({name: one["without"][large] for name, one in ours.items()})
    return Result(
        title="Table 1: seconds a picture",
        picture=drawing.bars(bars, f"seconds a picture of {large} px, style measured before"),
        figures={
            **figures,
            "the paper's, quoted, on a Pascal Titan X": paper,
            "optimisation": f"time of its first iterations, for {_ITERATIONS} of them",
            "optimisation / AdaIN at the larger size": times,
            "markdown": markdown(ours, machine),
        },
        found=f"At {large} px the optimisation takes {times['here']:.0f} times as long as AdaIN by "
        f"compact and {times['vgg19 here']:.0f} times as long as by the paper's network.",
        paper=f"AdaIN is nearly three orders of magnitude faster ({times['paper']:.0f} times), "
        "and within about twice the time of a network of one style.",
        holds={"AdaIN is 100 times as fast or more": times["here"] > 100},
        plot=True,
    )


def _times(ours: dict[str, float]) -> dict[str, float]:
    """How many times as long as AdaIN the optimisation takes."""
    slow = ours["optimisation"]
    quick = PAPER["optimisation"]["without"][1] / PAPER["AdaIN"]["without"][1]
    return {
        "here": slow / ours["AdaIN, compact (ours)"],
        "vgg19 here": slow / ours["AdaIN, vgg19 (the paper's network)"],
        "paper": quick,
    }
