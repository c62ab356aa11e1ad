"""Finds the manifest's preprocessing by what the original does to drawn pictures.

Processors name the same step in many ways, and some are code of the model's own. Their results on pictures decide; the
numbers in their configuration serve as hints.
"""

from __future__ import annotations

from typing import Callable, Iterator

import numpy as np
from PIL import Image

from . import preprocessing
from .errors import ExportError
from .pictures import pictures

# The largest and the mean difference of a candidate that passes, in steps of 8-bit pixels. Processors that scale
# tensors instead of pictures round differently now and then.
MOST, MEAN = 3.0, 0.3


def find(original: Callable[[Image.Image], object], hints: dict) -> tuple[dict, float]:
    """Returns the manifest's preprocessing settings, and the largest difference left, in steps of 8-bit pixels.

    `original` returns an array or tensor, float32 [3, height, width]. `hints` holds `sizes` (numbers that the processor
    mentions), `mean` and `std`.
    """
    black, white = (_array(original(Image.new("RGB", (64, 64), (level,) * 3))) for level in (0, 255))
    height, width = black.shape[-2:]
    # Pixels of one colour: float64 keeps their mean exact.
    black, white = (levels.mean((1, 2), dtype=np.float64) for levels in (black, white))
    std = [1.0 / float(w - b) for b, w in zip(black, white)]
    mean = [-float(b) * s for b, s in zip(black, std)]
    settings = {
        "size": {"height": height, "width": width},
        "mean": _snap(mean, hints.get("mean")),
        "std": _snap(std, hints.get("std")),
    }
    tests = pictures(max(height, width))
    expected = [_array(original(picture)) for picture in tests]
    step = min(1 / (255 * s) for s in settings["std"])
    best = None
    for candidate in _candidates(height, width, hints.get("sizes", [])):
        candidate = {**settings, **candidate}
        most, average = _difference(candidate, tests, expected, step)
        if best is None or (average, most) < best[:2]:
            best = (average, most, candidate)
        if most < 0.01:
            break
    average, most, found = best
    if most > MOST or average > MEAN:
        nearest = {name: found[name] for name in ("resize", "crop", "interpolation")}
        raise ExportError(
            "no preprocessing that a manifest can describe gives the pixels of this model's own processor. The nearest, "
            f"{nearest}, differs by up to {most:.1f} steps of 255 (mean {average:.2f})."
        )
    return found, most


def _array(pixels) -> np.ndarray:
    return np.asarray(pixels, np.float32)


def _difference(
    settings: dict, tests: list[Image.Image], expected: list[np.ndarray], step: float
) -> tuple[float, float]:
    """Returns the largest and the largest mean difference from the expected pixels, in multiples of `step`.

    The comparison stops at the first picture that rules the settings out.
    """
    most = average = 0.0
    for picture, wanted in zip(tests, expected):
        found = preprocessing.normalised(preprocessing.prepare(picture, settings), settings)
        difference = np.abs(found - wanted) / step
        most, average = max(most, float(difference.max())), max(average, float(difference.mean()))
        if average > 10 * MEAN:
            break
    return most, average


def _snap(found: list[float], hint) -> list[float]:
    """Returns the processor's own numbers where they agree, else the numbers found without the noise of float32."""
    if hint is not None and np.allclose(found, hint, atol=2e-4):
        return [float(x) for x in hint]
    return [round(x, 6) for x in found]


def _candidates(height: int, width: int, sizes: list[int]) -> Iterator[dict]:
    """Yields `resize`, `crop` and `interpolation` of a manifest, likely ones first."""
    edge = max(height, width)
    shorter = [size for size in dict.fromkeys([edge, *sizes, round(edge / 0.875), round(edge / 0.9)]) if size >= edge]
    for interpolation in preprocessing.FILTERS:
        for crop in ("center", "center_floor"):
            for size in shorter:
                resize = {"mode": "shortest_edge", "size": size}
                yield {"resize": resize, "crop": crop, "interpolation": interpolation}
        if height == width:
            yield {"resize": {"mode": "exact", "size": edge}, "crop": "none", "interpolation": interpolation}
            for level in (0, 255, 127, 128):
                resize = {"mode": "longest_edge_pad", "size": edge, "fill": [level] * 3}
                yield {"resize": resize, "crop": "none", "interpolation": interpolation}
        for crop in ("center", "center_floor"):
            for size in shorter[1:]:
                yield {"resize": {"mode": "exact", "size": size}, "crop": crop, "interpolation": interpolation}
