"""Sheets of pictures with names, and plots."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP, _LINE = 6, 18  # pixels between pictures, and of a line of text
_CELL = 160  # pixels of a picture on a sheet
_LAST = 0.1  # of a curve's steps, whose mean is what it comes to


class NoPlots(Exception):
    """Matplotlib is not there."""


def _text(draw: ImageDraw.ImageDraw, left: int, top: int, text: str, width: int) -> None:
    """Write a line, cut where it would leave its cell."""
    font = ImageFont.load_default(12)
    while draw.textlength(text, font) > width:
        text = text[:-1]
    draw.text((left, top), text, "black", font)


def sheet(
    rows: Sequence[Sequence[Image.Image]],
    columns: Sequence[str],
    notes: Sequence[Sequence[str]] = (),
    cell: int = _CELL,
) -> Image.Image:
    """Put square pictures row by row under the names of their columns, each with a note below."""
    below = _LINE if notes else 0
    wide, high = cell + _GAP, cell + _GAP + below
    whole = Image.new("RGB", (wide * len(columns) + _GAP, _LINE + high * len(rows) + _GAP), "white")
    draw = ImageDraw.Draw(whole)
    for column, name in enumerate(columns):
        _text(draw, _GAP + column * wide, 3, name, cell)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            left, top = _GAP + column * wide, _LINE + _GAP + row * high
            whole.paste(picture.resize((cell, cell), Image.Resampling.LANCZOS), (left, top))
            if notes:
                _text(draw, left, top + cell + 2, notes[row][column], cell)
    return whole


def smooth(values: Sequence[float], keep: float = 0.9) -> list[float]:
    """Average over about the last 1 / (1 − keep) steps."""
    made, mean = [], values[0]
    for value in values:
        mean = keep * mean + (1 - keep) * value
        made.append(mean)
    return made


def end(values: Sequence[float]) -> float:
    """Mean over the last steps."""
    last = values[-max(1, round(_LAST * len(values))) :]
    return sum(last) / len(last)


@dataclass(frozen=True)
class Panel:
    """One part of a plot: curves over a common axis, and levels that do not depend on it."""

    title: str
    across: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]  # x, y by name
    levels: Mapping[str, float]


def _figure(width: float, height: float) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlots("Plots need matplotlib: pip install 'adain-studio[train]'.") from error
    return Figure(figsize=(width, height), layout="constrained")


def _drawn(figure: "Figure") -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return Image.open(buffer).convert("RGB")


def plot(panels: Sequence[Panel]) -> Image.Image:
    """Draw panels side by side, with logarithmic heights. Raises `NoPlots`."""
    figure = _figure(4.4 * len(panels), 3.6)
    names = [name for panel in panels for name in (*panel.curves, *panel.levels)]
    colours = {name: f"C{place}" for place, name in enumerate(dict.fromkeys(names))}
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, (x, y) in panel.curves.items():
            axes.plot(x, y, label=name, color=colours[name])
        for name, level in panel.levels.items():
            axes.axhline(level, label=name, linestyle="--", color=colours[name])
        axes.set(title=panel.title, xlabel=panel.across, yscale="log")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return _drawn(figure)


def bars(values: Mapping[str, float], across: str) -> Image.Image:
    """Draw one bar a value, with a logarithmic length. Raises `NoPlots`."""
    figure = _figure(9, 0.4 * len(values) + 1)
    axes = figure.subplots()
    drawn = axes.barh(list(values), list(values.values()))
    axes.bar_label(drawn, fmt="%.3g", padding=4)
    axes.set(xscale="log", xlabel=across)
    axes.set_xlim(min(values.values()) / 3, max(values.values()) * 3)
    axes.invert_yaxis()
    return _drawn(figure)
