"""The files of a training run: checkpoint, log, plot, sheets, weights.

Every file is written under another name and then renamed, so that a full disk costs the newest
file and never the last good one.
"""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor

State = dict[str, Tensor]
CHECKPOINT = "checkpoint.pt"


class NoSpace(Exception):
    """A file could not be written; what was there before is intact."""


def write(file: Path, content: bytes) -> None:
    """Write aside, then rename. Raises `NoSpace` and leaves no half file behind."""
    aside = file.with_name(f".{file.name}.part")
    try:
        with aside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(file)
    except OSError as error:
        aside.unlink(missing_ok=True)
        kept = "; the one before is intact" if file.exists() else ""
        raise NoSpace(f"{file} could not be written ({error.strerror}){kept}.") from error


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Keep all that a run needs to go on."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write(folder / CHECKPOINT, buffer.getvalue())


def load_checkpoint(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    return state


def save_weights(file: Path, state: State, about: dict[str, str], half: bool = False) -> None:
    """Write a network's weights as safetensors, and their checksum as sha256sum does."""
    kind = torch.float16 if half else torch.float32
    tensors = {name: value.detach().cpu().to(kind).contiguous() for name, value in state.items()}
    content = save(tensors, about)
    digest = hashlib.sha256(content).hexdigest()
    write(file, content)
    write(file.with_name(file.name + ".sha256"), f"{digest}  {file.name}\n".encode())


def log(folder: Path, record: dict[str, Any]) -> None:
    try:
        with (folder / "log.jsonl").open("a") as stream:
            stream.write(json.dumps(record) + "\n")
    except OSError as error:
        raise NoSpace(f"The log in {folder} could not be written ({error.strerror}).") from error


def records(folder: Path) -> list[dict[str, Any]]:
    file = folder / "log.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def forget_after(folder: Path, step: int) -> None:
    """Drop log lines of steps that a resumed run makes again."""
    kept = [json.dumps(record) + "\n" for record in records(folder) if record["step"] <= step]
    write(folder / "log.jsonl", "".join(kept).encode())


def plot(folder: Path, names: Sequence[str]) -> None:
    """Draw the named losses over the steps; without matplotlib there is no plot."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    lines = records(folder)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in names:
        axes.plot([line["step"] for line in lines], [line[name] for line in lines], label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write(folder / "losses.png", buffer.getvalue())


def sheet(file: Path, rows: Sequence[Sequence[Image.Image]]) -> None:
    """Put pictures of one size side by side, row by row, as a JPEG."""
    width, height = rows[0][0].size
    whole = Image.new("RGB", (width * max(map(len, rows)), height * len(rows)), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            whole.paste(picture, (x * width, y * height))
    buffer = io.BytesIO()
    whole.save(buffer, "JPEG", quality=90)
    write(file, buffer.getvalue())
