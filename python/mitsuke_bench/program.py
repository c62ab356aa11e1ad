"""Runs `mitsuke bench` and reads what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Names of the printed rows → names of the figures.
ROWS = {
    "precision": "precision", "one at a time": "alone", "all workers": "together", "floor": "floor_ms",
    "share reached": "share",
}  # fmt: skip


def read(printed: str) -> dict[str, dict]:
    """Returns the figures of both towers from the output of `mitsuke bench`."""
    found: dict[str, dict] = {"image": {}, "text": {}}
    for line in printed.splitlines():
        for name, key in ROWS.items():
            if line.startswith(name):
                cells = re.findall(r"[\w.]+", line.removeprefix(name).replace("/s", "").replace(" ms", "").replace(" %", ""))
                for tower, cell in zip(found.values(), cells):
                    tower[key] = cell if key == "precision" else float(cell)
    missing = [name for name, key in ROWS.items() if any(key not in tower for tower in found.values())]
    if missing:
        raise ValueError(f"`mitsuke bench` printed no {' and no '.join(missing)}:\n{printed}")
    return found


def bench(program: Path, folder: Path, precision: str, workers: int, seconds: int) -> dict[str, dict]:
    """Runs the program on a model folder. A single worker has one thread, so that it tells what one core does."""
    threads = "1" if workers == 1 else "auto"
    command = [program, "bench", folder, "--device", "cpu", "--precision", precision]
    command += ["--workers", str(workers), "--threads", threads]
    done = subprocess.run(
        [*map(str, command), "--seconds", str(seconds)], env={**os.environ, "RUST_LOG": "error"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"error: `mitsuke bench` failed on {folder.name} in {precision} (its message is above).")
    print(done.stdout, file=sys.stderr, flush=True)
    return read(done.stdout)


def manifest(folder: Path) -> dict:
    """Returns model.json of a model folder."""
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def agreements(folder: Path) -> dict[str, dict[str, float | None]]:
    """Returns for each tower of a model folder its precisions, the full file's first, with the lowest cosine of each.

    A full file in float16 is listed as float32, in which a CPU computes it.
    """
    document, found = manifest(folder), {}
    for tower in ("image", "text"):
        entry = document[tower]
        stored = entry.get("stored_precision", "float32")
        full = document.get("export", {}).get(f"{tower}_agreement")
        found[tower] = {"float32" if stored == "float16" else stored: full}
        found[tower] |= {variant["precision"]: variant.get("agreement") for variant in entry.get("variants", [])}
    return found
