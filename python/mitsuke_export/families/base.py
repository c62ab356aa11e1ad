"""The interface of a loaded original, the same for every family."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import torch
from PIL import Image
from tokenizers import Tokenizer

from ..towers import Tower


@dataclass
class Original:
    """A loaded model that makes its inputs in its own way. An export is compared with it."""

    family: str
    image: Tower
    text: Tower
    # Names of the text module's inputs in call order: some of input_ids, attention_mask, position_ids.
    text_inputs: list[str]
    # A picture → float32 [3, height, width], by the model's own processor.
    pixels: Callable[[Image.Image], torch.Tensor]
    # Numbers that the processor mentions; see probing.find.
    hints: dict
    # Texts → int64 [batch, context] by input name, by the model's own tokenizer, padded to the context length.
    encode: Callable[[list[str]], dict[str, torch.Tensor]]
    # The tokenizer as it will be written.
    tokenizer: Tokenizer
    # The model's own text method, with which texts are compared where `text` is written anew.
    own_text: Tower | None = None
    # The manifest's cleaning, context_length, prefix_ids, suffix_ids and pad_id.
    text_settings: dict = field(default_factory=dict)


def image_hints(processor) -> dict:
    """Returns the numbers in the configuration of a transformers processor."""
    sizes = []
    for name in ("size", "crop_size", "image_size"):
        value = getattr(processor, name, None)
        values = value.values() if hasattr(value, "values") else [value]
        sizes += [int(x) for x in values if isinstance(x, (int, float)) and 0 < x < 4096]
    return {
        "sizes": sizes,
        "mean": getattr(processor, "image_mean", None),
        "std": getattr(processor, "image_std", None),
    }


def processor_pixels(processor) -> Callable[[Image.Image], torch.Tensor]:
    """Returns a function that puts one picture through a transformers processor."""
    return lambda picture: processor(images=picture, return_tensors="pt")["pixel_values"][0].float()
