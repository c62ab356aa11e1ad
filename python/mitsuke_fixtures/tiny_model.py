"""Writes tests/models/tiny, the model folder of the fast tests, or another one of its kind.

    python -m mitsuke_fixtures.tiny_model

The model is not trained. Its weights are made up so that the vector of a picture is a projection of its colours and the
vector of a text a projection of the colour words in it. So 「赤」 finds a red picture, any two different inputs get
different vectors, and loading takes milliseconds. It uses what models/demo does not (prefix and suffix ids, attention
mask, position ids, fixed padding, float16 weights), so that the tests cover both.

The second model of the tests has another dimension and other weights:

    python -m mitsuke_fixtures.tiny_model --name wide --dimension 48 --seed 21 --no-int8 --out tests/other_models/wide

tests/other_models/faltering_image.pt is the image.pt of the following folder. It fails on white pictures, as a GPU fails
that is out of memory:

    python -m mitsuke_fixtures.tiny_model --name wide --dimension 48 --seed 21 --no-int8 --falters --out FOLDER

Needs pip install -e './python[export]' or './python[demo]'. The same versions write the same weights and reference
vectors; the archives differ in an id that Torch makes up.
"""

import argparse
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models

from mitsuke_export import preprocessing, text_inputs, towers
from mitsuke_export.graph import layers, measure, rewrite
from mitsuke_export.pictures import pictures
from mitsuke_export.work import sha256

from .paths import TINY_MODEL

CONTEXT = 16
EDGE = 32
RESIZE = 36
UNK, BOS, EOS, PAD = 0, 1, 2, 3
# The manifest's settings of preprocessing and of texts.
IMAGE = {
    "size": {"height": EDGE, "width": EDGE},
    "resize": {"mode": "shortest_edge", "size": RESIZE},
    "crop": "center",
    "interpolation": "bilinear",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
TEXT = {
    "cleaning": ["nfkc", "lowercase", "collapse_whitespace"],
    "context_length": CONTEXT,
    "prefix_ids": [BOS],
    "suffix_ids": [EOS],
    "pad_id": PAD,
    "id_offset": 0,
    "inputs": ["input_ids", "attention_mask", "position_ids"],
}
# Words by the sign of their red, green and blue.
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
    """Returns orthonormal rows of `dimension` components."""
    q, _ = torch.linalg.qr(torch.randn(dimension, rows, generator=generator))
    return q.T.contiguous()


@torch.jit.script
def refuse_white(pixels: torch.Tensor) -> torch.Tensor:
    """Returns the pixels, and raises when one of the pictures is white."""
    if bool((pixels.mean(dim=(1, 2, 3)) > 0.98).any()):
        raise RuntimeError("out of memory, or so it says")
    return pixels


class ImageTower(torch.nn.Module):
    """Turns [batch, 3, 32, 32] into [batch, dimension]: the mean colour, and a little of where the colours are."""

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
    """Turns three [batch, 16] inputs into [batch, dimension]: the mean of the embeddings of real tokens."""

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
    """Traces a module, stores it in half precision without debug records, which name files of this machine, and loads it."""
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


def write_int8(image: torch.jit.ScriptModule, path: Path) -> dict:
    """Writes the image tower with layers of 8 bits, and returns its entry in the manifest's `variants`."""
    pixels = torch.from_numpy(preprocessing.pixels(pictures(EDGE), IMAGE))

    def quantized(group):
        made = [layers.Int8Linear(site.weight, site.bias, site.activation) for site in group.sites]
        return rewrite.Made(made, before=layers.Quantize())

    towers.write(rewrite.rewrite(rewrite.frozen(image, (pixels[:2],)), quantized), path)
    with torch.no_grad():
        found, expected = torch.jit.load(str(path)).eval()(pixels), image(pixels)
    return {
        "file": path.name,
        "sha256": sha256(path),
        "precision": "int8",
        "agreement": round(measure.lowest(found, expected), 7),
        "centred_error": round(measure.centred_error(found, expected), 5),
        "method": "plain",
        "kept_float32": 0,
    }


def make_tokenizer(path: Path) -> Tokenizer:
    """Writes and returns a Unigram tokenizer of the colour words, some other words, and all bytes."""
    words = [word for colour in COLOURS.values() for word in colour] + OTHER_WORDS
    special = ["<unk>", "<s>", "</s>", "[PAD]"]
    by_byte = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = [(piece, 0.0) for piece in special] + [(piece, -20.0) for piece in by_byte]
    vocabulary += [(word, -float(8 - min(len(word), 7))) for word in words]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=UNK, byte_fallback=True))
    tokenizer.save(str(path))
    return tokenizer


def text_tensors(tokenizer: Tokenizer, text: str) -> tuple[torch.Tensor, ...]:
    """Returns the text tower's three inputs for one text, [1, 16] each."""
    row = text_inputs.ids(text, tokenizer, TEXT)
    return tuple(torch.tensor(rows) for rows in text_inputs.filled([row], TEXT, trimmed=False))


def reference_picture() -> Image.Image:
    """Draws a red disc on a colour gradient, wider than high."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.stack([x * 4, y * 6, 255 - x * 2 - y], axis=-1).astype(np.uint8)
    pixels[(x - 25) ** 2 + (y - 20) ** 2 < 150] = (230, 30, 20)
    return Image.fromarray(pixels, "RGB")


def unit(vector: torch.Tensor) -> list[float]:
    """Returns the unit vector of a batch of one, as numbers."""
    return [round(float(x), 7) for x in torch.nn.functional.normalize(vector[0].double(), dim=0)]


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=TINY_MODEL, help="folder to write (default: %(default)s)")
    parser.add_argument("--name", default="tiny", help="name of the model (default: %(default)s)")
    parser.add_argument("--dimension", type=int, default=32, help="components of a vector (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=20, help="decides the weights (default: %(default)s)")
    parser.add_argument("--falters", action="store_true", help="make an image tower that fails on white pictures")
    parser.add_argument("--no-int8", action="store_true", help="write no image tower of 8 bits")
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
    variants = [] if options.no_int8 else [write_int8(image, folder / "image.int8.pt")]
    inputs = text_tensors(tokenizer, "赤い車")
    text = save_module(TextTower(table, generator), inputs, folder / "text.pt")

    picture = folder / "reference" / "disc.png"
    reference_picture().save(picture)
    with torch.no_grad():
        texts = [
            {"text": words, "vector": unit(text(*text_tensors(tokenizer, words)))}
            for words in ["赤い車", "青い海", "Ｒｅｄ　flower", "見つけ"]
        ]
        with Image.open(picture) as opened:
            images = [{
                "file": "reference/disc.png",
                "sha256": sha256(picture),
                "vector": unit(image(torch.from_numpy(preprocessing.pixels([opened], IMAGE)))),
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
            "sha256": sha256(folder / "image.pt"),
            "stored_precision": "float16",
            **({"variants": variants} if variants else {}),
            "input_name": "pixels",
            **IMAGE,
        },
        "text": {
            "file": "text.pt",
            "sha256": sha256(folder / "text.pt"),
            "stored_precision": "float16",
            "tokenizer": {"file": "tokenizer.json", "sha256": sha256(folder / "tokenizer.json")},
            **TEXT,
            "padding": "context_length",
        },
        "reference": {"texts": texts, "images": images},
    }
    (folder / "model.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
