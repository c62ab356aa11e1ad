"""What a manifest prescribes, in Python: the same steps as src/clip, against which the originals are held."""

from __future__ import annotations

import html
import string
import unicodedata

import numpy as np
import torch
from PIL import Image

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


def prepare(picture: Image.Image, settings: dict) -> Image.Image:
    """Scales and crops an opaque picture as the manifest's `image` settings say."""
    picture = picture.convert("RGB")
    height, width = settings["size"]["height"], settings["size"]["width"]
    mode, size = settings["resize"]["mode"], settings["resize"]["size"]
    kind = FILTERS[settings["interpolation"]]
    across, down = picture.size
    short, long = min(across, down), max(across, down)
    if mode == "exact":
        picture = picture.resize((size, size), kind)
    elif mode == "shortest_edge":
        longer = int(size * long / short)
        picture = picture.resize((size, longer) if across <= down else (longer, size), kind)
    elif mode == "longest_edge_pad":
        shorter = max(round(size * short / long), 1)
        scaled = picture.resize((shorter, size) if across <= down else (size, shorter), kind)
        picture = Image.new("RGB", (size, size), tuple(settings["resize"].get("fill", (255, 255, 255))))
        picture.paste(scaled, ((size - scaled.width) // 2, (size - scaled.height) // 2))
    else:
        raise ValueError(mode)
    if settings["crop"] == "none":
        return picture
    halve = round if settings["crop"] == "center" else np.floor
    left, top = int(halve((picture.width - width) / 2)), int(halve((picture.height - height) / 2))
    return picture.crop((left, top, left + width, top + height))


def tensor(prepared: Image.Image, settings: dict) -> torch.Tensor:
    """float32 [3, height, width]."""
    pixels = torch.from_numpy(np.asarray(prepared).copy()).permute(2, 0, 1).float() / 255
    mean, std = torch.tensor(settings["mean"]), torch.tensor(settings["std"])
    return (pixels - mean[:, None, None]) / std[:, None, None]


def pixels(pictures: list[Image.Image], settings: dict) -> torch.Tensor:
    """float32 [batch, 3, height, width]."""
    return torch.stack([tensor(prepare(picture, settings), settings) for picture in pictures])


def _ftfy(text: str) -> str:
    import ftfy

    # Queries arrive as UTF-8: the repair of wrongly decoded text is left out, as in src/clip/ftfy.rs.
    return ftfy.fix_text(text, ftfy.TextFixerConfig(fix_encoding=False, explain=False))


CLEANING = {
    "ftfy": _ftfy,
    "html_unescape": html.unescape,
    "nfkc": lambda text: unicodedata.normalize("NFKC", text),
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "lowercase": str.lower,
    "underscores_to_spaces": lambda text: text.replace("_", " "),
    "remove_punctuation": lambda text: text.translate(str.maketrans("", "", string.punctuation)),
    "collapse_whitespace": lambda text: " ".join(text.split()),
}


def ids(text: str, tokenizer, settings: dict) -> list[int]:
    """The final ids of a text, not padded."""
    for step in settings["cleaning"]:
        text = CLEANING[step](text)
    prefix, suffix = settings["prefix_ids"], settings["suffix_ids"]
    room = settings["context_length"] - len(prefix) - len(suffix)
    own = tokenizer.encode(text, add_special_tokens=False).ids[:room]
    return [*prefix, *(piece + settings["id_offset"] for piece in own), *suffix]


def inputs(rows: list[list[int]], settings: dict, trimmed: bool) -> list[torch.Tensor]:
    """The module's int64 [batch, length] inputs in call order: filled to the context, or to the longest row."""
    length = max(max(map(len, rows)), 1) if trimmed else settings["context_length"]
    made = {
        "input_ids": [row + [settings["pad_id"]] * (length - len(row)) for row in rows],
        "attention_mask": [[1] * len(row) + [0] * (length - len(row)) for row in rows],
        "position_ids": [list(range(length)) for _ in rows],
    }
    return [torch.tensor(made[name]) for name in settings["inputs"]]
