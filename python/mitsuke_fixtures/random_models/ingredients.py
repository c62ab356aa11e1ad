"""Ingredients of the made-up models: sentences to train tokenizers on, tokenizers, weights and model cards."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from mitsuke_export import corpus

WORDS = (
    "猫 犬 鳥 魚 馬 空 海 山 川 森 花 桜 雪 雨 風 星 月 太陽 夕焼け 朝焼け 街 駅 電車 新幹線 車 自転車 道 橋 家 庭 "
    "寿司 ラーメン パン ケーキ 果物 りんご 赤い 青い 緑の 白い 黒い 黄色い 大きな 小さな 古い 新しい 静かな 明るい "
    "女の子 男の子 女性 男性 子供 家族 少女 ドレス 浴衣 帽子 笑顔 走る 歩く 眠る 食べる 飲む 見上げる 写真 絵 風景"
).split()
ENGLISH = (
    "a photo of the cat dog bird fish horse sky sea mountain river forest flower cherry blossom snow rain star moon "
    "sunset street station train car bicycle road bridge house garden sushi ramen bread cake fruit apple red blue green "
    "white black yellow big small old new quiet bright girl boy woman man child family dress hat smile running walking"
).split()


def sentences() -> list[str]:
    """Returns some thousand short texts in Japanese and English, with emoji and symbols."""
    made = list(corpus.TEXTS)
    for i, word in enumerate(WORDS):
        for j in range(0, len(WORDS), 7):
            other = WORDS[(i * 5 + j) % len(WORDS)]
            made.append(f"{word}と{other}がある風景の写真。" if (i + j) % 2 else f"{other}の中で{word}を見ている")
    for i, word in enumerate(ENGLISH):
        for j in range(0, len(ENGLISH), 9):
            made.append(f"a {word} and the {ENGLISH[(i * 3 + j) % len(ENGLISH)]}, {WORDS[(i + j) % len(WORDS)]} 🐱🍣")
    return [text.replace("\n", " ") for text in made if text.strip()]


def sentencepiece(folder: Path, kind: str = "unigram", size: int = 600, rules: str = "nmt_nfkc", **more) -> Path:
    """Trains a SentencePiece model and returns the path of its file, `spiece.model`."""
    import sentencepiece as spm

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "corpus.txt"
    source.write_text("\n".join(sentences()), encoding="utf-8")
    if not rules.endswith(".tsv"):
        more["normalization_rule_name"] = rules
    else:
        more["normalization_rule_tsv"] = rules
    spm.SentencePieceTrainer.train(
        input=str(source), model_prefix=str(folder / "spiece"), vocab_size=size, model_type=kind,
        character_coverage=0.985, num_threads=1, minloglevel=2, hard_vocab_limit=False, **more,
    )  # fmt: skip
    source.unlink()
    (folder / "spiece.vocab").unlink()
    return folder / "spiece.model"


# The special pieces of the Japanese models.
JAPANESE = {
    "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": 3, "pad_piece": "[PAD]", "control_symbols": "[CLS],[SEP],[MASK]",
}  # fmt: skip


def shake(model: nn.Module, seed: int = 7, gain: float = 1.4) -> nn.Module:
    """Gives a model random weights under which different inputs get clearly different vectors.

    Under the initial weights of a transformer the input hardly matters, and a wrong crop or mask would not show.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2:
                if name.endswith("weight"):
                    parameter.copy_(1 + 0.1 * torch.randn(parameter.shape, generator=generator))
                elif parameter.dim() == 1:
                    parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
                continue
            fan = parameter[0].numel()
            scale = 0.5 if "embedding" in name and parameter.dim() == 2 else gain / math.sqrt(fan)
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def card(folder: Path, licence: str = "mit") -> None:
    """Writes a model card with a licence."""
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\nRandom weights.\n", encoding="utf-8")
