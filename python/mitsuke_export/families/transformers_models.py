"""Models of transformers with get_image_features and get_text_features: CLIP, SigLIP, SigLIP 2, Chinese-CLIP, …"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from ..errors import ExportError
from ..source import Source
from ..token_proof import frame
from ..tokens import from_transformers
from ..towers import Tower
from .base import Original, image_hints, processor_pixels
from .options import Options

# Model types whose text tower takes no mask: causal towers read a text up to its end only, and SigLIP's towers were
# trained to see the padding.
WITHOUT_MASK = ("clip", "siglip", "siglip2")
# The context length that Chinese-CLIP was trained with; its tokenizer would allow 512.
CONTEXT = {"chinese_clip": 52}
LONGEST_CONTEXT = 512


def needs_code(folder: Path) -> list[str]:
    """Returns the names of the Python files that a model brings along and wants to run."""
    found = []
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            auto_map = json.loads((folder / name).read_text(encoding="utf-8")).get("auto_map") or {}
            for value in auto_map.values():
                for item in value if isinstance(value, list) else [value]:
                    if item:
                        found.append(item.rsplit(".", 1)[0] + ".py")
    return sorted(set(found))


def check_trust(source: Source, options: Options) -> None:
    """Raises when a model brings code and the user has not decided to run it."""
    files = needs_code(source.folder)
    if files and not options.trust_remote_code:
        raise ExportError(
            f"{source.given} brings Python code of its own, which would run on this machine with your rights:\n  "
            + "\n  ".join(files)
            + f"\nRead it in {source.folder}, and if you trust it, add --trust-remote-code."
        )


def auto(kind: str, source: Source, options: Options, **more):
    """Loads an Auto class of transformers. The message of a failure names its usual cause: code for another version."""
    import transformers

    try:
        return getattr(transformers, kind).from_pretrained(
            str(source.folder), trust_remote_code=options.trust_remote_code, **more
        )
    except Exception as cause:
        raise ExportError(
            f"{kind} cannot load {source.given} with transformers {transformers.__version__}: "
            f"{type(cause).__name__}: {cause}\n"
            "If the model's own code was written for another version of transformers (its config.json names one as "
            "transformers_version), install that version in an environment of its own and run this again."
        ) from cause


def image_processor(source: Source, options: Options):
    """Loads the processor. Where there is a choice, it is the one that scales pictures with Pillow, as Mitsuke does."""
    return auto("AutoImageProcessor", source, options, use_fast=False)


def load(source: Source, options: Options, family: str) -> Original:
    """Loads a model with its processor and its tokenizer."""
    check_trust(source, options)
    model = auto("AutoModel", source, options, dtype=torch.float32).eval()
    kind = model.config.model_type
    for method in ("get_image_features", "get_text_features"):
        if not hasattr(model, method):
            raise ExportError(f"{source.given} is a {type(model).__name__}, which has no {method}: it is no dual encoder.")
    vision = getattr(model.config, "vision_config", None)
    if kind == "siglip2" and getattr(vision, "num_patches", None):
        raise ExportError(
            f"{source.given} takes pictures of any shape (NaFlex), which a model folder cannot describe. "
            "Export the variant with a fixed resolution, for example google/siglip2-base-patch16-224."
        )
    processor = image_processor(source, options)
    tokenizer = auto("AutoTokenizer", source, options)
    names = ["input_ids"] if kind in WITHOUT_MASK else ["input_ids", "attention_mask"]
    context = options.context_length or context_of(model, tokenizer, kind)
    # SigLIP 2 was trained on lower-cased text, and its tokenizer files do not say so.
    lower = kind in ("siglip", "siglip2") and "gemma" in type(tokenizer).__name__.lower()

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        texts = [text.lower() for text in texts] if lower else texts
        return dict(
            tokenizer(texts, padding="max_length", max_length=context, truncation=True, return_tensors="pt",
                      return_attention_mask=True)
        )  # fmt: skip

    text_model, method = model, "get_text_features"
    if kind == "chinese_clip":
        text_model, method = FirstPosition(model), "forward"
    prefix, suffix = frame(lambda t: tokenizer(t)["input_ids"], lambda t: tokenizer(t, add_special_tokens=False)["input_ids"])
    return Original(
        family=kind,
        image=Tower(model, "get_image_features", ["pixel_values"]),
        text=Tower(text_model, method, names),
        text_inputs=names,
        pixels=processor_pixels(processor),
        hints=image_hints(processor),
        encode=encode,
        tokenizer=from_transformers(tokenizer),
        text_settings={
            "cleaning": ["lowercase"] if lower else cleaning_of(tokenizer),
            "context_length": context,
            "prefix_ids": prefix,
            "suffix_ids": suffix,
            "pad_id": tokenizer.pad_token_id,
        },
    )


class FirstPosition(nn.Module):
    """Chinese-CLIP's text tower: the projection of the first position.

    get_text_features of transformers 4.57 looks for a pooler, which this model does not have.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.text_model, self.text_projection = model.text_model, model.text_projection

    def forward(self, input_ids, attention_mask):
        output = self.text_model(input_ids=input_ids, attention_mask=attention_mask)
        return self.text_projection(output.last_hidden_state[:, 0])


def context_of(model, tokenizer, kind: str) -> int:
    """Returns the largest number of tokens of a text."""
    if kind in CONTEXT:
        return CONTEXT[kind]
    config = getattr(model.config, "text_config", model.config)
    positions = getattr(config, "max_position_embeddings", LONGEST_CONTEXT)
    # The first positions of RoBERTa stand for padding.
    if "roberta" in getattr(config, "model_type", ""):
        positions -= config.pad_token_id + 1
    return min(positions, tokenizer.model_max_length, LONGEST_CONTEXT)


def cleaning_of(tokenizer) -> list[str]:
    """Returns the cleaning steps that a slow tokenizer applies before its model sees a text."""
    if type(tokenizer).__name__ == "SiglipTokenizer":
        lower = ["lowercase"] if getattr(tokenizer, "do_lower_case", True) else []
        return [*lower, "remove_punctuation", "collapse_whitespace"]
    return []
