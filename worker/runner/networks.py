"""The networks that can run here: their weights by checksum, loaded when first needed."""

import logging
from typing import Any

import torch

from adain.catalog import NETWORKS
from adain.stylizer import Stylizer
from adain.weights import WeightsError, WeightsMissing, find
from worker.jobs import Job
from worker.observability import metrics
from worker.runner import teaching
from worker.runner.teaching import TaughtStyles
from worker.settings import settings
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)


def _sound_weights() -> dict[str, str]:
    """Return the sha256 of each network's weights; networks without sound weights are left out."""
    sound = {}
    for network in NETWORKS:
        try:
            sound[network] = find(network, settings().weights_dir).sha256
        except WeightsError as error:
            optional = isinstance(error, WeightsMissing) and network != settings().network
            level = logging.DEBUG if optional else logging.WARNING
            log.log(level, "network %s can't serve: %s", network, error)
    return sound


def _changed() -> int:
    """Return when the folder of weights changed, in nanoseconds; 0 if there is none."""
    folder = settings().weights_dir
    return folder.stat().st_mtime_ns if folder.exists() else 0


def _load(network: str) -> Stylizer:
    code = settings().code_dir if settings().compile else None
    return Stylizer.load(network, settings().weights_dir, settings().device, code=code)


class Networks:
    """The networks of one process; weights are looked up again when their folder changes."""

    def __init__(self) -> None:
        self._found: tuple[int, dict[str, str]] | None = None
        self._loaded: dict[str, tuple[str, Stylizer]] = {}  # with the sha256 of the weights
        self._taught = TaughtStyles()

    def checksums(self) -> dict[str, str]:
        """Return name and sha256 of the networks that can run here."""
        changed, found = _changed(), self._found
        if found is None or found[0] != changed:
            found = self._found = changed, _sound_weights()
        return found[1]

    def identity(self, network: str) -> str:
        """Return the network's name with its weights' sha256, as `Style.network` has it."""
        return f"{network} {self.checksums().get(network, '')}"

    def load(self, network: str) -> Stylizer:
        """Return the network ready to run; raises `WeightsError`."""
        sha256 = self.checksums().get(network, "")
        loaded = self._loaded.get(network)
        if loaded is None or loaded[0] != sha256:
            loaded = self._loaded[network] = sha256, _load(network)
        return loaded[1]

    def of(self, job: Job | Preview) -> Stylizer:
        """Return what makes a job's picture: its network, or the taught style that it names.

        Raises `WeightsError`, `TaughtGone`.
        """
        found = teaching.find(job)
        return self._taught.load(found) if found else self.load(job.options["network"])

    def identity_of(self, job: Job | Preview) -> str:
        """Return the name of that, as `Style.network` has it; raises `TaughtGone`."""
        network, found = job.options["network"], teaching.find(job)
        return f"{network} {found.fingerprint[1]}" if found else self.identity(network)

    def device(self) -> str:
        """Return the device that the default network runs on."""
        try:
            return str(self.load(settings().network).device)
        except WeightsError:
            return settings().device

    def on_gpu(self) -> bool:
        """Tell whether the default network runs on a GPU."""
        return self.device().startswith("cuda")

    def _has_code(self) -> bool:
        try:
            return self.load(settings().network).has_code
        except WeightsError:
            return False

    def info(self) -> dict[str, Any]:
        """Return what the health check reads; sets the metrics of GPU memory."""
        if self.on_gpu():
            free, total = torch.cuda.mem_get_info()
            metrics.GPU_MEMORY.labels("total").set(total)
            metrics.GPU_MEMORY.labels("used").set(total - free)
        return {
            "device": self.device(),
            "code": self._has_code(),
            "networks": self.checksums(),
        }
