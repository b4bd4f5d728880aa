"""Frames of a film → RGB bytes as a screen shows them: flattened, and without high dynamic range.

Constants are those of ITU-R BT.2100 (PQ and HLG) and BT.2087 (primaries of BT.2020 to BT.709).
"""

from functools import cache

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # H×W×3, RGB

EXACT = (  # without these, colours lose up to 3 of 255 each time they are converted
    Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
PQ, HLG = 16, 18  # transfer characteristics as files number them
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
_WHITE_NITS = 203.0  # of paper, which becomes nearly the screen's white
_PEAK = 1000.0 / _WHITE_NITS  # of the brightest light that is distinct
_HLG_WHITE = 0.265  # scene light of paper
_LEVELS = 4096  # steps of the table from light to bytes


@cache
def _light(transfer: int) -> NDArray[np.float32]:
    """Return the light of each of 65,536 signal values, 1 for paper."""
    signal = np.linspace(0, 1, 1 << 16, dtype=np.float64)
    if transfer == PQ:
        root = signal ** (1 / 78.84375)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
            1 / 0.1593017578125
        )
        return (light * 10_000 / _WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return (light / _HLG_WHITE).astype(np.float32)


@cache
def _bytes() -> Picture:
    """Return the byte for each of `_LEVELS` + 1 steps of light from 0 to 1, by BT.709's curve."""
    light = np.linspace(0, 1, _LEVELS + 1)
    signal = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    return np.asarray(np.rint(signal * 255), np.uint8)


def tone_mapped(signal: NDArray[np.uint16], transfer: int) -> Picture:
    """Bring H×W×3 of 16 bits, BT.2020 in PQ or HLG, to what an ordinary screen shows."""
    light = _light(transfer)[signal] @ _TO_709.T
    light = np.maximum(light, 0)
    most = light.max(-1, keepdims=True)
    peak = np.float32(_PEAK)
    light = light * ((1 + most / peak**2) / (1 + most)) * (1 + 1 / peak)
    steps = np.rint(np.minimum(light, 1) * _LEVELS).astype(np.int32)
    return np.asarray(_bytes()[steps], np.uint8)


def _flattened(pixels: Picture) -> Picture:
    """Lay H×W×4 on white."""
    color, opaque = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    return ((color * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def _transparent(frame: VideoFrame) -> bool:
    """Tell whether a frame's format has transparency, by the letter its name has for it."""
    return "a" in frame.format.name.replace("gray", "")


def picture(frame: VideoFrame, size: tuple[int, int]) -> Picture:
    """Return a frame in RGB at a size (width, height), before rotation."""
    transfer = getattr(frame, "color_trc", 0)
    scale = {"width": size[0], "height": size[1], "interpolation": Interpolation.AREA | EXACT}
    if transfer in (PQ, HLG):
        deep = frame.reformat(format="rgb48le", **scale).to_ndarray()
        return tone_mapped(np.asarray(deep, np.uint16), transfer)
    if _transparent(frame):
        return _flattened(np.asarray(frame.reformat(format="rgba", **scale).to_ndarray(), np.uint8))
    return np.asarray(frame.reformat(format="rgb24", **scale).to_ndarray(), np.uint8)


def upright(pixels: Picture, degrees: float) -> Picture:
    """Turn a picture anticlockwise by what its film says, to quarters of a turn."""
    quarters = round(degrees / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels
