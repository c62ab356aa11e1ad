"""The command line that scripts/check_decoding.sh calls: prints what is read and what is not, as Markdown tables."""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from . import bmp, damage, gif, jpeg, png, tiff, webp
from .decoders import by_mitsuke
from .tables import print_table
from .variant import Variant, by_pillow

FORMATS = {"JPEG": jpeg, "PNG": png, "GIF": gif, "WebP": webp, "BMP": bmp, "TIFF": tiff}
RESULTS = ("equal", "different", "kind", "damaged", "limit")
# The largest difference of a sample, and of the mean of all, of pixels that count as equal.
LOSSLESS, LOSSY = (2, 1.0), (64, 3.0)


def main() -> int:
    """Decodes all files and returns 1 when one of them is read differently, else 0."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_decoding", description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help="the example decode_files of crates/image")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--kinds", action="store_true", help="print a row for each kind, not for each format")
    parser.add_argument("--keep", type=Path, help="folder for the files that are not read as expected")
    parser.add_argument("--no-damage", action="store_true", help="leave damaged files out")
    args = parser.parse_args()

    variants = [variant for name in args.formats for variant in FORMATS[name].variants()]
    bad = compare(variants, args)
    if not args.no_damage:
        head = ["format", "damage", "files", "accepted", "of these much wrong", "refused as damaged", "refused as a kind"]
        rows = damage.table(damage.bases(variants, 12), lambda files: by_mitsuke(args.program, files))
        print_table(head, rows)
    return int(bad > 0)


def compare(variants: list[Variant], args: argparse.Namespace) -> int:
    """Prints how the files are read and returns the number of those that are read differently."""
    counts: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for variant, answer in zip(variants, by_mitsuke(args.program, (variant.data for variant in variants))):
        count = counts[variant.format, variant.kind if args.kinds else ""]
        count["files"] += 1
        result = answer if isinstance(answer, str) else None
        if result is None:
            try:
                expected = by_pillow(variant.data) if variant.expected is None else variant.expected
            except (OSError, SyntaxError, ValueError):
                count["files"] -= 1
                continue
            result, largest, mean = difference(answer, expected, variant.lossy)
            count["largest"] = max(count["largest"], largest)
            count["mean"] = max(count["mean"], mean)
        count[result] += 1
        if args.keep and result != "equal":
            args.keep.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^A-Za-z0-9]+", "-", f"{result} {variant.format} {variant.kind}")
            (args.keep / f"{name}-{int(count[result])}.{variant.format.lower()}").write_bytes(variant.data)
    head = ["format", *(["kind"] if args.kinds else []), "files", "read equal", "read differently", "refused as a kind", "refused as damaged", "refused by a limit", "largest difference", "largest mean"]
    rows = [
        [form, *([kind] if args.kinds else []), *(str(int(count[key])) for key in ("files", *RESULTS, "largest")), f"{count['mean']:.2f}"]
        for (form, kind), count in counts.items()
    ]
    print_table(head, rows)
    return int(sum(count["different"] for count in counts.values()))


def difference(answer: np.ndarray, expected: np.ndarray, lossy: bool) -> tuple[str, int, float]:
    """Returns the result, the largest difference of a sample and the mean difference."""
    if answer.shape != expected.shape:
        return "different", 255, 255.0
    differences = np.abs(answer.astype(int) - expected)
    largest, mean = int(differences.max()), float(differences.mean())
    most, on_average = LOSSY if lossy else LOSSLESS
    return ("equal" if largest <= most and mean <= on_average else "different"), largest, mean


if __name__ == "__main__":
    sys.exit(main())
