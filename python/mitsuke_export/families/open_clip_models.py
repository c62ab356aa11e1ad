"""Checkpoints of open_clip: hub repositories with open_clip_config.json (llm-jp-clip, laion, …) and open_clip's own names."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import ExportError
from ..source import Source, explain_open_clip
from ..token_proof import frame
from ..tokens import from_open_clip, from_transformers
from ..towers import Tower
from .base import Original
from .options import Options

BASIC = ["ftfy", "html_unescape", "html_unescape"]
CANONICAL = [*BASIC, "underscores_to_spaces", "remove_punctuation", "lowercase", "collapse_whitespace"]
# The manifest's cleaning steps by the name of open_clip's cleaning function.
CLEANING = {
    "_clean_lower": [*BASIC, "collapse_whitespace", "lowercase"],
    "_clean_whitespace": [*BASIC, "collapse_whitespace"],
    "_clean_canonicalize": CANONICAL,
}


def load(source: Source, options: Options, family: str) -> Original:
    """Loads a model with its transform and its tokenizer."""
    import open_clip

    name, weights = source.open_clip or (f"local-dir:{source.folder}", None)
    try:
        model, _, transform = open_clip.create_model_and_transforms(
            name, pretrained=weights, precision="fp32", device="cpu", require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(name)
    except Exception as cause:
        if weights and (problem := explain_open_clip(name, weights, cause)):
            raise problem from cause
        raise ExportError(f"open_clip cannot load {source.given}: {type(cause).__name__}: {cause}") from cause
    model.eval()
    settings, encode, backend = tokenization(open_clip, tokenizer, options)
    preprocessing = getattr(model.visual, "preprocess_cfg", None) or {}
    size = preprocessing.get("size", 224)
    return Original(
        family="open_clip",
        image=Tower(model, "encode_image", []),
        text=Tower(AnyLength(model), "forward", []) if type(model) is open_clip.CLIP else Tower(model, "encode_text", []),
        text_inputs=["input_ids"],
        pixels=transform,
        hints={
            "sizes": list(size) if isinstance(size, (list, tuple)) else [size],
            "mean": preprocessing.get("mean"),
            "std": preprocessing.get("std"),
        },
        encode=encode,
        tokenizer=backend,
        own_text=Tower(model, "encode_text", []),
        text_settings=settings,
    )


class AnyLength(nn.Module):
    """open_clip's CLIP.encode_text for rows of any length: positions and mask are cut to the length of the row.

    Short texts take a fraction of the time this way. The export compares the vectors with those of full rows.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        from open_clip.transformer import text_global_pool

        model, length = self.model, text.shape[1]
        x = model.token_embedding(text) + model.positional_embedding[:length]
        mask = model.attn_mask
        x = model.transformer(x, attn_mask=None if mask is None else mask[:length, :length])
        x = text_global_pool(model.ln_final(x), text, model.text_pool_type, eos_token_id=getattr(model, "text_eos_id", None))
        if model.text_projection is None:
            return x
        return model.text_projection(x) if isinstance(model.text_projection, nn.Linear) else x @ model.text_projection


def tokenization(open_clip, tokenizer, options: Options):
    """Returns text settings, encoder and tokenizer for one of open_clip's three kinds of tokenizers."""
    context = options.context_length or tokenizer.context_length

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        return {"input_ids": tokenizer(texts, context_length=context)}

    if isinstance(tokenizer, open_clip.SimpleTokenizer):
        if tokenizer.reduction_fn is not None:
            raise ExportError("this tokenizer drops tokens by chance or by syntax, which a model folder cannot describe.")
        settings = {
            "cleaning": CLEANING[tokenizer.clean_fn.__name__],
            "prefix_ids": [tokenizer.sot_token_id],
            "suffix_ids": [tokenizer.eot_token_id],
            "pad_id": 0,
        }
        backend = from_open_clip(tokenizer)
    else:
        inner = tokenizer.tokenizer
        prefix, suffix = frame(lambda t: inner(t)["input_ids"], lambda t: inner(t, add_special_tokens=False)["input_ids"])
        if getattr(tokenizer, "strip_sep_token", False):
            suffix = [0 if i == inner.sep_token_id else i for i in suffix]
        clean = getattr(tokenizer, "clean_fn", None)
        settings = {
            "cleaning": CLEANING[clean.__name__] if clean else CANONICAL,
            "prefix_ids": prefix,
            "suffix_ids": suffix,
            "pad_id": inner.pad_token_id,
        }
        backend = from_transformers(inner)
    return {**settings, "context_length": context}, encode, backend
