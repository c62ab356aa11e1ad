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


def many(count: int = 34) -> list[Image.Image]:
    """Draws unlike pictures: scenes, soft and rough clouds of colour, heaps of shapes, flat colours, patterns and dark ones."""
    random = np.random.default_rng(5)
    makers = [
        lambda seed: scene(200, 150, seed),
        lambda seed: clouds(random, 0.6 + 0.3 * seed / count),
        lambda seed: shapes(random, 3 + seed),
        lambda seed: Image.new("RGB", (96, 96), tuple(int(x) for x in random.integers(0, 256, 3))),
        lambda seed: checks(random, 3 + seed % 11),
        lambda seed: clouds(random, 0.2).point(lambda level: level // 5),
    ]
    return [makers[seed % len(makers)](seed) for seed in range(count)]


def clouds(random: np.random.Generator, roughness: float, edge: int = 128) -> Image.Image:
    """Draws noise of all sizes, the finer the weaker."""
    pixels = np.zeros((edge, edge, 3))
    for power in range(1, 8):
        size = 1 << power
        noise = (random.random((size, size, 3)) * 255).astype(np.uint8)
        pixels += roughness**power * np.asarray(Image.fromarray(noise).resize((edge, edge), Image.Resampling.BICUBIC), float)
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    return Image.fromarray(((pixels - low) / (high - low) * 255).astype(np.uint8))


def shapes(random: np.random.Generator, count: int, edge: int = 128) -> Image.Image:
    """Draws ellipses and boxes of random colours over each other."""
    colour = lambda: tuple(int(x) for x in random.integers(0, 256, 3))  # noqa: E731
    image = Image.new("RGB", (edge, edge), colour())
    draw = ImageDraw.Draw(image)
    for i in range(count):
        left, top, width, height = (int(x) for x in random.integers(0, edge // 2, 4))
        paint = draw.ellipse if i % 2 else draw.rectangle
        paint([left * 1.6, top * 1.6, left * 1.6 + width + 4, top * 1.6 + height + 4], fill=colour())
    return image


def checks(random: np.random.Generator, size: int, edge: int = 128) -> Image.Image:
    """Draws a chequerboard of two random colours."""
    y, x = np.mgrid[0:edge, 0:edge]
    first, second = random.integers(0, 256, (2, 3))
    return Image.fromarray(np.where(((x // size + y // size) % 2)[..., None] == 0, first, second).astype(np.uint8))


def references() -> dict[str, Image.Image]:
    """Draws the pictures of the folder's `reference/`, by file name."""
    return {"landscape.png": scene(150, 100, 1), "portrait.png": scene(90, 131, 2)}
