"""Convert between pictures and tensors: channels last in memory, sides padded to the stride."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

_LEAST_SIDE = 16  # two cells at 1/8: reflection needs a neighbour


def tensor(image: Image.Image) -> Tensor:
    """RGB or L picture → 1×C×H×W bytes, channels last in memory."""
    array = np.array(image).reshape(1, image.height, image.width, -1)
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def unit(images: Tensor) -> Tensor:
    """Bytes → float32 in [0, 1]; floats as they are."""
    return images if images.is_floating_point() else images.float() / 255


def as_bytes(images: Tensor) -> Tensor:
    """Floats in about [0, 1] → bytes, clamped and rounded."""
    return (images.float().clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def sent(images: Tensor, device: torch.device) -> Tensor:
    """Send pictures where they are computed, past the GPU's driver's own copy."""
    if device.type == "cuda" and images.device.type == "cpu":
        images = images.pin_memory()
    return images.to(device, non_blocking=True)


def image(tensor: Tensor) -> Image.Image:
    """3×H×W bytes → RGB picture."""
    return Image.fromarray(tensor.permute(1, 2, 0).contiguous().cpu().numpy())


def _reflected(length: int, padded: int) -> Tensor:
    """Indices 0 … length − 1 and back again, as often as it takes to reach `padded`."""
    if length == 1:
        return torch.zeros(padded, dtype=torch.long)
    turn = torch.arange(padded) % (2 * length - 2)
    return torch.minimum(turn, 2 * length - 2 - turn)


def padded(images: Tensor, stride: int) -> Tensor:
    """Extend N×C×H×W to the right and below, by reflection, to sides the network takes."""
    height, width = images.shape[2:]
    sides = [max(_LEAST_SIDE, math.ceil(side / stride) * stride) for side in (height, width)]
    if [height, width] == sides:
        return images
    rows, columns = _reflected(height, sides[0]), _reflected(width, sides[1])
    padded = images[:, :, rows][:, :, :, columns]
    return padded.contiguous(memory_format=torch.channels_last)


def cells(masks: Tensor, cell: int) -> Tensor:
    """Average padded K×1×H×W masks over cells of some pixels: K×h×w."""
    return F.avg_pool2d(unit(masks), cell)[:, 0]
