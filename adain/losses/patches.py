"""Patches of features matched to patches of a style: texture without statistics."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 3  # cells of a patch
_OF_STYLE, _OF_PICTURE = 4096, 1024  # patches that are looked at; of larger maps every second …


def _patches(features: Tensor, most: int) -> Tensor:
    """Patches of N×C×h×w, about `most` evenly spread ones: N×P×9C."""
    height, width = (side - SIDE + 1 for side in features.shape[2:])
    stride = math.ceil(math.sqrt(max(1.0, height * width / most)))
    return F.unfold(features.float(), SIDE, stride=stride).mT


def mrf(features: Tensor) -> Tensor:
    """Patches of a style: N×P×9C.

    Li and Wand, "Combining Markov Random Fields and Convolutional Neural Networks for Image
    Synthesis", CVPR 2016.
    """
    return _patches(features, _OF_STYLE)


def mrf_distance(features: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of each patch to the style's most similar one, relative to its norm: N.

    Similar is what correlates most, whatever its norm.
    """
    own = _patches(features, _OF_PICTURE)
    with torch.no_grad():
        nearest = (own @ F.normalize(wanted, dim=2).mT).argmax(2)  # its own norm changes nothing
        found = wanted.gather(1, nearest[..., None].expand(-1, -1, wanted.shape[2]))
    norm = found.square().mean((1, 2)).clamp_min(1e-8)
    return (own - found).square().mean((1, 2)) / norm
