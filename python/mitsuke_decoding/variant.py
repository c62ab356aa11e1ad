"""A generated file, and the pixels that it must show."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

Pixels = np.ndarray


@dataclass
class Variant:
    """A file of one kind."""

    format: str
    kind: str
    data: bytes
    # The pixels, height × width × 3, where Pillow does not read the kind right; `None` leaves them to Pillow.
    expected: Pixels | None = None
    # Whether the file was compressed with loss, so that two good decoders differ a little.
    lossy: bool = False


def picture(width: int, height: int, seed: int = 0) -> Pixels:
    """Returns a colour picture with smooth and with sharp parts."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    scale = max(width, height)
    waves = [127 + 120 * np.sin(2 * np.pi * (a * x + b * y) / scale + seed) for a, b in ((1, 0.3), (0.2, 1), (0.7, 0.7))]
    made = np.stack(waves, axis=-1)
    made[(x + y + seed) % max(scale / 2, 2) < scale / 8] = (230, 220, 40)
    return made.round().astype(np.uint8)


def grey(width: int, height: int, seed: int = 0) -> Pixels:
    """Returns a grey picture, height × width."""
    return picture(width, height, seed)[..., 0]


def alpha(width: int, height: int) -> Pixels:
    """Returns alpha from transparent to opaque."""
    x = np.linspace(0, 255, width).round().astype(np.uint8)
    return np.broadcast_to(x, (height, width)).copy()


def in_three(levels: Pixels) -> Pixels:
    """Returns grey levels as red, green and blue."""
    return np.repeat(levels[..., None], 3, axis=-1)


def over_white(colors: Pixels, opacity: Pixels) -> Pixels:
    """Composites 8-bit colours over white."""
    a = opacity[..., None].astype(float)
    return ((colors * a + 255 * (255 - a)) / 255).round().astype(np.uint8)


def eight_bits(samples: Pixels, bits: int) -> Pixels:
    """Scales samples of some bits to 8."""
    return (samples.astype(float) * 255 / (2**bits - 1)).round().astype(np.uint8)


def by_pillow(data: bytes) -> Pixels:
    """Returns the upright pixels of a file as Pillow decodes it, alpha over white."""
    with Image.open(io.BytesIO(data)) as file:
        shown = ImageOps.exif_transpose(file)
        if shown.mode.startswith("I;16"):
            return in_three(eight_bits(np.asarray(shown), 16))
        if shown.mode in ("RGBA", "LA", "PA") or "transparency" in shown.info:
            rgba = shown.convert("RGBA")
            shown = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return np.asarray(shown.convert("RGB"))


def saved(made: Image.Image, name: str, **options) -> bytes:
    """Returns a file of Pillow."""
    out = io.BytesIO()
    made.save(out, name, **options)
    return out.getvalue()
