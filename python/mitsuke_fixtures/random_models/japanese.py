"""Made-up models with the interfaces of the Japanese ones: Japanese Stable CLIP, clip-japanese-base, rinna's.

The code that these models bring along is not here. The code in its place is written from their documented interface, so
that trust, custom processors and custom tokenizers are tested.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from . import ingredients

TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = {**TEXT, "image_size": 32, "patch_size": 8}

STABLE_CLIP_CODE = '''\
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, CLIPVisionConfig, PretrainedConfig, PreTrainedModel


class JapaneseStableCLIPConfig(PretrainedConfig):
    model_type = "japanese_stable_clip"

    def __init__(self, vision_config=None, text_config=None, projection_dim=768, **kwargs):
        super().__init__(**kwargs)
        self.vision_config, self.text_config = vision_config or {}, text_config or {}
        self.projection_dim = projection_dim


class JapaneseStableCLIPModel(PreTrainedModel):
    config_class = JapaneseStableCLIPConfig

    def __init__(self, config):
        super().__init__(config)
        vision = CLIPVisionConfig(**config.vision_config)
        text = dict(config.text_config)
        text = AutoConfig.for_model(text.pop("model_type"), **text)
        self.vision_model = AutoModel.from_config(vision)
        self.text_model = AutoModel.from_config(text, add_pooling_layer=False)
        self.visual_projection = nn.Linear(vision.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(text.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.65))
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_image_features(self, pixel_values=None, **kwargs):
        features = self.visual_projection(self.vision_model(pixel_values=pixel_values).pooler_output)
        return features / features.norm(p=2, dim=-1, keepdim=True)

    def get_text_features(self, input_ids=None, attention_mask=None, position_ids=None, **kwargs):
        output = self.text_model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids)
        features = self.text_projection(output.last_hidden_state[:, 0])
        return features / features.norm(p=2, dim=-1, keepdim=True)
'''


def stable_clip(folder: Path, vision: dict | None = None, text: dict | None = None, dimension: int = 24,
                rules: str = "nmt_nfkc", size: int = 600, kind: str = "bert") -> None:  # fmt: skip
    """Builds a model with Japanese Stable CLIP's interface.

    It has a CLIP vision tower, a BERT-like text tower, and a tokenizer.json made from SentencePiece.
    """
    from transformers import CLIPImageProcessor

    from mitsuke_export.tokens import from_sentencepiece

    vision, text = vision or VISION, text or TEXT
    path = ingredients.sentencepiece(folder, rules=rules, size=size, **ingredients.JAPANESE)
    tokenizer = from_sentencepiece(path)
    document = json.loads(tokenizer.to_str())
    names = ["<unk>", "<s>", "</s>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    document["added_tokens"] = [
        {"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": True}
        for i, name in enumerate(names)
    ]  # fmt: skip
    for i, name in enumerate(names):
        document["model"]["vocab"][i][0] = name
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    settings = {
        "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "legacy": True, "do_lower_case": True, "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>",
        "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
        "model_max_length": 77, "clean_up_tokenization_spaces": True,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    path.unlink()
    (folder / "modeling_japanese_stable_clip.py").write_text(STABLE_CLIP_CODE, encoding="utf-8")
    text = {"vocab_size": len(document["model"]["vocab"]), "max_position_embeddings": 80, "pad_token_id": 3, **text}
    config = {
        "model_type": "japanese_stable_clip", "architectures": ["JapaneseStableCLIPModel"],
        "auto_map": {
            "AutoConfig": "modeling_japanese_stable_clip.JapaneseStableCLIPConfig",
            "AutoModel": "modeling_japanese_stable_clip.JapaneseStableCLIPModel",
        },
        "vision_config": vision, "text_config": {**text, "model_type": kind}, "projection_dim": dimension,
    }  # fmt: skip
    save(folder, config, "modeling_japanese_stable_clip", "JapaneseStableCLIPConfig", "JapaneseStableCLIPModel")
    edge = vision["image_size"]
    CLIPImageProcessor(
        size={"shortest_edge": edge}, crop_size={"height": edge, "width": edge}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(folder)
    ingredients.card(folder, "other\nlicense_name: japanese-stable-clip-community")


def save(folder: Path, config: dict, module: str, config_class: str, model_class: str) -> None:
    """Writes config.json and random weights of a model whose code is a file of `folder`."""
    import importlib.util

    from safetensors.torch import save_file

    spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    settings = {k: v for k, v in config.items() if k not in ("auto_map", "architectures", "model_type")}
    model = ingredients.shake(getattr(loaded, model_class)(getattr(loaded, config_class)(**settings)))
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    state = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


CLYP_CODE = '''\
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel


class CLYPConfig(PretrainedConfig):
    model_type = "clyp"

    def __init__(self, vision=None, text=None, width=24, **kwargs):
        super().__init__(**kwargs)
        self.vision, self.text, self.width = vision or {}, text or {}, width


class TextEncoder(nn.Module):
    def __init__(self, settings, width):
        super().__init__()
        settings = dict(settings)
        config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        self.backbone = AutoModel.from_config(config, add_pooling_layer=False)
        self.neck = nn.Linear(config.hidden_size, width, bias=False)

    def forward(self, inputs):
        return self.neck(self.backbone(**inputs).last_hidden_state[:, 0])


class VisionEncoder(nn.Module):
    def __init__(self, settings, width):
        super().__init__()
        import timm

        self.backbone = timm.create_model(settings["name"], pretrained=False, num_classes=0, **settings["options"])
        self.neck = nn.Linear(self.backbone.num_features, width, bias=False)

    def forward(self, pixels):
        return self.neck(self.backbone(pixels))


class CLYPModel(PreTrainedModel):
    config_class = CLYPConfig

    def __init__(self, config):
        super().__init__(config)
        self.vision_encoder = VisionEncoder(config.vision, config.width)
        self.text_encoder = TextEncoder(config.text, config.width)
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_text_features(self, input_ids=None, attention_mask=None, position_ids=None):
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "position_ids": position_ids}
        return self.text_encoder(inputs)

    def get_image_features(self, pixel_values=None):
        return self.vision_encoder(pixel_values)
'''

CLYP_TOKENIZER_CODE = '''\
import os

import torch
from transformers import BatchEncoding, PreTrainedTokenizer, T5Tokenizer


class CLYPTokenizer(PreTrainedTokenizer):
    def __init__(self, max_length=77, padding="longest", truncation=True, inner=None, **kwargs):
        self.tokenizer = T5Tokenizer.from_pretrained(inner)
        self.tokenizer.do_lower_case = True
        super().__init__(max_length=max_length, padding=padding, truncation=truncation, inner=inner, **kwargs)
        self.max_length, self.padding, self.truncation = max_length, padding, truncation

    @property
    def vocab_size(self):
        return self.tokenizer.vocab_size

    def get_vocab(self):
        return self.tokenizer.get_vocab()

    def save_vocabulary(self, folder, filename_prefix=None):
        return self.tokenizer.save_vocabulary(folder, filename_prefix=filename_prefix)

    def __call__(self, text, padding=None, truncation=None, max_length=None):
        text = text if isinstance(text, list) else [text]
        made = self.tokenizer(
            text, max_length=(max_length or self.max_length) - 1, padding=padding or self.padding,
            truncation=self.truncation if truncation is None else truncation, add_special_tokens=False,
        )
        ids = torch.tensor([[self.tokenizer.cls_token_id] + row for row in made["input_ids"]])
        mask = torch.tensor([[1] + row for row in made["attention_mask"]])
        positions = torch.arange(ids.shape[1]).repeat(len(ids), 1)
        return BatchEncoding({"input_ids": ids, "attention_mask": mask, "position_ids": positions})
'''

CLYP_PROCESSOR_CODE = '''\
import torch
from torchvision import transforms as T
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor


class CLYPImageProcessor(BaseImageProcessor):
    def __init__(self, image_size=32, **kwargs):
        super().__init__(**kwargs)
        self.image_size = image_size

    def preprocess(self, images, return_tensors=None, **kwargs):
        transform = T.Compose([
            T.Resize(self.image_size, interpolation=T.InterpolationMode.BICUBIC),
            T.CenterCrop(self.image_size),
            T.ToTensor(),
            T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ])
        images = images if isinstance(images, list) else [images]
        return BatchFeature({"pixel_values": torch.stack([transform(i.convert("RGB")) for i in images])})
'''


def t5_tokenizer(folder: Path, **more) -> None:
    """Writes a tokenizer like that of rinna/japanese-roberta-base, which is read as T5Tokenizer."""
    ingredients.sentencepiece(folder, **ingredients.JAPANESE, **more)
    settings = {
        "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>",
        "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "do_lower_case": True,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def clyp(folder: Path) -> None:
    """Builds a model with clip-japanese-base's interface: timm EVA-02 vision, BERT text, tokenizer and processor of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    t5_tokenizer(folder / "inner")
    (folder / "modeling_clyp.py").write_text(CLYP_CODE, encoding="utf-8")
    (folder / "tokenization_clyp.py").write_text(CLYP_TOKENIZER_CODE, encoding="utf-8")
    (folder / "image_processing_clyp.py").write_text(CLYP_PROCESSOR_CODE, encoding="utf-8")
    tokenizer = {
        "tokenizer_class": "CLYPTokenizer", "max_length": 77, "padding": "longest", "truncation": True,
        "inner": str(folder / "inner"), "auto_map": {"AutoTokenizer": ["tokenization_clyp.CLYPTokenizer", None]},
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    processor = {
        "image_processor_type": "CLYPImageProcessor", "image_size": 32,
        "auto_map": {"AutoImageProcessor": "image_processing_clyp.CLYPImageProcessor"},
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    eva = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 4}
    config = {
        "model_type": "clyp", "architectures": ["CLYPModel"],
        "auto_map": {"AutoConfig": "modeling_clyp.CLYPConfig", "AutoModel": "modeling_clyp.CLYPModel"},
        "vision": {"name": "eva02_base_patch16_clip_224", "options": eva},
        "text": {**TEXT, "vocab_size": 700, "max_position_embeddings": 80, "pad_token_id": 3, "model_type": "bert"},
    }  # fmt: skip
    save(folder, config, "modeling_clyp", "CLYPConfig", "CLYPModel")
    ingredients.card(folder, "apache-2.0")


def rinna(folder: Path, kind: str) -> None:
    """Builds rinna's CLIP or CLOOB: RoBERTa and ViT in a checkpoint of the old kind."""
    from mitsuke_export.families.rinna import DualEncoder

    t5_tokenizer(folder)
    config = {
        "model_type": kind, "projection_dim": 24,
        "text_config": {**TEXT, "model_type": "roberta", "vocab_size": 700, "max_position_embeddings": 82,
                        "pad_token_id": 3},
        "vision_config": {**VISION, "model_type": "vit"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    model = ingredients.shake(DualEncoder(config))
    state = {**model.state_dict(), "logit_scale": torch.tensor(2.65)}
    state["text_model.embeddings.position_ids"] = torch.arange(82)[None]
    torch.save(state, folder / "pytorch_model.bin")
    ingredients.card(folder, "apache-2.0")
