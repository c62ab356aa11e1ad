"""Preprocessing of pictures in Python, as the `image` settings of a manifest prescribe it.

The steps are those of Mitsuke's own preprocessing in Rust. Originals are compared with these, so that a manifest is
proven before a server reads it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


def to_rgb(picture: Image.Image) -> Image.Image:
    """Returns a picture as opaque RGB.

    Alpha is composited over white. 16-bit grey becomes value / 257, rounded, where Pillow would clip it.
    """
    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        values = np.asarray(picture).astype(np.int64)
        return Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def prepare(picture: Image.Image, settings: dict) -> Image.Image:
    """Returns an opaque picture as RGB, scaled and cropped as the manifest's `image` settings say."""
    picture = picture.convert("RGB")
    height, width = settings["size"]["height"], settings["size"]["width"]
    mode, size = settings["resize"]["mode"], settings["resize"]["size"]
    resampling = FILTERS[settings["interpolation"]]
    across, down = picture.size
    short, long = min(across, down), max(across, down)
    if mode == "exact":
        picture = picture.resize((size, size), resampling)
    elif mode == "shortest_edge":
        longer = int(size * long / short)
        picture = picture.resize((size, longer) if across <= down else (longer, size), resampling)
    elif mode == "longest_edge_pad":
        shorter = max(round(size * short / long), 1)
        scaled = picture.resize((shorter, size) if across <= down else (size, shorter), resampling)
        picture = Image.new("RGB", (size, size), tuple(settings["resize"].get("fill", (255, 255, 255))))
        picture.paste(scaled, ((size - scaled.width) // 2, (size - scaled.height) // 2))
    else:
        raise ValueError(f"the resize mode {mode} is not one of exact, shortest_edge and longest_edge_pad")
    if settings["crop"] == "none":
        return picture
    halve = round if settings["crop"] == "center" else np.floor
    left, top = int(halve((picture.width - width) / 2)), int(halve((picture.height - height) / 2))
    return picture.crop((left, top, left + width, top + height))


def normalised(prepared: Image.Image, settings: dict) -> np.ndarray:
    """Returns the pixels of a prepared picture as float32 [3, height, width], with the mean and deviation applied."""
    pixels = np.asarray(prepared).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    mean, std = np.array(settings["mean"], np.float32), np.array(settings["std"], np.float32)
    return (pixels - mean[:, None, None]) / std[:, None, None]


def pixels(pictures: list[Image.Image], settings: dict) -> np.ndarray:
    """Returns the image tower's input for some pictures: float32 [batch, 3, height, width]."""
    return np.stack([normalised(prepare(picture, settings), settings) for picture in pictures])
