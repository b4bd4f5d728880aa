"""Six films made of the sample photos, which show what films do."""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from adain.files import pictures, samples
from adain.film.colours import Picture

SIDE = 240  # pixels of the shorter side
COUNT = 32  # frames
_LARGER = 1.3  # times as large as what is seen of a photo that moves


def _photo(name: str, scale: float = 1.0) -> Picture:
    file = samples.file("photos", name)
    assert file
    with Image.open(file) as opened:
        image = pictures.scaled(pictures.rgb(opened), round(SIDE * scale))
    return np.array(image)


def _seen(photo: Picture, matrix: list[list[float]]) -> Picture:
    """Return what a camera sees of a photo through an affine map, in whole eights of pixels."""
    size = int(photo.shape[1] / _LARGER) // 8 * 8, SIDE
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    made = cv2.warpAffine(photo, np.array(matrix), size, flags=how, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(made, np.uint8)


def _noise(frame: Picture, deviation: float, seed: int) -> Picture:
    random = np.random.RandomState(seed)
    noisy = frame + random.normal(0, deviation, frame.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def pan(name: str = "raccoon", noise: float = 2.0) -> list[Picture]:
    """A camera that goes slowly over a photo."""
    photo = _photo(name, _LARGER)
    ways = [[[1, 0, 1.7 * at], [0, 1, 0.6 * at]] for at in range(COUNT)]
    return [_noise(_seen(photo, way), noise, at) for at, way in enumerate(ways)]


def still() -> list[Picture]:
    """A camera that stands, with noise, and exposure that breathes."""
    photo = _photo("coffee").astype(np.float32)
    photo = photo[:, : photo.shape[1] // 8 * 8]
    lit = [photo * (1 + 0.04 * np.sin(at / 3)) for at in range(COUNT)]
    return [_noise(np.clip(one, 0, 255).astype(np.uint8), 4, at) for at, one in enumerate(lit)]


def hand() -> list[Picture]:
    """A camera in a hand: it trembles, turns and comes nearer."""
    photo, random = _photo("rocket", _LARGER), np.random.RandomState(3)
    place, made = np.array([20.0, 20.0]), []
    for at in range(COUNT):
        place = np.clip(place + random.normal(0, 2.0, 2), 0, 40)
        turn, scale = 0.02 * np.sin(at / 4), 1 - 0.004 * at
        c, s = scale * np.cos(turn), scale * np.sin(turn)
        made.append(_noise(_seen(photo, [[c, -s, place[0]], [s, c, place[1]]]), 2, at))
    return made


def mover() -> list[Picture]:
    """Something that goes through a scene that stands."""
    ground, thing = still()[0], _photo("cat", 0.4)
    made = []
    for at in range(COUNT):
        frame, left = ground.copy(), 4 + 3 * at
        wide = min(thing.shape[1], frame.shape[1] - left)
        frame[70 : 70 + thing.shape[0], left : left + wide] = thing[:, :wide]
        made.append(_noise(frame, 2, at))
    return made


def cuts() -> list[Picture]:
    """Three shots, one after another, of one size."""
    shots = [pan("raccoon"), hand(), pan("coffee")]
    height, width = (min(one[0].shape[axis] for one in shots) for axis in (0, 1))
    third = COUNT // 3
    return [frame[:height, :width] for shot in shots for frame in shot[:third]]


def lamp() -> list[Picture]:
    """A slow pan in light that grows weak and strong again."""
    frames, light = pan("cat", 0.0), 0.75 + 0.25 * np.cos(np.arange(COUNT) / 5)
    return [
        _noise(np.clip(frame * share, 0, 255).astype(np.uint8), 2, at)
        for at, (frame, share) in enumerate(zip(frames, light, strict=True))
    ]


CLIPS: dict[str, Callable[[], list[Picture]]] = {
    "pan": pan,
    "still": still,
    "hand": hand,
    "mover": mover,
    "cuts": cuts,
    "lamp": lamp,
}
