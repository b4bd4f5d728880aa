"""What a figure leaves: a picture, its figures as JSON, and a sentence."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from adain.paper.settings import Settings
from adain.training import runs


@dataclass(frozen=True)
class Result:
    """One figure reproduced."""

    title: str
    picture: Image.Image
    figures: dict[str, Any]
    found: str  # what came out, in a sentence made of the figures
    paper: str  # what the paper says
    holds: dict[str, bool] = field(default_factory=dict)  # the paper's findings, by name
    plot: bool = False  # lines rather than pictures: kept as PNG

    @property
    def sentence(self) -> str:
        """Say what came out beside what the paper says."""
        verdicts = [f"{name}: {'yes' if yes else 'no'}" for name, yes in self.holds.items()]
        seen = f" Holds here: {'; '.join(verdicts)}." if verdicts else ""
        return f"{self.found} The paper: {self.paper}{seen}"


def rounded(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Shorten every number of a JSON value to five digits."""
    if isinstance(value, dict):
        return {str(key): rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def write(folder: Path, name: str, result: Result, settings: Settings, seconds: float) -> Path:
    """Write picture and JSON into a folder; return where the picture is."""
    picture = folder / f"{name}{'.png' if result.plot else '.jpg'}"
    buffer = io.BytesIO()
    if result.plot:
        result.picture.convert("RGB").quantize(128).save(buffer, "PNG", optimize=True)
    else:
        result.picture.save(buffer, "JPEG", quality=88)
    runs.write(picture, buffer.getvalue())
    record = {
        "figure": name,
        "title": result.title,
        "machine": settings.machine,
        "seconds": seconds,
        "figures": result.figures,
        "holds": result.holds,
        "sentence": result.sentence,
    }
    text = json.dumps(rounded(record), indent=1, ensure_ascii=False)
    runs.write(folder / f"{name}.json", text.encode())
    return picture
