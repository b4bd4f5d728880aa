"""Guess the subject of a photo: returns a mask to start painting regions from.

Pixels near the middle whose colour differs from the photo's edges seed OpenCV's GrabCut, which
finds the outline. No model, no download; often good enough to be corrected with a brush. Needs
OpenCV, which only the web process has: import it where it is used.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from adain.files import pictures
from adain.files.cropping import Crop
from worker.errors import Refused
from worker.images import images
from worker.images.images import Given

SIDE = 256  # pixels of the longer side that is looked at
EDGE_COLORS = 6
ROUNDS = 4  # of GrabCut
LEAST, MOST = 0.02, 0.9  # of the photo; anything else is no subject
PLAIN = 8.0  # of 255; colours that differ by less are one

Map = NDArray[np.float32]


def _from_edges(lab: Map) -> Map:
    """Return how far each pixel's colour is from the colours along left, right and upper edge."""
    strip = max(4, min(lab.shape[:2]) // 16)
    parts = (lab[:strip], lab[:, :strip], lab[:, -strip:])
    edge = np.concatenate([part.reshape(-1, 3) for part in parts])[::3]
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    seeds = np.zeros((len(edge), 1), np.int32)
    count = min(EDGE_COLORS, len(edge))
    _, _, colors = cv2.kmeans(edge, count, seeds, stop, 2, cv2.KMEANS_PP_CENTERS)
    distances = [np.linalg.norm(lab - color, axis=2) for color in np.asarray(colors)]
    nearest = np.min(distances, axis=0).astype(np.float32)
    soft = cv2.GaussianBlur(nearest, (0, 0), min(lab.shape[:2]) / 40)
    return np.asarray(soft / (soft.max() + 1e-6), np.float32)


def _middle(height: int, width: int) -> Map:
    """Return 1 near where subjects are mostly, falling off towards the edges."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = (x / width - 0.5) / 0.35, (y / height - 0.55) / 0.42
    return np.asarray(np.exp(-(across**2 + down**2) / 2), np.float32)


def _outlined(rgb: NDArray[np.uint8], likely: Map) -> NDArray[np.bool_]:
    """Return where the subject is, by GrabCut from what is likely."""
    low, half, high = np.quantile(likely, (0.2, 0.6, 0.9))
    mask = np.where(likely > half, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[likely > high], mask[likely < low] = cv2.GC_FGD, cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb, mask, (0, 0, 0, 0), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))


def find(photo: Given, crop: Crop = ()) -> bytes:
    """Return a small mask in the crop's proportions, white where its subject is, as a PNG.

    Raises `Refused` when the photo is none, or nothing stands out.
    """
    image = pictures.rgb(images.ours(images.small(photo, SIDE, crop=crop)))
    size = image.size  # as exactly of the photo's shape as rounding allows
    image.thumbnail((SIDE, SIDE))
    rgb = np.asarray(image, np.uint8)
    cv2.setRNGSeed(1)  # the same photo, the same subject
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    if min(rgb.shape[:2]) < 16 or float(np.ptp(lab, axis=(0, 1)).max()) < PLAIN:
        raise Refused("subject.not_found")
    likely = 0.5 * _from_edges(lab) + 0.7 * _middle(*rgb.shape[:2])
    found = _outlined(rgb, likely)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    whole = cv2.morphologyEx(found.astype(np.uint8) * 255, cv2.MORPH_OPEN, kernel)
    if not LEAST <= float((whole > 0).mean()) <= MOST:
        raise Refused("subject.not_found")
    return bytes(cv2.imencode(".png", cv2.resize(whole, size))[1])
