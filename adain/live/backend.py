"""The engine of this processor in the place of a network's machine code (`adain.aot.runtime`).

It takes what that takes, whole pictures without masks by covariance, on processors that multiply
in float32; luminance alone it does not know.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from adain.aot.trusted_folders import CodeUnusable
from adain.live import library, packed
from adain.live.native import Engine, Measured, Pixels, Wanted
from adain.model.moments import Moments
from adain.model.network import Network

_STYLES = 64  # whose roots are kept
ALIKE = 1  # of 255, in any channel of any pixel


def fits(network: Network, name: str) -> bool:
    """Tell whether the engine can run a network where it is."""
    return network.device.type == "cpu" and packed.described(name)


def _engine(file: Path, network: Network, name: str) -> Engine:
    """Return an engine with a network's weights. Raises `CodeUnusable`."""
    tensors = {key: value.float().numpy() for key, value in network.state_dict().items()}
    try:
        return Engine(file, packed.plan(name), tensors, network.grain_deviation)
    except (OSError, AttributeError) as error:
        file.unlink(missing_ok=True)
        raise CodeUnusable(f"{file} can't be used, and is removed: {error}") from error


def _array(image: Tensor) -> Pixels:
    """3×H×W bytes → H×W×3."""
    return image.permute(1, 2, 0).contiguous().numpy()


class Native:
    """A network run by the engine; takes N×3×H×W bytes of which it knows that they are no tiles."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wanted = lru_cache(_STYLES)(self._rooted)

    @classmethod
    def load(cls, network: Network, name: str, folder: Path) -> Self | None:
        """Return a network's engine if there is one in the folder. Raises `CodeUnusable`."""
        if network.dtype != torch.float32 or not fits(network, name):
            return None
        file = library.find(folder)
        return None if file is None else cls(_engine(file, network, name))

    def measure(self, image: Tensor) -> list[Moments]:
        """Measure one picture at each level as `Network.measure` does: 1×…."""
        self._engine.use(torch.get_num_threads())
        found = self._engine.measure(_array(image[0]))
        return [Moments(*(torch.from_numpy(value)[None] for value in one)) for one in found]

    def _rooted(self, mean: bytes, spread: bytes) -> Wanted:
        """Return what a style wants at a level, from float32 of its mean and its spread."""
        center, apart = (np.frombuffer(value, np.float32) for value in (mean, spread))
        full = len(apart) > len(center)
        measured = Measured(center, apart.reshape(len(center), -1) if full else apart)
        return self._engine.wanted([measured])[0]

    def paint(
        self, images: Tensor, coverage: Tensor, alpha: Tensor, styles: Sequence[Moments]
    ) -> Tensor:
        """Paint as `Network.paint` says: N×3×H×W bytes; styles by level, N×K×… each."""
        self._engine.use(torch.get_num_threads())
        made = []
        for place, image in enumerate(images):
            shares = coverage[place].flatten().tolist()
            looks = [
                [
                    self._wanted(*(value[place, one].numpy().tobytes() for value in level))
                    for level in styles
                ]
                for one, share in enumerate(shares)
                if share
            ]
            own = [share for share in shares if share]
            painted = self._engine.paint(_array(image), looks, own, float(alpha[place]))
            made.append(torch.from_numpy(painted).permute(2, 0, 1))
        return torch.stack(made)


def make(network: Network, name: str, folder: Path) -> Path:
    """Have the engine's library in `folder`; return where. Raises `NotNow`."""
    return library.make(folder, lambda file: _sound(_engine(file, network, name), network))


def _sound(engine: Engine, network: Network) -> bool:
    """Tell whether an engine paints as the network does in float32."""
    drawn = np.random.RandomState(0).randint(0, 256, (2, 3, 12, 16), np.uint8)
    photo, style = torch.nn.functional.interpolate(
        torch.from_numpy(drawn).float(), scale_factor=8
    ).byte()
    code, whole = Native(engine), network.float()
    found = code.measure(style[None])
    folded = whole.folded(torch.stack([photo, style])).float() / 255
    with torch.inference_mode():
        wanted = [Moments(*(value[:, None] for value in one)) for one in found]
        painted = whole.paint(whole.enter(folded[:1]), wanted)
    expected = whole.unfolded(painted).clamp(0, 1) * 255 + 0.5
    own = code.paint(photo[None], torch.ones(1, 1, 1, 1), torch.ones(1), wanted)
    return bool((own.int() - expected.int()).abs().max() <= ALIKE)
