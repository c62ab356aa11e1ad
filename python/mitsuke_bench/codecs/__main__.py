"""Makes the files, decodes them with both, and prints a table for each format.

    python -m mitsuke_bench.codecs FOLDER [--changes N] [--only heic] [--decoder target/release/examples/decode_files]
"""

import argparse
import json
import re
import statistics
import subprocess
from pathlib import Path

import numpy as np

from .reference import decode
from .variants import Inputs, variants

# The largest mean difference of a file that counts as read right, of 255.
NEAR = 3.0


def make(folder: Path, extension: str, files: list) -> list[Path]:
    """Encodes the files that do not exist yet and returns those that the encoder could write."""
    made = []
    for name, encode in files:
        path = folder / f"{name}.{extension}"
        if not path.exists():
            try:
                encode(path)
            except subprocess.CalledProcessError:
                print(f"the encoder refuses {path.name}")
        if path.exists():
            made.append(path)
    return made


def ours(decoder: Path, paths: list[Path], *arguments: str) -> dict[str, dict]:
    """Runs the example decode_files on files and returns its answer for each."""
    process = subprocess.run(
        [decoder, *arguments], input="".join(f"{path}\n" for path in paths), text=True, capture_output=True, check=False
    )
    answers = [json.loads(line) for line in process.stdout.splitlines()]
    if process.returncode != 0:
        print(f"the decoder ended with {process.returncode} after {len(answers)} files:\n{process.stderr[-2000:]}")
    return {answer["path"]: answer for answer in answers}


def tool_of(path: Path) -> str:
    """Returns the reference for a file. avifdec does not turn or crop, so libheif decodes those files."""
    if path.suffix == ".jxl":
        return "djxl"
    turned = re.search("irot|imir|crop|turn|exif|jpeg", path.name)
    return "avifdec" if path.suffix == ".avif" and not turned else "heif-dec"


def primaries_of(path: Path) -> int:
    found = re.search(r"primaries(\d+)-|cicp-(\d+)-", path.name)
    return int(found.group(1) or found.group(2)) if found else 1


def compare(paths: list[Path], answers: dict[str, dict]) -> tuple[list[tuple[float, str]], list[str]]:
    """Returns the mean difference of each file, and what went wrong for the others."""
    means, wrong = [], []
    for path in paths:
        answer = answers.get(str(path), {"refused": "no answer"})
        try:
            want = decode(path, tool_of(path), primaries_of(path))
        except (subprocess.CalledProcessError, StopIteration, OSError) as error:
            wrong.append(f"{path.name}: the reference fails: {error}; ours: {answer}")
            continue
        if "refused" in answer:
            wrong.append(f"{path.name}: {answer['refused']} ({answer.get('detail')})")
            continue
        found = np.fromfile(f"{path}.rgb", np.uint8).reshape(answer["height"], answer["width"], 3)
        if found.shape != want.shape:
            wrong.append(f"{path.name}: {found.shape} instead of {want.shape}")
            continue
        means.append((float(np.abs(found.astype(np.int16) - want).mean()), path.name))
    return sorted(means, reverse=True), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--changes", type=int, default=0, help="decode each file so often with random changes")
    parser.add_argument("--only", help="the extension of one format")
    parser.add_argument("--decoder", type=Path, default=Path("target/release/examples/decode_files"))
    options = parser.parse_args()
    for extension, files in variants(Inputs(options.folder / "inputs")).items():
        if options.only not in (None, extension):
            continue
        folder = options.folder / extension
        folder.mkdir(exist_ok=True)
        paths = make(folder, extension, files)
        means, wrong = compare(paths, ours(options.decoder, paths))
        near = sum(mean <= NEAR for mean, _ in means)
        compared = len(means) + sum("the reference fails" not in line for line in wrong)
        print(f"{extension}: {near} of {compared} within {NEAR} of 255 ({100 * near / compared:.1f} %), "
              f"median {statistics.median(mean for mean, _ in means):.2f}, worst {means[0][0]:.2f}")
        print("\n".join(f"  {mean:6.2f} {name}" for mean, name in means[:12]))
        print("\n".join(f"  {line}" for line in wrong))
        if options.changes:
            answers = ours(options.decoder, paths, str(options.changes)).values()
            panicked = {answer["path"]: answer["panicked"] for answer in answers if answer["panicked"]}
            slowest = max(answers, key=lambda answer: answer["slowest"])
            print(f"  {sum(a['read'] for a in answers)} changed files read, {sum(a['refused'] for a in answers)} refused, "
                  f"panicked: {panicked}, slowest {slowest['slowest']:.0f} ms ({slowest['path']})")


if __name__ == "__main__":
    main()
