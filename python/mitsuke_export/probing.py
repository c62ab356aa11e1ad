"""Finds the manifest's preprocessing by what the original makes of drawn pictures.

Processors name the same thing in many ways, and some are code of the model's own; what they do to pictures is
what counts. The processor's numbers are used as hints.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
import torch
from PIL import Image

from . import pipeline
from .errors import ExportError
from .pictures import pictures

# Largest and mean difference of a candidate that passes, in steps of 8-bit pixels. Processors that scale tensors
# instead of pictures round differently now and then.
MOST, MEAN = 3.0, 0.3


def find(original: Callable[[Image.Image], torch.Tensor], hints: dict) -> tuple[dict, float]:
    """Settings for the manifest's `image` object, and the largest difference left, in steps of 8-bit pixels.

    `original` gives float32 [3, height, width]. `hints`: `sizes` (numbers the processor mentions), `mean`, `std`.
    """
    black, white = (original(Image.new("RGB", (64, 64), (level,) * 3)) for level in (0, 255))
    height, width = black.shape[-2:]
    std = [1.0 / float(w.mean() - b.mean()) for b, w in zip(black, white)]
    mean = [-float(b.mean()) * s for b, s in zip(black, std)]
    settings = {
        "size": {"height": height, "width": width},
        "mean": _snap(mean, hints.get("mean")),
        "std": _snap(std, hints.get("std")),
    }
    tests = pictures(max(height, width))
    expected = [original(picture) for picture in tests]
    step = min(1 / (255 * s) for s in settings["std"])
    best = None
    for candidate in _candidates(height, width, hints.get("sizes", [])):
        candidate = {**settings, **candidate}
        differences = []
        for picture, wanted in zip(tests, expected):
            found = pipeline.tensor(pipeline.prepare(picture, candidate), candidate)
            difference = (found - wanted).abs() / step
            differences.append((float(difference.max()), float(difference.mean())))
            if differences[-1][1] > 10 * MEAN:
                break
        most, average = max(d[0] for d in differences), max(d[1] for d in differences)
        if best is None or (average, most) < best[:2]:
            best = (average, most, candidate)
        if most < 0.01:
            break
    average, most, found = best
    if most > MOST or average > MEAN:
        raise ExportError(
            "no preprocessing that the manifest knows does to pictures what this model's does: the nearest, "
            f"{ {name: found[name] for name in ('resize', 'crop', 'interpolation')} }, differs by up to {most:.1f} "
            f"steps of 255 (mean {average:.2f})."
        )
    return found, most


def _snap(found: list[float], hint) -> list[float]:
    """The processor's own number where it is the same, else the found one without the noise of float32."""
    if hint is not None and np.allclose(found, hint, atol=2e-4):
        return [float(x) for x in hint]
    return [round(x, 6) for x in found]


def _candidates(height: int, width: int, sizes: list[int]):
    """Manifest settings, likely ones first."""
    edge = max(height, width)
    shorter = [size for size in dict.fromkeys([edge, *sizes, round(edge / 0.875), round(edge / 0.9)]) if size >= edge]
    filters = ["bicubic", "bilinear", "lanczos"]
    for kind in filters:
        for crop in ("center", "center_floor"):
            for size in shorter:
                yield {"resize": {"mode": "shortest_edge", "size": size}, "crop": crop, "interpolation": kind}
        if height == width:
            yield {"resize": {"mode": "exact", "size": edge}, "crop": "none", "interpolation": kind}
            for level in (0, 255, 127, 128):
                fill = [level] * 3
                mode = {"mode": "longest_edge_pad", "size": edge, "fill": fill}
                yield {"resize": mode, "crop": "none", "interpolation": kind}
        for crop in ("center", "center_floor"):
            for size in shorter[1:]:
                yield {"resize": {"mode": "exact", "size": size}, "crop": crop, "interpolation": kind}
