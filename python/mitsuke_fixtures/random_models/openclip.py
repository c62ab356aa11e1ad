"""Made-up checkpoints of open_clip."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from . import ingredients

VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
TEXT = {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}


def write(folder: Path, text: dict, preprocessing: dict | None = None, custom: bool = False) -> None:
    """Writes open_clip_config.json and random weights."""
    import open_clip

    folder.mkdir(parents=True, exist_ok=True)
    settings = {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": {**TEXT, **text}}
    if custom:
        settings["custom_text"] = True
    about = {"model_cfg": settings, "preprocess_cfg": preprocessing or {}}
    (folder / "open_clip_config.json").write_text(json.dumps(about), encoding="utf-8")
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    torch.save(ingredients.shake(model).state_dict(), folder / "open_clip_pytorch_model.bin")
    ingredients.card(folder, "apache-2.0")


def simple(folder: Path) -> None:
    """Builds CLIP as open_clip trains it: its own BPE, shortest edge and centre crop."""
    write(folder, {})


def letterbox(folder: Path) -> None:
    """Builds a model that fits pictures into a square with a black border and cleans texts in another way."""
    write(folder, {"tokenizer_kwargs": {"clean": "canonicalize"}}, {"resize_mode": "longest", "interpolation": "bilinear"})


def hf_tokenizer(folder: Path) -> int:
    """Writes a tokenizer of transformers with ids around every text, as llm-jp-clip has, and returns its size."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    from mitsuke_export.tokens import from_sentencepiece

    path = ingredients.sentencepiece(folder, rules="nmt_nfkc", byte_fallback=True, size=900, **ingredients.JAPANESE)
    backend = from_sentencepiece(path)
    path.unlink()
    document = json.loads(backend.to_str())
    names = ["<unk>", "<s>", "</s>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    for i, name in enumerate(names):
        document["model"]["vocab"][i][0] = name
    backend = type(backend).from_str(json.dumps(document))
    backend.add_special_tokens(names)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 4), ("[SEP]", 5)]
    )
    special = dict(unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="[PAD]", cls_token="[CLS]",
                   sep_token="[SEP]", mask_token="[MASK]")  # fmt: skip
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    return backend.get_vocab_size()


def llm_jp(folder: Path) -> None:
    """Builds a text tower of transformers (RoBERTa) that makes its mask from the padding."""
    from transformers import RobertaConfig

    size = hf_tokenizer(folder)
    inner = folder / "text"
    RobertaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, pad_token_id=3,
    ).save_pretrained(inner)  # fmt: skip
    text = {
        "hf_model_name": str(inner), "hf_tokenizer_name": "here", "hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler",
        "hf_model_pretrained": False, "vocab_size": size,
    }  # fmt: skip
    write(folder, text, {"mean": [0.5] * 3, "std": [0.5] * 3}, custom=True)


def siglip_like(folder: Path) -> None:
    """Builds SigLIP in open_clip: no causal mask, vector at the last position, pictures squashed to a square."""
    size = hf_tokenizer(folder)
    text = {
        "hf_tokenizer_name": "here", "vocab_size": size, "no_causal_mask": True, "pool_type": "last", "proj_bias": True,
        "tokenizer_kwargs": {"clean": "canonicalize"},
    }  # fmt: skip
    write(folder, text, {"resize_mode": "squash", "mean": [0.5] * 3, "std": [0.5] * 3}, custom=True)
