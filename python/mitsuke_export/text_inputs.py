"""Text → ids in Python, as the `text` settings of a manifest prescribe it.

The steps are those of Mitsuke's own tokenizer in Rust. Originals are compared with these, so that a manifest is proven
before a server reads it.
"""

from __future__ import annotations

import html
import string
import unicodedata


def _ftfy(text: str) -> str:
    import ftfy

    # Queries arrive as UTF-8. The repair of wrongly decoded text is left out here and in Rust alike.
    return ftfy.fix_text(text, ftfy.TextFixerConfig(fix_encoding=False, explain=False))


# The cleaning steps that a manifest can name.
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


def clean(text: str, steps: list[str]) -> str:
    """Applies cleaning steps in the order given."""
    for step in steps:
        text = CLEANING[step](text)
    return text


def ids(text: str, tokenizer, settings: dict) -> list[int]:
    """Returns the ids of a text as the text tower reads them, without padding."""
    prefix, suffix = settings["prefix_ids"], settings["suffix_ids"]
    room = settings["context_length"] - len(prefix) - len(suffix)
    own = tokenizer.encode(clean(text, settings["cleaning"]), add_special_tokens=False).ids[:room]
    return [*prefix, *(piece + settings["id_offset"] for piece in own), *suffix]


def filled(rows: list[list[int]], settings: dict, trimmed: bool) -> list[list[list[int]]]:
    """Returns the text tower's inputs in call order, each with one row per text.

    Rows are padded to the context length, or with `trimmed` to the longest row.
    """
    length = max(max(map(len, rows)), 1) if trimmed else settings["context_length"]
    inputs = {
        "input_ids": [row + [settings["pad_id"]] * (length - len(row)) for row in rows],
        "attention_mask": [[1] * len(row) + [0] * (length - len(row)) for row in rows],
        "position_ids": [list(range(length)) for _ in rows],
    }
    return [inputs[name] for name in settings["inputs"]]
