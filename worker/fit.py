"""What a result is to fill: a sheet of paper at 300 dpi, or as many pixels as may be made."""

import math

from worker.settings import settings

SHEETS = {"10x15": (1181, 1772), "a4": (2480, 3508), "a3": (3508, 4961)}  # pixels at 300 dpi
SMALLEST, LARGEST = 64, 4242  # pixels of the shorter side


def side(fit: str, width: int, height: int) -> int:
    """Return the shorter side in pixels of a photo that fills a sheet whole, or all that may be.

    `fit` is one of `SHEETS`, or largest: as the photo is, but for the limit of results. 0 is as it
    is, for a photo too small to be scaled.
    """
    short, long = sorted((width, height))
    if fit == "largest":
        scale = min(1.0, math.sqrt(settings().max_output_pixels / (width * height)))
        return min(int(short * scale), LARGEST) if short >= SMALLEST else 0
    across, along = SHEETS[fit]
    return max(SMALLEST, round(short * min(across / short, along / long)))
