"""Damaging files, and counting those that are accepted although much of the picture is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from .decoders import Answer
from .variant import Variant

CUTS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 97, 98, 99)
FLIPS = 60
# A pixel that differs by more than this from that of the whole file is wrong, and this share of wrong pixels is much.
WRONG, MUCH = 48, 0.05


def bases(variants: Iterable[Variant], count: int) -> list[Variant]:
    """Returns the largest file of some kinds of each format."""
    largest: dict[tuple[str, str], Variant] = {}
    for variant in variants:
        key = (variant.format, variant.kind)
        if key not in largest or len(largest[key].data) < len(variant.data):
            largest[key] = variant
    chosen = defaultdict(list)
    for variant in largest.values():
        chosen[variant.format].append(variant)
    return [v for found in chosen.values() for v in found[:: max(1, len(found) // count)][:count]]


def table(files: list[Variant], decode: Callable[[Iterable[bytes]], Iterable[Answer]]) -> list[list[str]]:
    """Returns rows of format, damage, files, accepted, accepted with much wrong, refused as damaged, refused as a kind."""
    whole = list(decode(file.data for file in files))
    readable = [(file, pixels) for file, pixels in zip(files, whole) if not isinstance(pixels, str)]
    damaged: list[tuple[str, str, bytes, np.ndarray]] = []
    for number, (file, pixels) in enumerate(readable):
        for cut in CUTS:
            name = "cut to 10–80 %" if cut <= 80 else "cut to 90–99 %"
            damaged.append((file.format, name, file.data[: len(file.data) * cut // 100], pixels))
        chance = np.random.default_rng(number)
        for _ in range(FLIPS):
            data = bytearray(file.data)
            at = int(chance.integers(0, len(data) * 8))
            data[at // 8] ^= 1 << at % 8
            damaged.append((file.format, "one bit flipped", bytes(data), pixels))
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (form, name, _, pixels), answer in zip(damaged, decode(entry[2] for entry in damaged)):
        count = counts[form, name]
        count["files"] += 1
        if isinstance(answer, str):
            count[answer] += 1
        else:
            count["accepted"] += 1
            count["much"] += is_much_wrong(answer, pixels)
    return [
        [form, name, *(str(count[key]) for key in ("files", "accepted", "much", "damaged", "kind"))]
        for (form, name), count in sorted(counts.items())
    ]


def is_much_wrong(answer: np.ndarray, pixels: np.ndarray) -> bool:
    """Returns whether many pixels are not those of the whole file."""
    if answer.shape != pixels.shape:
        return True
    differences = np.abs(answer.astype(int) - pixels).max(axis=-1)
    return bool((differences > WRONG).mean() > MUCH)
