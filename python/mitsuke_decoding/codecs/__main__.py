"""Makes the files, decodes them with both, and prints a Markdown table with a row for each format.

    python -m mitsuke_decoding.codecs FOLDER --program target/release/examples/decode_files
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from ..decoders import by_mitsuke
from . import pictures
from .reference import decode
from .variants import Encode, Inputs, run, variants

# The largest mean difference, of 255, of a file that counts as read right.
NEAR = 3.0


def make(folder: Path, extension: str, files: list[tuple[str, Encode]]) -> list[Path]:
    """Encodes the files that do not exist yet and returns those that the encoder could write."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, encode in files:
        path = folder / f"{name}.{extension}"
        if not path.exists():
            try:
                encode(path)
            except subprocess.CalledProcessError:
                print(f"the encoder does not write {path.name}")
        if path.exists():
            made.append(path)
    return made


def compare(program: Path, paths: list[Path], stored: bool) -> tuple[list[tuple[float, str]], list[str]]:
    """Returns the mean difference of each file, and what went wrong for the others."""
    means, wrong = [], []
    answers = by_mitsuke(program, (path.read_bytes() for path in paths))
    for path, found in zip(paths, answers):
        try:
            want = decode(path, stored)
        except (subprocess.CalledProcessError, StopIteration, OSError) as error:
            print(f"the reference does not read {path.name}: {error}")
            continue
        if isinstance(found, str) or found.shape != want.shape:
            wrong.append(f"{path.name}: {found if isinstance(found, str) else found.shape}, expected {want.shape}")
        else:
            means.append((float(np.abs(found.astype(np.int16) - want).mean()), path.name))
    return sorted(means, reverse=True), wrong


def changed(program: Path, paths: list[Path], changes: int) -> dict:
    """Decodes each file `changes` times with random changes and returns the sums of the outcomes."""
    lines = "".join(f"{path}\n" for path in paths)
    process = subprocess.run([program, str(changes)], input=lines, text=True, capture_output=True, check=False)
    answers = [json.loads(line) for line in process.stdout.splitlines()]
    if process.returncode != 0:
        print(f"the program ended with {process.returncode} at {paths[len(answers)]}: {process.stderr[-2000:]}")
    return {
        "runs": sum(a["read"] + a["refused"] + a["panicked"] for a in answers),
        "read": sum(a["read"] for a in answers),
        "panicked": sum(a["panicked"] for a in answers),
        "slowest": max(a["slowest"] for a in answers),
        "memory": max(a["peak_bytes"] for a in answers),
        "aborted": int(process.returncode != 0),
    }


def speed(program: Path, folder: Path, extension: str) -> float:
    """Returns the milliseconds for a photo of 12 megapixels, the best of three."""
    path = folder / f"12-megapixels.{extension}"
    if not path.exists():
        source = pictures.save(pictures.photo(4000, 3000, 1, noise=3), folder / "12-megapixels.png")
        command = {
            "heic": ["heif-enc", "-q", "60", "-p", "preset=ultrafast", "--cut-tiles", "512", source, "-o", path],
            "avif": ["avifenc", "-s", "9", "--min", "20", "--max", "30", "-y", "420", source, path],
            "jxl": ["cjxl", "-e", "4", "-d", "1", source, path],
        }[extension]
        run(*command)
    data = path.read_bytes()
    list(by_mitsuke(program, [data]))
    start = time.perf_counter()
    for _ in by_mitsuke(program, [data] * 3):
        pass
    return (time.perf_counter() - start) / 3 * 1000


def main() -> None:
    """Prints the table, and the files that differ most."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_decoding.codecs", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder for the files; those that exist are used again")
    parser.add_argument("--program", type=Path, required=True, help="the example decode_files of crates/image")
    parser.add_argument("--changes", type=int, default=20, help="decode each file so often with random changes; needs change_files beside the program")
    parser.add_argument("--stored", action="store_true", help="compare the colours as stored, without converting them to sRGB")
    parser.add_argument("--only", help="the extension of one format")
    args = parser.parse_args()
    rows = []
    for extension, files in variants(Inputs(args.folder / "inputs")).items():
        if args.only not in (None, extension):
            continue
        folder = args.folder / extension
        paths = make(folder, extension, files)
        means, wrong = compare(args.program, paths, args.stored)
        near = sum(mean <= NEAR for mean, _ in means)
        print("\n".join([*(f"{mean:6.2f} {name}" for mean, name in means[:8]), *wrong]), flush=True)
        total, values = len(means) + len(wrong), [mean for mean, _ in means]
        row = [extension, total, f"{near} ({100 * near / total:.1f} %)", f"{statistics.median(values):.2f}", f"{max(values):.2f}", f"{speed(args.program, args.folder, extension):.0f}"]
        fuzz = changed(args.program.with_name("change_files"), paths, args.changes)
        row += [fuzz["runs"], fuzz["read"], fuzz["panicked"], fuzz["aborted"], f"{fuzz['slowest']:.0f}", f"{fuzz['memory'] / 2**20:.0f}"]
        rows.append(row)
        print(row, flush=True)
    head = ["format", "files", f"mean within {NEAR:.0f} of 255", "median mean", "worst mean", "ms for 12 megapixels",
            "changed files", "of these read", "panics", "aborts", "slowest ms", "peak MiB"]
    for row in [head, ["---"] * len(head), *rows]:
        print(f"| {' | '.join(str(cell) for cell in row)} |")


if __name__ == "__main__":
    main()
