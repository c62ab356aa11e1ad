"""Pictures drawn by formula: they need no licence and have the same pixels every time."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draws a landscape with gradients, edges and fine stripes, on which ways of resizing differ."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    sky = np.stack([70 + 110 * v + 30 * np.cos(seed), 130 + 70 * v, 220 - 50 * v], -1)
    ground = np.stack([60 + 60 * u, 110 - 30 * u + 20 * np.sin(seed), 50 + 0 * u], -1)
    stripes = 30 * np.sin(x * 1.1 + y * 0.3 + seed)[..., None] * np.array([1.0, 0.8, 0.4])
    hill = 0.6 + 0.12 * np.sin(u * 6 + seed)
    pixels = np.where((v > hill)[..., None], ground + stripes, sky + stripes / 3)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    size = min(width, height)
    left, top = width * (0.1 + 0.05 * (seed % 5)), height * 0.1
    draw.ellipse([left, top, left + size * 0.3, top + size * 0.3], fill=(255, 190 - 20 * (seed % 4), 40 + 30 * (seed % 3)))
    roof = [(width * 0.55, height * 0.8), (width * 0.7, height * 0.4), (width * 0.9, height * 0.8)]
    draw.polygon(roof, fill=(190 - 40 * (seed % 3), 40 + 30 * (seed % 4), 50))
    return image


# Sizes on which ways of rounding differ: odd and even edges, both orientations, extremes.
SIZES = [(320, 213), (213, 320), (301, 229), (97, 161), (640, 480), (500, 60), (41, 300)]
# Pixels added to an encoder's edge. Nothing is scaled then, and an odd number is cut off, which shows how half a pixel
# is rounded.
BEYOND = [(0, 0), (0, 3), (7, 0), (1, 0), (0, 11)]


def pictures(edge: int = 224) -> list[Image.Image]:
    """Draws the pictures on which preprocessing and image towers are compared, for an encoder of `edge` pixels."""
    sizes = [*SIZES, *((edge + x, edge + y) for x, y in BEYOND), (2 * edge + 6, 2 * edge), (2 * edge, 2 * edge + 14)]
    return [scene(width, height, seed) for seed, (width, height) in enumerate(sizes)]


def references() -> dict[str, Image.Image]:
    """Draws the pictures of the folder's `reference/`, by file name."""
    return {"landscape.png": scene(150, 100, 1), "portrait.png": scene(90, 131, 2)}
