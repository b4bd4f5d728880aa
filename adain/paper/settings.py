"""How large a figure is made, and from which pictures."""

import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from adain.files import samples
from adain.training import lossnet
from adain.training.lossnet import LossNetwork


@dataclass(frozen=True)
class Settings:
    """What all figures are made with. Each has a size for two cores and one for a GPU, `full`."""

    photos: Path = samples.FOLDER / "photos"
    styles: Path = samples.FOLDER / "styles"
    full: bool = False
    steps: int | None = None  # of trainings and optimisations; None: what suits the figure
    side: int | None = None  # pixels of the squares; None: what suits the figure
    count: int | None = None  # photos and styles at most, pictures timed; None: what suits
    device: str = "cpu"

    def steps_of(self, quick: int, full: int) -> int:
        return self.steps or (full if self.full else quick)

    def side_of(self, quick: int, full: int) -> int:
        return self.side or (full if self.full else quick)

    def count_of(self, quick: int, full: int) -> int:
        most = full if self.full else quick
        return min(self.count or most, most)

    @cached_property
    def eye(self) -> LossNetwork:
        """The loss network that everything is measured in: the shipped one."""
        return lossnet.load().to(self.device)

    @property
    def machine(self) -> str:
        """What it runs on, in words."""
        if torch.device(self.device).type == "cuda":
            return torch.cuda.get_device_name(self.device)
        model = platform.processor() or platform.machine()
        cpus = Path("/proc/cpuinfo")
        if cpus.exists():
            lines = cpus.read_text().splitlines()
            named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
            model = named[0] if named else model
        threads = torch.get_num_threads()
        return f"{model}, {threads} thread{'s' if threads > 1 else ''}"
