"""The engine on this processor: measures style pictures and paints photos. numpy, no torch.

It does what `Network.paint` and `Stylizer.stylize` do in float32 (adain/model), as
web/static/engine/engine.js does it in a browser, with the same arithmetic (engine.c). Pictures are
H×W×3 bytes; sides that are no multiples of the network's stride are extended by reflection. Not
shared between threads, of which it uses some itself.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adain.live import functions

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_BORDER = 8  # cells beside a map's own, in both directions
_LEAST_SIDE = 16  # pixels a padded picture has
_NOISE = 64  # cells, after which the noise repeats
_FOLDED = 12  # numbers of 2×2 pixels
_TAPS, _POINTS = 9, 36  # of a filter, as it is and transformed
_ALIGNED = 64  # bytes, a line of the cache
_LOOKED_AT = 512  # pixels of the shorter side that is looked at for chroma, at least
_COLORED = 48 / 255  # chroma from which on colours are not limited (adain/color.py)


class Measured(NamedTuple):
    """What is measured at a level: mean, and variances (C) or the covariance (C×C)."""

    mean: Floats
    spread: Floats


class Wanted(NamedTuple):
    """What a style wants at a level: mean, and deviations or the root of the covariance."""

    mean: Floats
    root: Floats


@dataclass(frozen=True)
class _Map:
    """A map of features in memory; `at` is where it begins."""

    memory: Floats
    at: int
    h: int
    w: int
    c: int


@dataclass(frozen=True)
class _Layer:
    """A convolution's numbers as the engine reads them."""

    weights: Floats
    bias: Floats
    filters: int


def _zeros(count: int) -> Floats:
    """Return so many zeros that begin where a line of the cache does."""
    spare = _ALIGNED // 4
    whole = np.zeros(count + spare, np.float32)
    start = -whole.ctypes.data % _ALIGNED // 4
    return whole[start : start + count]


def _kept(values: NDArray[Any]) -> Floats:
    """Return an aligned float32 copy."""
    made = _zeros(values.size).reshape(values.shape)
    made[...] = values
    return made


def _at(values: NDArray[Any]) -> int:
    return values.ctypes.data


def _mixed(parts: Sequence[Floats], shares: Sequence[float]) -> Floats:
    """Return a weighted sum."""
    made: Floats = np.tensordot(np.asarray(shares, np.float32), np.stack(parts), 1)
    return made


class Engine:
    """A network with its weights, ready to measure and paint."""

    def __init__(
        self,
        library: Path,
        plan: Mapping[str, Any],
        tensors: Mapping[str, Floats],
        grain: float,
        threads: int = 1,
    ) -> None:
        """`plan` is as `adain.live.plan` makes it, `tensors` hold weights and biases by name.

        Raises OSError for a library that can't be loaded, KeyError and ValueError for tensors that
        are not the plan's.
        """
        self._c = functions.of(library)
        self._columns: int = self._c["columns"]()
        self._plan = plan
        self._threads = 0
        self._free: list[Floats] = []
        steps = [step for part in (plan["encoder"], *plan["decoder"]) for step in part]
        self._steps = [step for step in steps if "conv" in step]
        self.use(threads)
        self._layers = {step["conv"]: self._layer(step, tensors) for step in self._steps}
        channels = [level["channels"] for level in plan["levels"]]
        self._noise = self._drawn(channels[0], grain) if grain else None
        most = max(channels)
        self._small = [_zeros(most) for _ in range(3)]
        self._matrices = [_zeros(most * most) for _ in range(5)]
        self._work = np.zeros(most * most, np.float64)
        self._folded: _Map | None = None

    def use(self, threads: int) -> None:
        """Use so many threads from now on."""
        if threads == self._threads:
            return
        self._threads = threads
        self._c["threads"](threads)
        sizes = [
            self._c["scratch"](self._whole(s["in"]), self._whole(s["out"])) for s in self._steps
        ]
        self._scratch = _zeros(max(sizes))

    def _whole(self, channels: int) -> int:
        """Return channels in whole columns of the engine's products."""
        return math.ceil(channels / self._columns) * self._columns

    def _layer(self, step: Mapping[str, Any], tensors: Mapping[str, Floats]) -> _Layer:
        weight, bias = (tensors[f"{step['conv']}.{part}"] for part in ("weight", "bias"))
        if weight.shape != (step["out"], step["in"], 3, 3) or bias.shape != (step["out"],):
            raise ValueError(f"{step['conv']} has weights of another shape.")
        given, filters = self._whole(step["in"]), self._whole(step["out"])
        strided = step["stride"] > 1
        made = _zeros((_TAPS if strided else _POINTS) * given * filters)
        raw = np.ascontiguousarray(weight, np.float32)
        arrange = self._c["arrange" if strided else "transform"]
        arrange(_at(raw), _at(made), step["in"], given, step["out"])
        shifts = _zeros(filters)
        shifts[: step["out"]] = bias
        return _Layer(made, shifts, filters)

    @staticmethod
    def _drawn(channels: int, deviation: float) -> Floats:
        """Return the network's noise, cells × channels (adain/model/network.py)."""
        drawn = np.random.RandomState(0).standard_normal((channels, _NOISE * _NOISE))
        return _kept(drawn.astype(np.float32).T * np.float32(deviation))

    # ---------------------------------------------------------------- maps of features

    def _take(self, h: int, w: int, c: int) -> _Map:
        """Return a map to be written, in memory that is free or new."""
        count = (h + _BORDER) * (w + _BORDER) * c
        fitting = [one for one in self._free if count <= one.size <= 2 * count]
        memory = min(fitting, key=lambda one: one.size, default=None)
        if memory is None:
            memory = _zeros(count)
        else:
            self._free = [one for one in self._free if one is not memory]
        return _Map(memory, _at(memory), h, w, c)

    def _give(self, one: _Map) -> None:
        self._free.append(one.memory)

    def _convolved(self, step: Mapping[str, Any], given: _Map, plus: _Map | None) -> _Map:
        layer, stride = self._layers[step["conv"]], step["stride"]
        made = self._take(given.h // stride, given.w // stride, layer.filters)
        weights, bias = _at(layer.weights), _at(layer.bias)
        size = (made.h, made.w, given.c, made.c, stride)
        beside = plus.at if plus else 0
        self._c["convolve"](
            given.at, made.at, beside, *size, weights, bias, step["relu"], _at(self._scratch)
        )
        return made

    def _enlarged(self, given: _Map) -> _Map:
        made = self._take(2 * given.h, 2 * given.w, given.c)
        self._c["up"](given.at, made.at, given.h, given.w, given.c)
        return made

    def _run(self, steps: Sequence[Mapping[str, Any]], given: _Map, held: bool = False) -> _Map:
        """Return what steps make of a map, which is given back unless it is held."""
        first = given
        kept: _Map | None = None
        for step in steps:
            if step.get("keep"):
                kept = given
            plus = kept if step.get("plus") else None
            made = self._enlarged(given) if step.get("up") else self._convolved(step, given, plus)
            done = [one for one in (plus, None if given is kept else given) if one]
            for one in done:
                if not (held and one is first):
                    self._give(one)
            kept = None if plus else kept
            given = made
        return given

    def _padded(self, side: int) -> int:
        stride: int = self._plan["stride"]
        return max(_LEAST_SIDE, math.ceil(side / stride) * stride)

    def _encoded(self, picture: Pixels) -> _Map:
        """Return the features of level 0."""
        height, width, depth = picture.shape
        h, w, c = self._padded(height) // 2, self._padded(width) // 2, self._whole(_FOLDED)
        if self._folded is None or (self._folded.h, self._folded.w) != (h, w):
            memory = _zeros((h + _BORDER) * (w + _BORDER) * c)
            self._folded = _Map(memory, _at(memory), h, w, c)
            self._free.clear()  # of the size before
        levels = (self._plan["black"], self._plan["white"])
        self._c["fold"](_at(picture), depth, height, width, self._folded.at, h, w, c, *levels)
        return self._run(self._plan["encoder"], self._folded, held=True)

    # ---------------------------------------------------------------- what is measured

    def _measured(self, given: _Map, full: bool) -> Measured:
        h, w, c = given.h, given.w, given.c
        mean = _zeros(c)
        spread = _zeros(c * c if full else c)
        if not full:
            self._c["moments"](given.at, h, w, c, _at(mean), _at(spread))
            return Measured(mean, spread)
        row = _zeros(w * c * self._threads)
        self._c["covariance"](given.at, h, w, c, _at(mean), _at(spread), _at(row))
        upper = np.triu(spread.reshape(c, c))
        return Measured(mean, upper + np.triu(upper, 1).T)

    def _plain(self, features: _Map, whole: bool) -> tuple[list[Measured], _Map]:
        """Measure a picture that passes with no style, to the last level or to what comes out."""
        levels, found, given = self._plan["levels"], list[Measured](), features
        for number, level in enumerate(levels):
            found.append(self._measured(given, level["full"]))
            if whole or number + 1 < len(levels):
                given = self._run(self._plan["decoder"][number], given, held=number == 0)
        return found, given

    def measure(self, picture: Pixels) -> list[Measured]:
        """Measure a style picture at each level."""
        features = self._encoded(np.ascontiguousarray(picture))
        found, last = self._plain(features, whole=False)
        self._give(features)
        self._give(last)
        return found

    def chroma(self, picture: Pixels) -> float:
        """Return how colourful a picture is at most, as `adain.color.chroma` has it."""
        step = max(1, min(picture.shape[:2]) // _LOOKED_AT)
        picture = np.ascontiguousarray(picture[::step, ::step])
        height, width, depth = picture.shape
        found: float = self._c["chroma"](_at(picture), depth, height, width)
        return found

    def _roots(self, spread: Floats, root: Floats, inverse: Floats) -> Floats:
        """Write the root and the inverse root of a covariance; return the root."""
        c = len(spread)
        given = np.ascontiguousarray(spread, np.float32)
        ridge, least = self._plan["ridge"], self._plan["least"]
        self._c["roots"](_at(given), c, ridge, least, _at(root), _at(inverse), _at(self._work))
        return root[: c * c].reshape(c, c)

    def _deviations(self, variances: Floats) -> Floats:
        found: Floats = np.sqrt(variances + np.float32(self._plan["epsilon"]))
        return found

    def wanted(self, measured: Sequence[Measured]) -> list[Wanted]:
        """Return what a style that was measured wants at each level."""
        first, second = self._matrices[3:]
        return [
            Wanted(mean, self._roots(spread, first, second).copy())
            if spread.ndim > 1
            else Wanted(mean, self._deviations(spread))
            for mean, spread in measured
        ]

    # ---------------------------------------------------------------- what is painted

    def _moved(
        self,
        given: _Map,
        own: Measured,
        plain: Measured,
        styles: Sequence[Wanted],
        shares: Sequence[float],
        alpha: float,
        noise: Floats | None,
    ) -> _Map:
        """Give features means and deviations of styles (the paper's eq. 8), and noise."""
        deviations, back = self._deviations(own.spread), self._deviations(plain.spread)
        gain, bias, moved = (one[: given.c] for one in self._small)
        gain[:] = bias[:] = moved[:] = 0
        for style, part in zip(styles, shares, strict=True):
            mean = alpha * style.mean + (1 - alpha) * plain.mean
            deviation = alpha * style.root + (1 - alpha) * back
            gain += part * (deviation / deviations)
            bias += part * (mean - own.mean * (deviation / deviations))
            moved += part * (abs(mean - own.mean) + abs(deviation - deviations))
        made = self._take(given.h, given.w, given.c)
        numbers = (_at(gain), _at(bias), _at(moved), 0 if noise is None else _at(noise))
        self._c["affine"](given.at, made.at, given.h, given.w, given.c, *numbers)
        return made

    def _recoloured(
        self,
        given: _Map,
        own: Measured,
        plain: Measured,
        styles: Sequence[Wanted],
        shares: Sequence[float],
        alpha: float,
    ) -> _Map:
        """Give features the mean and covariance of styles, by whitening and colouring."""
        c = given.c
        root, inverse, packed, first, second = self._matrices
        wanted = _mixed([style.root for style in styles], shares)
        mean = _mixed([style.mean for style in styles], shares)
        if alpha < 1:
            wanted = alpha * wanted + (1 - alpha) * self._roots(plain.spread, first, second)
            mean = alpha * mean + (1 - alpha) * plain.mean
        self._roots(own.spread, root, inverse)
        bias, aim, target = self._small[0], _kept(mean), _kept(wanted)
        matrices = (_at(root), _at(inverse), _at(own.mean), _at(target), _at(aim))
        self._c["recolouring"](*matrices, c, _at(packed), _at(bias))
        made = self._take(given.h, given.w, c)
        self._c["recolour"](given.at, made.at, given.h, given.w, c, _at(packed), _at(bias))
        return made

    def paint(
        self,
        photo: Pixels,
        styles: Sequence[Sequence[Wanted]],
        shares: Sequence[float] = (1.0,),
        alpha: float = 1.0,
        most: float = math.inf,
    ) -> Pixels:
        """Return a photo painted in styles, whose shares sum to 1, with so much chroma at most.

        `alpha` is from above 0 to 1.
        """
        picture: Pixels = np.array(photo, np.uint8, order="C")
        given = self._encoded(picture)
        without = self._plain(given, whole=True) if alpha < 1 else None
        for number, level in enumerate(self._plan["levels"]):
            own = self._measured(given, level["full"])
            plain = without[0][number] if without and number else own
            look = ([style[number] for style in styles], shares, alpha)
            if level["full"]:
                changed = self._recoloured(given, own, plain, *look)
            else:
                noise = None if number else self._noise
                changed = self._moved(given, own, plain, *look, noise)
            self._give(given)
            given = self._run(self._plan["decoder"][number], changed)
        self._unfolded(given, without[1] if without else None, picture, alpha, most)
        return picture

    def _unfolded(
        self, painted: _Map, plain: _Map | None, picture: Pixels, alpha: float, most: float
    ) -> None:
        """Write what was painted into the picture that is the photo as yet; give maps back."""
        height, width, depth = picture.shape
        size = (depth, height, width, painted.w, painted.c)
        numbers = (self._plan["black"], self._plan["white"], alpha, most)
        self._c["unfold"](painted.at, plain.at if plain else 0, _at(picture), *size, *numbers)
        self._give(painted)
        if plain:
            self._give(plain)

    def most_chroma(self, photo: Pixels, styles: Sequence[float]) -> float:
        """Return the chroma that a photo may have in styles so colourful (adain/color.py)."""
        found = max(styles)
        if found < _COLORED:
            found = max(found, self.chroma(photo))
        return found / (1 - found / _COLORED) if found < _COLORED else math.inf
