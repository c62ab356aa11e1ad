"""Writes crates/clip/tests/resize.json: pictures that Pillow has scaled, for the tests of Mitsuke's own resizing.

    python -m mitsuke_fixtures.resize_cases

The pictures are noise from a formula that the Rust tests repeat, and the results are hex. Needs Pillow and numpy.
"""

import json

import numpy as np
from PIL import Image

from .paths import RESIZE_CASES

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# ((source width, source height), (width, height))
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
    """Returns the bytes of a linear congruential generator, [height, width, 3].

    Half of them are driven to black or white, so that sums are clipped.
    """
    state, values = 1, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        byte = state >> 24
        values.append(byte if state & 0x10000 else (255 if byte & 1 else 0))
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, 3)


def text() -> str:
    """Returns the content of the file."""
    cases = []
    for source, size in SIZES:
        picture = Image.fromarray(noise(*source))
        for name, resampling in FILTERS.items():
            scaled = picture.resize(size, resampling)
            cases.append({"source": source, "filter": name, "size": size, "pixels": scaled.tobytes().hex()})
    return "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"


if __name__ == "__main__":
    RESIZE_CASES.write_text(text(), encoding="utf-8")
