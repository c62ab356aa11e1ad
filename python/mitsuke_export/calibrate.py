"""Writes the calibration of relevance into a model folder, from pictures and queries with their right answers.

    python -m mitsuke_export.calibrate models/jsclip --pictures images --queries tests/soak/hybrid_queries.tsv

A line of the queries is `query TAB file|file|…` or `kind TAB query TAB file|file|…`; lines of the kind `written` ask for what
only texts say, and are left out. It needs the packages of the exporter.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from . import preprocessing, relevance, text_inputs, tokens
from .manifest import dumps

BATCH = 16
# Japanese names and broader terms of a thousand things, which name something to see for every model.
VOCABULARY = Path(__file__).resolve().parent.parent / "mitsuke_demo" / "imagenet_ja.tsv"


class Towers:
    """The full towers of a model folder, which return unit vectors as numpy arrays."""

    def __init__(self, folder: Path):
        self.manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.image, self.text = (torch.jit.load(folder / self.manifest[tower]["file"]).eval() for tower in ("image", "text"))
        if self.manifest["image"]["stored_precision"] == "float16":
            self.image = self.image.float()
        self.tokenizer = tokens.Tokenizer.from_file(str(folder / self.manifest["text"]["tokenizer"]["file"]))

    @torch.no_grad()
    def pictures(self, pictures: list[Image.Image]) -> np.ndarray:
        """Returns the vectors of pictures."""
        found = []
        for start in range(0, len(pictures), BATCH):
            opaque = [preprocessing.to_rgb(ImageOps.exif_transpose(one)) for one in pictures[start : start + BATCH]]
            found.append(self.image(torch.from_numpy(preprocessing.pixels(opaque, self.manifest["image"]))))
        return _unit(torch.cat(found))

    @torch.no_grad()
    def texts(self, texts: list[str]) -> np.ndarray:
        """Returns the vectors of texts. Texts of similar length go together, which saves padding."""
        settings = self.manifest["text"]
        rows = [text_inputs.ids(one, self.tokenizer, settings) for one in texts]
        trimmed = settings["padding"] == "longest"
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        found: list[torch.Tensor | None] = [None] * len(rows)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            inputs = text_inputs.filled([rows[number] for number in chosen], settings, trimmed)
            for number, vector in zip(chosen, self.text(*(torch.tensor(one) for one in inputs))):
                found[number] = vector
        return _unit(torch.stack(found))


def _unit(vectors: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors.float(), dim=1).numpy()


def read_queries(path: Path) -> list[tuple[str, set[str]]]:
    """Returns the queries of a file with the names of the pictures that answer them."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            *kind, query, files = line.split("\t")
            if kind != ["written"]:
                found.append((query, set(files.split("|"))))
    return found


def vocabulary() -> list[str]:
    """Returns the Japanese words of imagenet_ja.tsv: names, broader terms, and what is often seen with them."""
    lines = [line for line in VOCABULARY.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    words = [word for line in lines for column in line.split("\t")[:3] for word in column.split(",") if word]
    return list(dict.fromkeys(words))


def folder(model: Path, pictures: Path, queries: Path) -> dict:
    """Calibrates the model in a folder, writes its manifest anew and returns the entry."""
    asked = read_queries(queries)
    names = sorted(set().union(*(files for _, files in asked)))
    missing = [name for name in names if not (pictures / name).is_file()]
    if missing:
        raise ValueError(f"{pictures} lacks pictures that the queries name, for example {missing[0]}")
    every = sorted(path for path in pictures.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})
    place = {path.name: row for row, path in enumerate(every)}
    towers = Towers(model)
    vectors = np.concatenate([towers.pictures([Image.open(path)]) for path in every])
    one = relevance.Collection(vectors, [(query, {place[name] for name in files if name in place}) for query, files in asked])
    entry = relevance.calibrate([one], towers.texts, vocabulary())
    write(model, towers.manifest, entry)
    return entry


def write(model: Path, manifest: dict, entry: dict) -> None:
    """Writes a manifest with the entry."""
    (model / "model.json").write_text(dumps({**manifest, "relevance": entry}), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Runs one calibration and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_export.calibrate", description="Calibrates relevance.")
    parser.add_argument("model", type=Path, help="the model folder, whose model.json is written anew")
    parser.add_argument("--pictures", type=Path, required=True, help="the folder of the pictures")
    parser.add_argument("--queries", type=Path, required=True, help="the queries with the names of the right pictures")
    args = parser.parse_args(arguments)
    try:
        entry = folder(args.model, args.pictures, args.queries)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    kinds = [kind for kind in ("text", "image") if kind in entry]
    print(f"calibrated {' and '.join(kinds)} queries; deviation {entry['deviation']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
