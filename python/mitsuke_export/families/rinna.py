"""rinna's Japanese CLIP and CLOOB, whose code is a package of its own (github.com/rinnakk/japanese-clip).

The architecture is small enough to be put together here: two encoders of transformers, and a projection of the first
position of each. The tokenizer is that of rinna/japanese-roberta-base: it lower-cases, and `[CLS]` is put before a text
of up to 77 pieces.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from ..errors import ExportError
from ..source import HUB_NAME, Source, explain
from ..tokens import from_sentencepiece
from ..towers import Tower
from .base import Original
from .options import Options

TOKENIZER = "rinna/japanese-roberta-base"
PIECES = 77
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Endings of weights that only training uses, and of buffers that newer versions of transformers do not store.
NOT_NEEDED = ("logit_scale", "position_ids", "token_type_ids", "pooler.dense.weight", "pooler.dense.bias")


class DualEncoder(nn.Module):
    """Two encoders and two projections, with the names of the checkpoint."""

    def __init__(self, config: dict):
        super().__init__()
        from transformers import AutoConfig, AutoModel

        def encoder(settings: dict) -> nn.Module:
            settings = dict(settings)
            made = AutoConfig.for_model(settings.pop("model_type"), **settings)
            extra = {} if made.model_type.startswith("clip") else {"add_pooling_layer": False}
            return AutoModel.from_config(made, **extra)

        self.text_model = encoder(config["text_config"])
        self.vision_model = encoder(config["vision_config"])
        width = config.get("projection_dim", 512)
        self.text_projection = nn.Linear(self.text_model.config.hidden_size, width, bias=False)
        self.visual_projection = nn.Linear(self.vision_model.config.hidden_size, width, bias=False)

    def get_image_features(self, pixel_values):
        return self.visual_projection(self.vision_model(pixel_values=pixel_values).last_hidden_state[:, 0])

    def get_text_features(self, input_ids, attention_mask, position_ids):
        output = self.text_model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids)
        return self.text_projection(output.last_hidden_state[:, 0])


def load(source: Source, options: Options, family: str) -> Original:
    """Loads the checkpoint and the tokenizer."""
    import sentencepiece

    config = json.loads((source.folder / "config.json").read_text(encoding="utf-8"))
    model = DualEncoder(config)
    restore(model, weights(source.folder))
    path = tokenizer_file(source, options)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    first, pad = pieces.piece_to_id("[CLS]"), pieces.piece_to_id("[PAD]")
    if pieces.unk_id() in (first, pad):
        raise ExportError(f"{path} has no [CLS] or no [PAD]: it is not the tokenizer of {TOKENIZER}.")
    context = options.context_length or PIECES + 1

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        rows = [[first, *pieces.encode(text.lower())[: context - 1]] for text in texts]
        filled = [row + [pad] * (context - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (context - len(row)) for row in rows]
        positions = torch.arange(context).expand(len(rows), -1)
        return {"input_ids": torch.tensor(filled), "attention_mask": torch.tensor(mask), "position_ids": positions}

    names = ["input_ids", "attention_mask", "position_ids"]
    edge = int(config["vision_config"].get("image_size", 224))
    return Original(
        family=f"rinna-{config['model_type']}",
        image=Tower(model.eval(), "get_image_features", ["pixel_values"]),
        text=Tower(model, "get_text_features", names),
        text_inputs=names,
        pixels=transform(edge),
        hints={"sizes": [edge], "mean": MEAN, "std": STD},
        encode=encode,
        tokenizer=from_sentencepiece(path),
        text_settings={
            "cleaning": ["lowercase"],
            "context_length": context,
            "prefix_ids": [first],
            "suffix_ids": [],
            "pad_id": pad,
        },
    )


def transform(edge: int):
    """Returns the transform of rinna's package: shortest edge, bilinear, centre crop."""
    from torchvision import transforms as T

    return T.Compose([
        T.Resize(edge, interpolation=T.InterpolationMode.BILINEAR),
        T.CenterCrop(edge),
        T.ToTensor(),
        T.Normalize(MEAN, STD),
    ])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Reads the checkpoint of a folder."""
    if (folder / "model.safetensors").is_file():
        from safetensors.torch import load_file

        return load_file(folder / "model.safetensors")
    if (folder / "pytorch_model.bin").is_file():
        return torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    raise ExportError(f"{folder} has neither model.safetensors nor pytorch_model.bin.")


def restore(model: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Loads weights into a model, and raises when one has no counterpart."""
    widened = {name: w.float() if w.is_floating_point() else w for name, w in state.items()}
    missing, unexpected = model.load_state_dict(widened, strict=False)
    left = [name for name in [*missing, *unexpected] if not name.endswith(NOT_NEEDED)]
    if left:
        raise ExportError("the checkpoint is not of this architecture; these weights have no counterpart: " + ", ".join(left[:8]))


def tokenizer_file(source: Source, options: Options) -> Path:
    """Returns the path of spiece.model: from --tokenizer, the folder, or rinna/japanese-roberta-base."""
    if options.tokenizer and not HUB_NAME.fullmatch(options.tokenizer):
        path = Path(options.tokenizer)
        path = path / "spiece.model" if path.is_dir() else path
        if path.is_file():
            return path
        raise ExportError(f"--tokenizer names {path}, which is no SentencePiece model. Give a hub name, or a folder with spiece.model.")
    if (source.folder / "spiece.model").is_file():
        return source.folder / "spiece.model"
    from huggingface_hub import hf_hub_download

    name = options.tokenizer or TOKENIZER
    try:
        return Path(hf_hub_download(name, "spiece.model"))
    except Exception as cause:
        raise explain(name, cause) or cause from cause
