"""The small pictures of the ways to keep colours are what the shipped network paints."""

import numpy as np
from PIL import Image

from tests.samples_drawing import colors


def test_each_way_to_keep_colours_has_the_small_picture_that_the_network_paints() -> None:
    shipped = {}
    for color, made in colors.drawn().items():
        with Image.open(colors.file(color)) as image:
            shipped[color] = np.asarray(image.convert("RGB"), float)
        assert np.abs(np.asarray(made, float) - shipped[color]).mean() < 12  # of 255
        assert colors.file(color).stat().st_size < 8000
    for one, other in ((0, 1), (1, 2), (0, 2)):
        both = list(shipped.values())
        assert np.abs(both[one] - both[other]).mean() > 12  # they look different
