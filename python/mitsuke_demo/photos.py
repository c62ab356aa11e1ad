"""Random views of labelled photographs, and the trunk's features of those views."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from tqdm import tqdm

from mitsuke_export.preprocessing import to_rgb

from .features import extract, hash_of, shared_trunk
from .image_tower import SIZE
from .labels import photo_parts

Image.MAX_IMAGE_PIXELS = None
_LARGEST_EDGE = 900  # a quarter of the picture still fills the trunk's input


def read(path: Path) -> Image.Image:
    """Returns a picture upright, as RGB, and not larger than training needs."""
    image = Image.open(path)
    image.draft("RGB", (_LARGEST_EDGE * 2, _LARGEST_EDGE * 2))
    image = to_rgb(ImageOps.exif_transpose(image))
    image.thumbnail((_LARGEST_EDGE, _LARGEST_EDGE), Image.LANCZOS)
    return image


def view(image: Image.Image, rng: random.Random, smallest: float = 0.3) -> Image.Image:
    """Returns a random part of a picture, usually most of it, in random light."""
    area = rng.uniform(smallest, 1.0) ** 0.7 if rng.random() < 0.8 else 1.0
    stretch = np.exp(rng.gauss(0, 0.18))
    width = min(image.width, round(image.width * area**0.5 * stretch))
    height = min(image.height, round(image.height * area**0.5 / stretch))
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    part = image.resize((SIZE, SIZE), Image.BICUBIC, box=(left, top, left + width, top + height), reducing_gap=2.0)
    if rng.random() < 0.5:
        part = ImageOps.mirror(part)
    part = ImageEnhance.Brightness(part).enhance(np.exp(rng.gauss(0, 0.12)))
    part = ImageEnhance.Contrast(part).enhance(np.exp(rng.gauss(0, 0.12)))
    return ImageEnhance.Color(part).enhance(np.exp(rng.gauss(0, 0.15)))


def _tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255


def extract_views(packages: Path, variant: int, folder: Path, entries: list[dict], views: int, target: Path) -> None:
    """Writes the features of random views of every picture and of the plain picture to `target`.

    The file holds {split, statistics, keys, plain}. Pictures that it already has are kept.
    """
    torch.set_num_threads(1)
    shared = shared_trunk(packages, variant)
    splits, statistics, keys, plain = [], [], [], []
    done = torch.load(target) if target.exists() else None
    known = set(done["keys"]) if done else set()
    images: dict[str, Image.Image] = {}
    for key, labels, box in tqdm(photo_parts(entries), desc=target.stem, mininterval=10):
        if key in known:
            continue
        name = key.split("#")[0]
        if name not in images:
            images.clear()
            images[name] = read(folder / name)
        image = images[name]
        if box:
            image = image.crop([round(b * s) for b, s in zip(box, image.size * 2)])
        rng = random.Random(hash_of(key, target.stem))
        pictures = [_tensor(view(image, rng, 0.5 if box else 0.3)) for _ in range(views // 2 if box else views)]
        pictures.append(_tensor(image.resize((SIZE, SIZE), Image.BICUBIC)))
        for start in range(0, len(pictures), 8):
            split, statistic = extract(shared, torch.stack(pictures[start : start + 8]))
            splits.append(split)
            statistics.append(statistic)
        keys += [key] * len(pictures)
        plain += [False] * (len(pictures) - 1) + [True]
    if not splits:
        return
    new = {"split": torch.cat(splits), "statistics": torch.cat(statistics), "keys": keys, "plain": torch.tensor(plain)}
    if done:
        new = {k: done[k] + v if k == "keys" else torch.cat([done[k], v]) for k, v in new.items()}
    torch.save(new, target)
