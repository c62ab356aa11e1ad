"""Runs the frozen trunk over drawings once and keeps the features that training needs, in half precision.

Every pass shows every drawing in a fresh random variation, so more passes make training better. The files are
FEATURES/STYLE.PASS.pt = {split, statistics, keys, colour}; the pass "plain" is without randomness.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from . import augment, clipart, trunk
from .image_tower import SIZE, Shared, Tail, tail_features

EMOJI_STYLES = [
    "noto", "noto-v1", "twemoji", "emojione", "fxemoji",
    "fluent-flat", "fluent-high-contrast", "fluent-3d", "fluent-modern",
]  # fmt: skip
HELD_OUT_STYLE = "openmoji"
_FLAGS = 9  # the group of flags in Emojibase
_BATCH = 8  # small batches stay in the processor's cache and were measured to be faster than large ones


def load_style(art: Path, style: str) -> tuple[torch.Tensor, list[str]]:
    """Returns the pictures of a style, uint8 [pictures, height, width, 4], and their keys."""
    keys = json.loads((art / f"{style}.json").read_text())
    if style == "openclipart":
        keys = [item["key"] for item in keys]
    pixels = np.memmap(art / f"{style}.rgba", np.uint8, "r").reshape(-1, clipart.SIZE, clipart.SIZE, 4)
    return torch.from_numpy(np.array(pixels)), keys


def main_emoji(art: Path) -> set[str]:
    """Returns the keys of emoji without flags, gendered variants and joined sequences, which look alike."""
    return {
        e["key"]
        for e in json.loads((art / "emoji.json").read_text())
        if e["group"] != _FLAGS and e["gender"] is None and "200d" not in e["key"]
    }


def shared_trunk(packages: Path, variant: int) -> Shared:
    """Returns the shared trunk in bfloat16 and channels last.

    It was measured four times as fast as float32, and is close enough for training features.
    """
    shared = Shared(trunk.load(variant, packages)).to(memory_format=torch.channels_last).eval()
    for part in (shared.stem, shared.blocks, shared.bridge):
        part.bfloat16()
    return shared


@torch.inference_mode()
def extract(shared: Shared, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the map at the split and the statistics of pictures [batch, 3, height, width], in half precision."""
    split, statistics = shared(pictures.contiguous(memory_format=torch.channels_last))
    return split.half().contiguous(), statistics.half()


def run(packages: Path, art: Path, out: Path, variant: int, passes: list[str], styles: list[str]) -> None:
    """Writes the features of some passes over some styles; files that exist are kept."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    shared = shared_trunk(packages, variant)
    important = main_emoji(art)
    for pass_name in passes:
        for style in styles:
            target = out / f"{style}.{pass_name}.pt"
            if target.exists() or (style == HELD_OUT_STYLE and pass_name != "plain"):
                continue
            torch.manual_seed(hash_of(style, pass_name))
            pixels, keys = load_style(art, style)
            if pass_name not in ("plain", "0") and style != "openclipart":
                # Flags and variants are in two passes only, since they are half of the set and look alike.
                chosen = [i for i, key in enumerate(keys) if key in important]
                pixels, keys = pixels[chosen], [keys[i] for i in chosen]
            splits, statistics, colours = [], [], []
            for start in tqdm(range(0, len(pixels), _BATCH), desc=f"{style} {pass_name}", mininterval=10):
                batch = pixels[start : start + _BATCH]
                if pass_name == "plain":
                    pictures, colour = augment.plain(batch, SIZE), torch.full((len(batch),), -1)
                else:
                    pictures, colour = augment.varied(batch, SIZE)
                split, statistic = extract(shared, pictures)
                splits.append(split)
                statistics.append(statistic)
                colours.append(colour)
            data = {
                "split": torch.cat(splits),
                "statistics": torch.cat(statistics),
                "colour": torch.cat(colours),
                "keys": keys,
            }
            partial = target.with_suffix(".partial")
            torch.save(data, partial)
            partial.rename(target)


@torch.inference_mode()
def tail_pass(tail: Tail, split: torch.Tensor, statistics: torch.Tensor, batch: int = 32) -> torch.Tensor:
    """Returns the flat features that a bfloat16 tail makes of split maps, in half precision."""
    out = []
    for start in range(0, len(split), batch):
        maps = split[start : start + batch].bfloat16().contiguous(memory_format=torch.channels_last)
        last, pooled = tail(maps)
        out.append(tail_features(last.float(), pooled.float(), statistics[start : start + batch].float()).half())
    return torch.cat(out)


def frozen_tails(packages: Path, out: Path, variant: int) -> None:
    """Writes the features of the untuned tail to STYLE.PASS.tail beside every feature file."""
    tail = Tail(trunk.load(variant, packages)).to(memory_format=torch.channels_last).bfloat16().eval()
    for source in tqdm(sorted(out.glob("*.pt")), desc="tails"):
        target = source.with_suffix(".tail")
        if not target.exists():
            data = torch.load(source, mmap=True)
            torch.save(tail_pass(tail, data["split"], data["statistics"]), target)


def hash_of(*parts: str) -> int:
    """Returns a seed that is the same in every run, which Python's own hash is not."""
    seed = 7
    for char in "/".join(parts):
        seed = (seed * 31 + ord(char)) % 2**31
    return seed
