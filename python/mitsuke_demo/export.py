"""Writes the model folder of the demo model: two TorchScript files, tokenizer, manifest and reference vectors."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from mitsuke_export.manifest import dumps
from mitsuke_export.work import sha256
from PIL import Image

from . import pack
from .image_tower import SIZE, Head, PhotoHead, Shared, Tail, tail_features
from .pipeline import Pipeline
from .text_tower import TextTower

# The trunk's input is (byte - 127) / 128, written as mean and deviation of pixels in 0..1.
MEAN, STD = 127 / 255, 128 / 255
CONTEXT_LENGTH = 64
REFERENCE_TEXTS = ["猫", "夕焼けの海", "a red car", "雪の積もった山", "🍣 お寿司の写真"]


class ImageTower(nn.Module):
    """Turns normalised pixels [batch, 3, 224, 224] into unit vectors."""

    def __init__(self, shared: Shared, tail: Tail, photo: PhotoHead, drawing: Head, gate: nn.Linear):
        super().__init__()
        self.shared, self.tail, self.photo, self.drawing, self.gate = shared, tail, photo, drawing, gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = (x * STD + MEAN).clamp(0.0, 1.0)
        split, statistics = self.shared(pixels)
        last, pooled = self.tail(split)
        seen = tail_features(last, pooled, statistics)
        photo = self.photo.blended(seen)
        drawing = F.normalize(self.drawing(seen), dim=1)
        share = torch.sigmoid(self.gate(statistics))
        return F.normalize(share * photo + (1.0 - share) * drawing, dim=1)


def halve_weights(tower: TextTower) -> None:
    """Converts all weights to half precision in place; the quantised word table and its scales stay as they are."""
    for parameter in tower.parameters():
        parameter.data = parameter.data.half()


def write(folder: Path, image_tower: ImageTower, text_tower: TextTower, tokenizer, version: str,
          references: list[Path]) -> None:  # fmt: skip
    """Writes the folder, whose reference pictures are copies of `references`."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    image_tower.eval()
    text_tower.eval()
    with torch.no_grad():
        pack.image(image_tower.float(), folder / "image.pt")
        ids = torch.randint(1, 1000, (3, 9))
        exact = text_tower(ids)
        halve_weights(text_tower)
        pack.text(text_tower, folder / "text.pt")
        packed = torch.jit.load(folder / "text.pt")
        print("text in half precision: cosine %.6f" % F.cosine_similarity(packed(ids), exact).min())
    tokenizer.save(str(folder / "tokenizer.json"))
    manifest = {
        "format": 1,
        "model_name": "mitsuke-demo",
        "model_version": version,
        "vector_dimension": 256,
        "licence": "Apache-2.0",
        "description": "A small Japanese-English dual encoder for drawings and photographs, built from open parts.",
        "image": {
            "file": "image.pt",
            "sha256": sha256(folder / "image.pt"),
            "stored_precision": "float16",
            "input_name": "pixel_values",
            "size": {"height": SIZE, "width": SIZE},
            "resize": {"mode": "exact", "size": SIZE},
            "crop": "none",
            "interpolation": "bicubic",
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
        },
        "text": {
            "file": "text.pt",
            "sha256": sha256(folder / "text.pt"),
            "stored_precision": "float32",
            "tokenizer": {"file": "tokenizer.json", "sha256": sha256(folder / "tokenizer.json")},
            "cleaning": ["nfkc", "collapse_whitespace"],
            "context_length": CONTEXT_LENGTH,
            "prefix_ids": [2],
            "suffix_ids": [3],
            "pad_id": 0,
            "id_offset": 1,
            "inputs": ["input_ids"],
            "padding": "longest",
        },
    }
    (folder / "model.json").write_text(dumps(manifest), encoding="utf-8")
    pipeline = Pipeline(folder)
    (folder / "reference").mkdir(exist_ok=True)
    rounded = lambda vector: [round(float(v), 6) for v in vector]  # noqa: E731
    images = []
    for source in references:
        target = folder / "reference" / source.name
        if source.resolve() != target.resolve():
            shutil.copyfile(source, target)
        images.append({"file": f"reference/{source.name}", "sha256": sha256(target),
                       "vector": rounded(pipeline.image(Image.open(target)))})  # fmt: skip
    manifest["reference"] = {
        "texts": [{"text": text, "vector": rounded(pipeline.text(text))} for text in REFERENCE_TEXTS],
        "images": images,
    }
    (folder / "model.json").write_text(dumps(manifest), encoding="utf-8")
