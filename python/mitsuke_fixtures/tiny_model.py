#!/usr/bin/env python3
"""Writes tests/models/tiny, the model folder of the fast tests, or another one of its kind.

It is no trained model: its weights are made up so that the vector of a picture is a projection of its colours
and the vector of a text a projection of the colour words in it. So 「赤」 finds a red picture, any two different
inputs get different vectors, and loading takes milliseconds. It uses what models/demo does not (prefix and
suffix ids, attention mask, position ids, fixed padding, float16 weights), so that the tests cover both.

The second model of the tests, of another dimension and with another idea of places:
  make_tiny_model.py --name wide --dimension 48 --seed 21 --out tests/other_models/wide

Its image tower once more, as one that fails while it runs (as a GPU does that is out of memory), on white pictures:
  make_tiny_model.py --name wide --dimension 48 --seed 21 --falters --out FOLDER
of which image.pt is tests/other_models/faltering_image.pt.

Needs torch, numpy, Pillow and tokenizers. The same versions write the same bytes.
"""

import argparse
import hashlib
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models

CONTEXT = 16
EDGE = 32
RESIZE = 36
UNK, BOS, EOS, PAD = 0, 1, 2, 3
COLOURS = {
    (1, -1, -1): ["赤い", "赤", "red"],
    (-1, 1, -1): ["緑", "green"],
    (-1, -1, 1): ["青い", "青", "blue"],
    (1, 1, -1): ["黄色い", "黄色", "yellow"],
    (1, 0, -1): ["オレンジ", "orange"],
    (1, -1, 1): ["紫", "purple"],
    (1, 1, 1): ["白い", "白", "white"],
    (-1, -1, -1): ["黒い", "黒", "black"],
}
OTHER_WORDS = ["猫", "犬", "車", "花", "空", "海", "山", "寿司", "の", "cat", "dog", "car", "flower", "sea"]


def projection(rows: int, dimension: int, generator: torch.Generator) -> torch.Tensor:
    """Orthonormal rows of `dimension` components."""
    q, _ = torch.linalg.qr(torch.randn(dimension, rows, generator=generator))
    return q.T.contiguous()


@torch.jit.script
def refuse_white(pixels: torch.Tensor) -> torch.Tensor:
    """Fails when one of the pictures is white."""
    if bool((pixels.mean(dim=(1, 2, 3)) > 0.98).any()):
        raise RuntimeError("out of memory, or so it says")
    return pixels


class ImageTower(torch.nn.Module):
    """[batch, 3, 32, 32] → [batch, dimension]: mean colour, and a little of where the colours are."""

    def __init__(self, colour: torch.Tensor, generator: torch.Generator, falters: bool):
        super().__init__()
        dimension = colour.shape[1]
        places = 0.05 * torch.randn(48, dimension, generator=generator)
        self.colour = torch.nn.Parameter(colour)
        self.places = torch.nn.Parameter(places)
        self.bias = torch.nn.Parameter(0.02 * torch.randn(dimension, generator=generator))
        self.falters = falters

    def forward(self, pixels):
        if self.falters:
            pixels = refuse_white(pixels)
        mean = pixels.mean(dim=(2, 3))
        grid = torch.nn.functional.avg_pool2d(pixels, EDGE // 4).flatten(1)
        return mean @ self.colour + grid @ self.places + self.bias


class TextTower(torch.nn.Module):
    """Three [batch, 16] inputs → [batch, dimension]: the mean of the embeddings of real tokens."""

    def __init__(self, table: torch.Tensor, generator: torch.Generator):
        super().__init__()
        self.table = torch.nn.Parameter(table)
        self.positions = torch.nn.Parameter(0.01 * torch.randn(CONTEXT, table.shape[1], generator=generator))

    def forward(self, input_ids, attention_mask, position_ids):
        mask = attention_mask.to(self.table.dtype).unsqueeze(-1)
        tokens = torch.nn.functional.embedding(input_ids, self.table)
        tokens = tokens + torch.nn.functional.embedding(position_ids, self.positions)
        return (tokens * mask).sum(dim=1) / mask.sum(dim=1)


def save_module(module: torch.nn.Module, example, path: Path) -> torch.jit.ScriptModule:
    """Traces, stores in half precision, and leaves out debug information (it holds paths of this machine)."""
    traced = torch.jit.trace(module.eval(), example, check_trace=False)
    raw = path.with_suffix(".raw")
    traced.half().save(str(raw))
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                name = path.stem + "/" + entry.filename.split("/", 1)[1]
                target.writestr(zipfile.ZipInfo(name), source.read(entry))
    raw.unlink()
    return torch.jit.load(str(path)).float().eval()


def make_tokenizer(path: Path) -> Tokenizer:
    words = [word for colour in COLOURS.values() for word in colour] + OTHER_WORDS
    special = ["<unk>", "<s>", "</s>", "[PAD]"]
    by_byte = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = [(piece, 0.0) for piece in special] + [(piece, -20.0) for piece in by_byte]
    vocabulary += [(word, -float(8 - min(len(word), 7))) for word in words]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=UNK, byte_fallback=True))
    tokenizer.save(str(path))
    return tokenizer


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    cleaned = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).lower()).strip()
    ids = tokenizer.encode(cleaned, add_special_tokens=False).ids[: CONTEXT - 2]
    return [BOS, *ids, EOS]


def text_inputs(ids: list[int]) -> tuple[torch.Tensor, ...]:
    filled = CONTEXT - len(ids)
    rows = (ids + [PAD] * filled, [1] * len(ids) + [0] * filled, list(range(CONTEXT)))
    return tuple(torch.tensor([row]) for row in rows)


def image_input(picture: Image.Image) -> torch.Tensor:
    width, height = picture.size
    short, long = min(width, height), max(width, height)
    longer = int(RESIZE * long / short)
    size = (RESIZE, longer) if width <= height else (longer, RESIZE)
    scaled = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - EDGE) / 2), round((size[1] - EDGE) / 2)
    pixels = np.asarray(scaled.crop((left, top, left + EDGE, top + EDGE)), dtype=np.float32) / 255
    return torch.from_numpy((pixels - 0.5) / 0.5).permute(2, 0, 1).unsqueeze(0)


def reference_picture() -> Image.Image:
    """A red disc on a colour gradient, wider than high."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.stack([x * 4, y * 6, 255 - x * 2 - y], axis=-1).astype(np.uint8)
    pixels[(x - 25) ** 2 + (y - 20) ** 2 < 150] = (230, 30, 20)
    return Image.fromarray(pixels, "RGB")


def unit(vector: torch.Tensor) -> list[float]:
    return [round(float(x), 7) for x in torch.nn.functional.normalize(vector[0].double(), dim=0)]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "tests" / "models" / "tiny"
    parser.add_argument("--out", type=Path, default=default, help="folder to write (default: %(default)s)")
    parser.add_argument("--name", default="tiny", help="name of the model (default: %(default)s)")
    parser.add_argument("--dimension", type=int, default=32, help="components of a vector (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=20, help="decides the weights (default: %(default)s)")
    parser.add_argument("--falters", action="store_true", help="make an image tower that fails on white pictures")
    options = parser.parse_args()
    folder, dimension = options.out, options.dimension
    if dimension < 3:
        parser.error("--dimension has to be at least 3, one for each colour channel")
    (folder / "reference").mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(options.seed)

    tokenizer = make_tokenizer(folder / "tokenizer.json")
    colour = projection(3, dimension, generator)
    table = 0.3 * torch.randn(tokenizer.get_vocab_size(), dimension, generator=generator)
    table[[BOS, EOS, PAD]] *= 0.05
    for rgb, words in COLOURS.items():
        for word in words:
            table[tokenizer.token_to_id(word)] = 3 * torch.tensor(rgb, dtype=torch.float32) @ colour

    example = torch.zeros(2, 3, EDGE, EDGE)
    image = save_module(ImageTower(colour, generator, options.falters), example, folder / "image.pt")
    inputs = text_inputs(text_ids(tokenizer, "赤い車"))
    text = save_module(TextTower(table, generator), inputs, folder / "text.pt")

    picture = folder / "reference" / "disc.png"
    reference_picture().save(picture)
    with torch.no_grad():
        texts = [
            {"text": words, "vector": unit(text(*text_inputs(text_ids(tokenizer, words))))}
            for words in ["赤い車", "青い海", "Ｒｅｄ　flower", "見つけ"]
        ]
        with Image.open(picture) as opened:
            images = [{
                "file": "reference/disc.png",
                "sha256": digest(picture),
                "vector": unit(image(image_input(opened.convert("RGB")))),
            }]

    manifest = {
        "format": 1,
        "model_name": options.name,
        "model_version": "1.0.0",
        "vector_dimension": dimension,
        "licence": "MIT OR Apache-2.0",
        "description": "Made-up weights for tests: it knows colours and nothing else.",
        "image": {
            "file": "image.pt",
            "sha256": digest(folder / "image.pt"),
            "stored_precision": "float16",
            "input_name": "pixels",
            "size": {"height": EDGE, "width": EDGE},
            "resize": {"mode": "shortest_edge", "size": RESIZE},
            "crop": "center",
            "interpolation": "bilinear",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
        "text": {
            "file": "text.pt",
            "sha256": digest(folder / "text.pt"),
            "stored_precision": "float16",
            "tokenizer": {"file": "tokenizer.json", "sha256": digest(folder / "tokenizer.json")},
            "cleaning": ["nfkc", "lowercase", "collapse_whitespace"],
            "context_length": CONTEXT,
            "prefix_ids": [BOS],
            "suffix_ids": [EOS],
            "pad_id": PAD,
            "id_offset": 0,
            "inputs": ["input_ids", "attention_mask", "position_ids"],
            "padding": "context_length",
        },
        "reference": {"texts": texts, "images": images},
    }
    (folder / "model.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
