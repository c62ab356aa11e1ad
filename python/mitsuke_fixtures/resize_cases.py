#!/usr/bin/env python3
"""Writes tests/fixtures/resize.json: what Pillow makes of small pictures, for the tests of src/clip/resize.rs.

The pictures are noise from a formula that the tests repeat, the results are hex. Needs Pillow and numpy.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# (source width, source height), (width, height)
SIZES = [
    ((37, 23), (11, 7)),
    ((37, 23), (50, 31)),
    ((64, 48), (64, 20)),
    ((64, 48), (9, 48)),
    ((200, 3), (13, 13)),
    ((1, 1), (5, 4)),
    ((2, 1), (7, 3)),
    ((401, 299), (16, 12)),
    ((16, 12), (16, 12)),
]


def noise(width: int, height: int) -> np.ndarray:
    """Bytes of a linear congruential generator; half of them driven to black or white, so that sums clip."""
    state, values = 1, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        byte = state >> 24
        values.append(byte if state & 0x10000 else (255 if byte & 1 else 0))
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, 3)


def main() -> None:
    cases = []
    for source, size in SIZES:
        picture = Image.fromarray(noise(*source), "RGB")
        for name, resampling in FILTERS.items():
            scaled = picture.resize(size, resampling)
            cases.append({"source": source, "filter": name, "size": size, "pixels": scaled.tobytes().hex()})
    path = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "resize.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
