"""A second judge of the engine: the network's layers by onnxruntime, the algebra by numpy.

`torch.onnx` exports encoder and decoder, cut at the levels; moments, roots (LAPACK's eigenvectors,
in float64), whitening, mixing and noise are written here once more, after the paper's formulas.
Chroma is not limited: pictures are coloured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from adain import pixels
from adain.model.network import Network
from tests.adain.live.pairs import Pair, Pixels

RIDGE, LEAST = 1e-3, 1e-5  # of a mean variance, and beside it, on a covariance's diagonal
NOISE = 64  # cells, after which it repeats
OPSET = 20
EPSILON = 1e-5  # under the root of a variance

Floats = NDArray[Any]


class Encode(nn.Module):
    """1×3×H×W in [0, 1] → the features of level 0."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        found: Tensor = self.network.encoder(
            image * (self.network.white - self.network.black) + self.network.black
        )
        return found


class Step(nn.Module):
    """Features of a level → those of the next; of the last → 1×3×H×W, about [0, 1]."""

    def __init__(self, network: Network, level: int) -> None:
        super().__init__()
        self.network, self.level = network, level

    def forward(self, features: Tensor) -> Tensor:
        made = self.network.step(self.level, features)
        last = self.level == self.network.levels[-1]
        return nn.functional.pixel_shuffle(made, self.network.fold) if last else made


class Whole(nn.Module):
    """All layers: 1×3×H×W in [0, 1] → 1×3×H×W, about [0, 1], with no style."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.parts = nn.Sequential(Encode(network), *(Step(network, one) for one in network.levels))

    def forward(self, image: Tensor) -> Tensor:
        made: Tensor = self.parts(image)
        return made


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Return what runs an exported part on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def exported(part: nn.Module, channels: int) -> bytes:
    """Return a part as ONNX, for pictures of any size."""
    size = {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.onnx.export(
        part.eval(),
        (torch.zeros(1, channels, 32, 48),),
        dynamo=True,
        opset_version=OPSET,
        dynamic_shapes=(size,),
        verbose=False,
    )
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model


@dataclass(frozen=True)
class Measured:
    """Of a level's features: mean C and variances C, at later levels covariances C×C, biased."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, features: Floats, full: bool) -> "Measured":
        x = features[0].reshape(features.shape[1], -1).astype(np.float64)
        return cls(x.mean(1), np.cov(x, bias=True) if full else x.var(1))

    @property
    def root(self) -> Floats:
        """Standard deviations, or the symmetric root of a covariance."""
        if self.spread.ndim == 1:
            found: Floats = np.sqrt(self.spread + EPSILON)
            return found
        values, vectors = np.linalg.eigh(
            self.spread
            + (RIDGE * np.trace(self.spread) / len(self.mean) + LEAST) * np.eye(len(self.mean))
        )
        made: Floats = (vectors * np.sqrt(values)) @ vectors.T
        return made


class Judge:
    """A network whose layers run in onnxruntime, on one thread."""

    def __init__(self, network: Network) -> None:
        self.stride, self.count = network.stride, len(network.levels)
        noise = np.random.RandomState(0).standard_normal((network.channels[0], NOISE, NOISE))
        self.noise = noise.astype(np.float32) * network.grain_deviation
        parts = [Step(network, level) for level in network.levels]
        self.encoder = session(exported(Encode(network), 3))
        self.steps = [
            session(exported(part, channels))
            for part, channels in zip(parts, network.channels, strict=True)
        ]

    @staticmethod
    def _run(part: onnxruntime.InferenceSession, given: Floats) -> Floats:
        [name] = [one.name for one in part.get_inputs()]
        [made] = part.run(None, {name: given.astype(np.float32)})
        return np.asarray(made)

    def _seen(self, image: Image.Image) -> Floats:
        """Return a picture as 1×3×H×W in [0, 1], extended to sides that the network takes."""
        return pixels.padded(pixels.tensor(image), self.stride).numpy().astype(np.float32) / 255

    def measure(self, features: Floats) -> tuple[list[Measured], Floats]:
        """Send features of level 0 to the end with no style; return moments and picture."""
        found = []
        for level, step in enumerate(self.steps):
            found.append(Measured.of(features, full=level > 0))
            features = self._run(step, features)
        return found, features

    def _noise(self, height: int, width: int) -> Floats:
        rows, columns = np.arange(height) % NOISE, np.arange(width) % NOISE
        return self.noise[:, rows][:, :, columns]

    def _changed(
        self,
        features: Floats,
        styles: Sequence[Measured],
        shares: Floats,
        alpha: float,
        plain: Measured,
    ) -> Floats:
        """Give features the styles' statistics (eqs. 8, 14 and 15, or whitening and colouring)."""
        _, channels, height, width = features.shape
        x = features[0].reshape(channels, -1)
        full = styles[0].spread.ndim > 1
        own = Measured.of(features, full)
        mean = sum(share * one.mean for share, one in zip(shares, styles, strict=True))
        root = sum(share * one.root for share, one in zip(shares, styles, strict=True))
        mean = alpha * mean + (1 - alpha) * plain.mean
        root = alpha * root + (1 - alpha) * plain.root
        apart = x - own.mean[:, None]
        if full:
            made = root @ np.linalg.solve(own.root, apart) + mean[:, None]
        else:
            made = root[:, None] * apart / own.root[:, None] + mean[:, None]
            moved = sum(
                share
                * (
                    np.abs(alpha * one.mean + (1 - alpha) * plain.mean - own.mean)
                    + np.abs(alpha * one.root + (1 - alpha) * plain.root - own.root)
                )
                for share, one in zip(shares, styles, strict=True)
            )
            made += np.asarray(moved)[:, None] * self._noise(height, width).reshape(channels, -1)
        return np.asarray(made).reshape(features.shape)

    def paint(self, pair: Pair) -> Pixels:
        """Paint a pair as `adain` does by default: H×W×3 bytes."""
        asked = pair.request()
        photo = self._seen(asked.content)
        looks = [self.measure(self._run(self.encoder, self._seen(one)))[0] for one in asked.styles]  # type: ignore[arg-type]
        shares = np.array(pair.shares) / sum(pair.shares)
        features = self._run(self.encoder, photo)
        without, plain = self.measure(features)
        for level, step in enumerate(self.steps):
            back = without[level] if level else Measured.of(features, full=False)
            styles = [look[level] for look in looks]
            changed = self._changed(features, styles, shares, pair.alpha, back)
            features = self._run(step, changed)
        made = features + (1 - pair.alpha) * (photo - plain)
        width, height = pair.size
        painted: Pixels = np.floor(made[0].clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return painted.transpose(1, 2, 0)[:height, :width]
