"""Made-up models of transformers: CLIP, SigLIP, SigLIP 2, Chinese-CLIP, a dual encoder with a Japanese BERT."""

from __future__ import annotations

import json
from pathlib import Path

from . import ingredients

VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
EDGE = {"image_size": 32, "patch_size": 8}


def clip(folder: Path, size: int = 700, **vision) -> None:
    """Builds OpenAI's CLIP: byte-level BPE, causal text tower, vector at the end token."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

    # The tokenizer is trained with the rules that CLIPTokenizerFast will apply.
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    trained.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    trained.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])  # fmt: skip
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(
        ingredients.sentences(),
        trainers.BpeTrainer(vocab_size=size - 2, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False),
    )
    folder.mkdir(parents=True, exist_ok=True)
    document = json.loads(trained.to_str())["model"]
    vocabulary = document["vocab"]
    for character in alphabet:
        vocabulary.setdefault(character + "</w>", len(vocabulary))
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in document["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    tokenizer.save_pretrained(folder)
    start, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    config = CLIPConfig(
        text_config={**VISION, "vocab_size": len(vocabulary), "max_position_embeddings": 77, "projection_dim": 24,
                     "bos_token_id": start, "eos_token_id": end, "pad_token_id": end, **vision.pop("text", {})},
        vision_config={**VISION, **EDGE, "projection_dim": 24, **vision},
        projection_dim=24,
    )  # fmt: skip
    ingredients.shake(CLIPModel(config)).save_pretrained(folder)
    edge = config.vision_config.image_size
    CLIPImageProcessor(size={"shortest_edge": edge}, crop_size={"height": edge, "width": edge}).save_pretrained(folder)
    ingredients.card(folder)


def siglip(folder: Path) -> None:
    """Builds SigLIP: SentencePiece with a cleaning of its own, vector at the last of 64 positions, always filled."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipTokenizer

    path = ingredients.sentencepiece(
        folder, rules="nmt_nfkc", pad_id=0, pad_piece="<pad>", eos_id=1, unk_id=2, bos_id=-1
    )
    SiglipTokenizer(str(path), model_max_length=64).save_pretrained(folder)
    config = SiglipConfig(
        text_config={**VISION, "vocab_size": 700, "max_position_embeddings": 64, "projection_size": 32},
        vision_config={**VISION, **EDGE},
    )
    model = ingredients.shake(SiglipModel(config), gain=2.5)
    # This tower attends to the padding after a short text, so larger weights are needed to tell texts apart.
    ingredients.shake(model.text_model, gain=2.8)
    model.save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}, resample=3).save_pretrained(folder)
    ingredients.card(folder, "apache-2.0")


def siglip2(folder: Path) -> None:
    """Builds SigLIP 2 with a fixed resolution: Gemma's BPE with byte fallback, lower-cased texts, bilinear pictures."""
    from transformers import GemmaTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel

    path = ingredients.sentencepiece(
        folder, kind="bpe", rules="identity", pad_id=0, pad_piece="<pad>", eos_id=1, eos_piece="<eos>", bos_id=2,
        bos_piece="<bos>", unk_id=3, byte_fallback=True, size=900, remove_extra_whitespaces=False,
        add_dummy_prefix=False, split_digits=True,
    )  # fmt: skip
    path = path.rename(folder / "tokenizer.model")
    tokenizer = GemmaTokenizerFast(
        str(path), add_bos_token=False, add_eos_token=True, model_max_length=64, padding_side="right"
    )
    tokenizer.save_pretrained(folder)
    config = SiglipConfig(
        text_config={**VISION, "vocab_size": 1000, "max_position_embeddings": 64, "projection_size": 32},
        vision_config={**VISION, **EDGE},
    )
    ingredients.shake(SiglipModel(config), gain=2.5).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}, resample=2).save_pretrained(folder)
    ingredients.card(folder, "apache-2.0")


def wordpieces(limit: int = 900) -> list[str]:
    """Returns a WordPiece vocabulary with characters and some words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained.train_from_iterator(
        ingredients.sentences(), trainers.WordPieceTrainer(vocab_size=limit, special_tokens=special, show_progress=False)
    )
    vocabulary = trained.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def chinese_clip(folder: Path) -> None:
    """Builds Chinese-CLIP: BERT with a mask, vector at the first position, pictures squashed to a square."""
    from transformers import BertTokenizerFast, ChineseCLIPConfig, ChineseCLIPImageProcessor, ChineseCLIPModel

    folder.mkdir(parents=True, exist_ok=True)
    words = wordpieces()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=512).save_pretrained(folder)
    config = ChineseCLIPConfig(
        text_config={**VISION, "vocab_size": len(words), "max_position_embeddings": 512},
        vision_config={**VISION, **EDGE, "projection_dim": 24},
        projection_dim=24,
    )
    ingredients.shake(ChineseCLIPModel(config)).save_pretrained(folder)
    ChineseCLIPImageProcessor(
        size={"height": 32, "width": 32}, do_center_crop=False, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    ingredients.card(folder)


def dual_encoder(folder: Path, subwords: str) -> None:
    """Builds a Japanese BERT beside a ViT. MeCab cuts words, which become characters or word pieces."""
    from transformers import (
        BertConfig,
        BertJapaneseTokenizer,
        BertModel,
        CLIPVisionConfig,
        CLIPVisionModel,
        ViTImageProcessor,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
    )

    folder.mkdir(parents=True, exist_ok=True)
    if subwords == "character":
        letters = sorted({c for text in ingredients.sentences() for c in text if not c.isspace()})
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters[: len(letters) * 9 // 10]]
    else:
        words = wordpieces()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertJapaneseTokenizer(
        str(folder / "vocab.txt"), word_tokenizer_type="mecab", subword_tokenizer_type=subwords,
        mecab_kwargs={"mecab_dic": "unidic_lite"}, model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    text = BertConfig(**VISION, vocab_size=len(words), max_position_embeddings=64)
    vision = CLIPVisionConfig(**VISION, **EDGE)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=24)
    model = VisionTextDualEncoderModel(config, CLIPVisionModel(vision), BertModel(text))
    ingredients.shake(model).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}, resample=2).save_pretrained(folder)
    ingredients.card(folder, "cc-by-sa-4.0")
