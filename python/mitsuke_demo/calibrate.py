"""Calibrates relevance of the demo model on photographs and drawings with their labels as queries.

The sample pictures, the photographs of the test split, and the queries of the tests take no part, so that they test the
calibration.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from mitsuke_export import calibrate, relevance
from PIL import Image
from tqdm import tqdm

from . import augment, features, labels
from .dataset import Folders
from .image_tower import SIZE

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
# One style of drawings that the model was trained on, and one that it was not.
STYLES = ["fluent-3d", features.HELD_OUT_STYLE]
# A picture this similar to a sample picture is the same picture.
SAME = 0.99


def kept_out() -> set[str]:
    """Returns the queries of the tests."""
    lines = (REPOSITORY / "tests/soak/nonsense_queries.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines if line and not line.startswith("#")]
    texts += [query for query, _ in calibrate.read_queries(REPOSITORY / "tests/soak/hybrid_queries.tsv")]
    texts += [case["query"] for case in json.loads((HERE / "photo_queries.json").read_text(encoding="utf-8"))["queries"]]
    return {labels.normal(text) for text in texts}


def _collection(names: list[str], vectors: np.ndarray, terms: dict[str, list[str]], samples: np.ndarray) -> relevance.Collection:
    """Returns the pictures that are no samples, with their terms as queries."""
    rows = np.flatnonzero((vectors @ samples.T).max(axis=1) < SAME)
    out, asked = kept_out(), {}
    for place, row in enumerate(rows):
        for term in terms[names[row]]:
            if labels.normal(term) not in out:
                asked.setdefault(term, set()).add(place)
    return relevance.Collection(vectors[rows], list(asked.items()))


def _joined(parts: list[relevance.Collection]) -> relevance.Collection:
    """Returns all pictures as one collection."""
    asked: dict[str, set[int]] = {}
    start = 0
    for part in parts:
        for text, right in part.queries:
            asked.setdefault(text, set()).update(row + start for row in right)
        start += len(part.vectors)
    return relevance.Collection(np.concatenate([part.vectors for part in parts]), list(asked.items()))


def vocabulary() -> list[str]:
    """Returns words that name something to see, without the queries of the tests."""
    lines = (HERE / "implied_ja.tsv").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if line and not line.startswith("#") for word in line.split("\t")[1].split(",")]
    out = kept_out()
    return [word for word in dict.fromkeys([*calibrate.vocabulary(), *words]) if labels.normal(word) not in out]


def run(model: Path, folders: Folders) -> None:
    """Writes the calibration into a model folder."""
    towers = calibrate.Towers(model)
    pictures = sorted(path for path in (REPOSITORY / "images").iterdir() if path.suffix != ".md")
    samples = np.concatenate([towers.pictures([Image.open(path)]) for path in tqdm(pictures, desc="samples")])
    entries = [e for e in labels.load_photo_labels(HERE / "photo_labels.jsonl", True) if (folders.photos / e["file"]).exists()]
    vectors = [towers.pictures([Image.open(folders.photos / e["file"])]) for e in tqdm(entries, desc="photographs")]
    terms = {e["file"]: e["ja"] + (e.get("en") or []) for e in entries}
    parts = [_collection(list(terms), np.concatenate(vectors), terms, samples)]
    names, keep = labels.emoji_names(folders.modules), features.main_emoji(folders.art)
    for style in STYLES:
        pixels, keys = features.load_style(folders.art, style)
        rows = [row for row, key in enumerate(keys) if key in keep and key in names]
        vectors = []
        for start in tqdm(range(0, len(rows), calibrate.BATCH), desc=style):
            plain = augment.plain(pixels[rows[start : start + calibrate.BATCH]], SIZE)
            shown = (plain * 255).round().byte().permute(0, 2, 3, 1).numpy()
            vectors.append(towers.pictures([Image.fromarray(one) for one in shown]))
        drawn = [keys[row] for row in rows]
        parts.append(_collection(drawn, np.concatenate(vectors), {key: [names[key]] for key in drawn}, samples))
    entry = relevance.calibrate([*parts, _joined(parts)], towers.texts, vocabulary())
    calibrate.write(model, towers.manifest, entry)
    print("pictures", [len(part.vectors) for part in parts], {k: entry["text"][k] for k in ("answered", "right")}, entry["image"])
