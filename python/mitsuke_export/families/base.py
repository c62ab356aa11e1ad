"""What an exporter needs of any model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import torch
from PIL import Image
from tokenizers import Tokenizer

from ..towers import Tower


@dataclass(frozen=True)
class Options:
    """What the user chose."""

    family: str = "auto"
    trust_remote_code: bool = False
    context_length: int | None = None
    tokenizer: str | None = None


@dataclass
class Original:
    """A loaded model with its own way of making inputs: the truth that an export is held against."""

    family: str
    image: Tower
    text: Tower
    # Names of the text module's inputs in call order: of input_ids, attention_mask, position_ids.
    text_inputs: list[str]
    # A picture → float32 [3, height, width], by the model's own processor.
    pixels: Callable[[Image.Image], torch.Tensor]
    # Numbers that the processor mentions; see probing.find.
    hints: dict
    # Texts → int64 [batch, context] by input name, by the model's own tokenizer, filled to the context length.
    encode: Callable[[list[str]], dict[str, torch.Tensor]]
    # The tokenizer as it will be written.
    tokenizer: Tokenizer
    # What texts are compared with, where `text` is written out anew: the model's own method.
    own_text: Tower | None = None
    # cleaning, context_length, prefix_ids, suffix_ids, pad_id of the manifest.
    text_settings: dict = field(default_factory=dict)

    def convert(self, dtype: torch.dtype) -> None:
        """Converts the weights of both towers in place."""
        for tower in (self.image, self.text):
            tower.to(dtype)


def image_hints(processor) -> dict:
    """The numbers in a processor of transformers."""
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
    """One picture through a processor of transformers."""
    return lambda picture: processor(images=picture, return_tensors="pt")["pixel_values"][0].float()
