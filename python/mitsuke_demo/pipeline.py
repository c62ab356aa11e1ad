"""A model folder used as its manifest prescribes, in Python: the reference for Mitsuke's own pipeline in Rust."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from mitsuke_export import preprocessing, text_inputs
from PIL import Image, ImageOps


class Pipeline:
    """Pictures and texts to unit vectors, with Pillow, `tokenizers` and TorchScript, on one thread."""

    def __init__(self, folder: Path):
        from tokenizers import Tokenizer

        torch.set_num_threads(1)
        self.manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.images = torch.jit.load(folder / self.manifest["image"]["file"])
        if self.manifest["image"]["stored_precision"] == "float16":
            self.images = self.images.float()
        self.texts = torch.jit.load(folder / self.manifest["text"]["file"])
        self.tokenizer = Tokenizer.from_file(str(folder / self.manifest["text"]["tokenizer"]["file"]))

    def pixels(self, image: Image.Image) -> torch.Tensor:
        """Returns the preprocessed pixels of a picture, float32 [3, height, width]."""
        opaque = preprocessing.to_rgb(ImageOps.exif_transpose(image))
        return torch.from_numpy(preprocessing.pixels([opaque], self.manifest["image"])[0])

    @torch.no_grad()
    def image(self, image: Image.Image) -> torch.Tensor:
        """Returns the unit vector of a picture."""
        return self.image_batch(self.pixels(image)[None])[0]

    @torch.no_grad()
    def image_batch(self, pixels: torch.Tensor) -> torch.Tensor:
        """Returns the unit vectors of preprocessed pixels [batch, 3, height, width]."""
        return F.normalize(self.images(pixels), dim=1)

    def ids(self, text: str) -> list[int]:
        """Returns the ids of a text as the text tower reads them."""
        return text_inputs.ids(text, self.tokenizer, self.manifest["text"])

    @torch.no_grad()
    def text(self, text: str) -> torch.Tensor:
        """Returns the unit vector of a text."""
        return F.normalize(self.texts(torch.tensor([self.ids(text)])), dim=1)[0]
