"""Japanese models that bring their own code: Japanese Stable CLIP and clip-japanese-base (CLYP).

Both read input_ids, attention_mask and position_ids, and put one id before the pieces of a text that their
SentencePiece tokenizer has cut.
"""

from __future__ import annotations

import html
import re

import torch

from ..errors import ExportError
from ..source import Source
from ..tokens import from_transformers
from ..towers import Tower
from .base import Original, image_hints, processor_pixels
from .options import Options
from .transformers_models import auto, check_trust, image_processor

INPUTS = ["input_ids", "attention_mask", "position_ids"]


def load(source: Source, options: Options, family: str) -> Original:
    """Loads a model of either family."""
    check_trust(source, options)
    model = auto("AutoModel", source, options, dtype=torch.float32).eval()
    for method in ("get_image_features", "get_text_features"):
        if not hasattr(model, method):
            raise ExportError(f"the code of {source.given} has no {method}; is it another model? See --family.")
    processor = image_processor(source, options)
    tokenizer = auto("AutoTokenizer", source, options)
    make = stable_clip if family == "japanese-stable-clip" else clyp
    settings, encode, backend = make(tokenizer, options)
    return Original(
        family=family,
        image=Tower(model, "get_image_features", ["pixel_values"]),
        text=Tower(model, "get_text_features", INPUTS),
        text_inputs=INPUTS,
        pixels=processor_pixels(processor),
        hints=image_hints(processor),
        encode=encode,
        tokenizer=backend,
        text_settings=settings,
    )


def stable_clip(tokenizer, options: Options):
    """Returns text settings, encoder and tokenizer of Japanese Stable CLIP.

    Its `tokenize` is not in the repository but on the model card: ftfy, HTML, white space, at most 76 pieces, `<s>`
    before them, `[PAD]` up to 77.
    """
    import ftfy

    context = options.context_length or 77

    def cleaned(text: str) -> str:
        text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
        return re.sub(r"\s+", " ", text).strip()

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        rows = tokenizer(
            [cleaned(text) for text in texts],
            max_length=context - 1,
            padding="max_length",
            truncation=True,
            add_special_tokens=False,
        )
        return with_first(rows, tokenizer.bos_token_id)

    settings = {
        "cleaning": ["ftfy", "html_unescape", "html_unescape", "collapse_whitespace"],
        "context_length": context,
        "prefix_ids": [tokenizer.bos_token_id],
        "suffix_ids": [],
        "pad_id": tokenizer.pad_token_id,
    }
    return settings, encode, from_transformers(tokenizer)


def clyp(tokenizer, options: Options):
    """Returns text settings, encoder and tokenizer of clip-japanese-base.

    Its tokenizer lower-cases and makes all three inputs itself.
    """
    context = options.context_length or int(getattr(tokenizer, "max_length", 77) or 77)
    inner = getattr(tokenizer, "tokenizer", tokenizer)

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        return dict(tokenizer(texts, padding="max_length", truncation=True, max_length=context))

    settings = {
        "cleaning": ["lowercase"] if getattr(inner, "do_lower_case", False) else [],
        "context_length": context,
        "prefix_ids": [inner.cls_token_id],
        "suffix_ids": [],
        "pad_id": inner.pad_token_id,
    }
    return settings, encode, from_transformers(inner)


def with_first(rows, first: int) -> dict[str, torch.Tensor]:
    """Returns the inputs of rows with an id put before each and positions counted from 0."""
    ids = torch.tensor([[first, *row] for row in rows["input_ids"]])
    mask = torch.tensor([[1, *row] for row in rows["attention_mask"]])
    return {"input_ids": ids, "attention_mask": mask, "position_ids": torch.arange(ids.shape[1]).expand(len(ids), -1)}
