"""Compares the colours of pictures with ICC profiles with those of LittleCMS, and prints a Markdown table.

    python -m mitsuke_decoding.colors FOLDER… --program target/release/examples/decode_files

Each folder is searched for profiles of RGB, grey and CMYK. Debian has some in icc-profiles-free, colord-data, krita-data,
argyll and libgs-common; `synthetic` in this package makes one for each kind of table.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from .decoders import by_mitsuke
from .synthetic import profiles
from .tables import print_table

MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# The largest mean difference and the largest of 99.9 % of the samples, of 255, that count as near.
NEAR = (1.0, 3.0)


def found(folders: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the bytes of each different profile of a kind that pictures have."""
    seen = set()
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix.lower() in (".icc", ".icm") and path.is_file():
            icc = path.read_bytes()
            if icc not in seen and icc[12:16] not in (b"link", b"abst", b"nmcl"):
                seen.add(icc)
                yield path.name, icc


def samples(mode: str) -> np.ndarray:
    """Returns 256 × 320 pixels: all samples at random, colours near each other, and dark and light ramps."""
    random = np.random.default_rng(0)
    channels = len(Image.new(mode, (1, 1)).getbands())
    ramp = np.broadcast_to(np.arange(256)[None, :, None], (32, 256, channels))
    part = random.integers(0, 2, (32, 1, channels))
    far = random.integers(0, 256, (192, 256, channels))
    near = np.clip(random.integers(0, 256, (64, 1, channels)) + random.normal(0, 9, (64, 256, channels)), 0, 255)
    return np.concatenate([far, near, ramp * part, 255 - ramp * part]).astype(np.uint8)


def compare(program: Path, named: list[tuple[str, bytes]]) -> list[tuple[str, str, str, float, float, int]]:
    """Returns for each profile its name, mode and kind, and the mean, nearly largest and largest difference."""
    files, wanted, rows = [], [], []
    for name, icc in named:
        mode = MODES.get(icc[16:20])
        if mode is None:
            continue
        pixels = samples(mode)
        picture = Image.fromarray(pixels.squeeze(), mode)
        try:
            profile, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
            expected = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError) as error:
            print(f"LittleCMS does not apply {name}: {error}", file=sys.stderr)
            continue
        data = io.BytesIO()
        picture.save(data, "TIFF", icc_profile=icc)
        files.append(data.getvalue())
        wanted.append(np.asarray(expected).astype(int))
        rows.append((name, mode, kind(icc)))
    results = []
    for row, expected, answer in zip(rows, wanted, by_mitsuke(program, files)):
        if isinstance(answer, str):
            raise RuntimeError(f"{row[0]}: {answer}")
        differences = np.abs(answer - expected)
        results.append((*row, float(differences.mean()), float(np.quantile(differences, 0.999)), int(differences.max())))
    return results


def kind(icc: bytes) -> str:
    """Returns the version of a profile and the type of its perceptual table."""
    count = int.from_bytes(icc[128:132], "big")
    tags = (icc[132 + 12 * i : 144 + 12 * i] for i in range(count))
    types = (icc[offset : offset + 4] for tag in tags if tag[:4] == b"A2B0" for offset in [int.from_bytes(tag[4:8], "big")])
    return f"version {icc[8]}, {next(types, b'curves').decode().strip()}"


def main() -> int:
    """Prints the tables and returns 1 when a profile is not near LittleCMS, else 0."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_decoding.colors", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with ICC profiles")
    parser.add_argument("--program", type=Path, required=True, help="the example decode_files of crates/image")
    args = parser.parse_args()
    results = compare(args.program, [*found(args.folders), *profiles()])
    far = [result for result in results if result[3] > NEAR[0] or result[4] > NEAR[1]]
    for name, mode, about, mean, nearly, largest in sorted(far, key=lambda result: -result[3]):
        print(f"far: {name} ({mode}, {about}): mean {mean:.2f}, 99.9 % within {nearly:.0f}, largest {largest}")
    groups = defaultdict(list)
    for _, mode, about, *differences in results:
        groups[mode, about].append(differences)
    head = ["pixels", "profiles", "number", "median mean", "largest mean", "largest of 99.9 %", "largest"]
    rows = []
    for (mode, about), group in sorted(groups.items()):
        means, nearly, largest = zip(*group)
        numbers = [f"{statistics.median(means):.2f}", f"{max(means):.2f}", f"{max(nearly):.0f}", str(max(largest))]
        rows.append([mode, about, str(len(group)), *numbers])
    print_table(head, rows)
    return int(bool(far))


if __name__ == "__main__":
    sys.exit(main())
