"""Writes the model folder: two TorchScript files, the tokenizer, the manifest and reference vectors."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image, ImageOps

import use_text
from image_tower import SIZE, Head, PhotoHead, Shared, Tail, tail_features
from text_tower import TextTower

# The trunk wants (byte - 127) / 128; stated as mean and deviation of pixels in 0..1.
MEAN, STD = 127 / 255, 128 / 255
CONTEXT_LENGTH = 64
REFERENCE_TEXTS = ["猫", "夕焼けの海", "a red car", "雪の積もった山", "🍣 お寿司の写真"]


class ImageTower(nn.Module):
    """Normalised pixels [batch, 3, 224, 224] -> unit vectors."""

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
    """Stores all weights in half precision; the quantised word table and its scales stay as they are.

    (The file cannot be declared half precision as a whole: widening it would widen the table, too.)
    """
    for parameter in tower.parameters():
        parameter.data = parameter.data.half()


def preprocess(image: Image.Image, settings: dict) -> torch.Tensor:
    """What the manifest's image settings say, by Pillow: the reference for every other implementation."""
    image = to_rgb(ImageOps.exif_transpose(image))
    width, height = settings["size"]["width"], settings["size"]["height"]
    edge = settings["resize"]["size"]
    filter_ = getattr(Image, settings["interpolation"].upper())
    if settings["resize"]["mode"] == "exact":
        image = image.resize((edge, edge), filter_)
    elif settings["resize"]["mode"] == "shortest_edge":
        short = min(image.size)
        image = image.resize(tuple(edge if side == short else int(edge * side / short) for side in image.size), filter_)
    else:
        raise ValueError("not needed for this model: " + settings["resize"]["mode"])
    if settings["crop"] == "center":
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        image = image.crop((left, top, left + width, top + height))
    pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255
    mean, std = torch.tensor(settings["mean"]), torch.tensor(settings["std"])
    return (pixels - mean[:, None, None]) / std[:, None, None]


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB with alpha over white; 16-bit grey is scaled by value / 257, rounded, not clipped."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8), "L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(folder: Path, image_tower: ImageTower, text_tower: TextTower, tokenizer, version: str,
          references: list[Path]) -> None:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    image_tower.eval()
    text_tower.eval()
    with torch.no_grad():
        traced = torch.jit.trace(image_tower.float(), torch.randn(2, 3, SIZE, SIZE), check_trace=False)
        traced.half().save(folder / "image.pt")
        ids = torch.randint(1, 1000, (3, 9))
        exact = text_tower(ids)
        halve_weights(text_tower)
        traced = torch.jit.trace(text_tower, ids, check_trace=False)
        traced.save(folder / "text.pt")
        print("text in half precision: cosine %.6f" % F.cosine_similarity(traced(ids), exact).min())
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
    (folder / "model.json").write_text(json.dumps(manifest))
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
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / "model.json").write_text(_join_numbers(text) + "\n")


def _join_numbers(text: str) -> str:
    """Vectors on one line each: readable, and a small diff."""
    import re

    return re.sub(r"\[\s+([-\d.,\se]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text)


class Pipeline:
    """A model folder used the way the manifest prescribes: Pillow, tokenizers, TorchScript, one thread."""

    def __init__(self, folder: Path):
        from tokenizers import Tokenizer

        torch.set_num_threads(1)
        self.manifest = json.loads((folder / "model.json").read_text())
        self.images = torch.jit.load(folder / self.manifest["image"]["file"])
        if self.manifest["image"]["stored_precision"] == "float16":
            self.images = self.images.float()
        self.texts = torch.jit.load(folder / self.manifest["text"]["file"])
        self.tokenizer = Tokenizer.from_file(str(folder / self.manifest["text"]["tokenizer"]["file"]))

    def pixels(self, image: Image.Image) -> torch.Tensor:
        return preprocess(image, self.manifest["image"])

    @torch.no_grad()
    def image(self, image: Image.Image) -> torch.Tensor:
        return F.normalize(self.images(self.pixels(image)[None]), dim=1)[0]

    @torch.no_grad()
    def image_batch(self, pixels: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.images(pixels), dim=1)

    def clean(self, text: str) -> str:
        import unicodedata

        for step in self.manifest["text"]["cleaning"]:
            if step == "nfkc":
                text = unicodedata.normalize("NFKC", text)
            elif step == "lowercase":
                text = text.lower()
            elif step == "collapse_whitespace":
                text = " ".join(text.split())
        return text

    def ids(self, text: str) -> list[int]:
        settings = self.manifest["text"]
        prefix, suffix = settings["prefix_ids"], settings["suffix_ids"]
        room = settings["context_length"] - len(prefix) - len(suffix)
        pieces = self.tokenizer.encode(self.clean(text), add_special_tokens=False).ids[:room]
        return prefix + [piece + settings["id_offset"] for piece in pieces] + suffix

    @torch.no_grad()
    def text(self, text: str) -> torch.Tensor:
        return F.normalize(self.texts(torch.tensor([self.ids(text)])), dim=1)[0]
