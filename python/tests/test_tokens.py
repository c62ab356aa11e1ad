"""Converted tokenizers give the original's tokens; small vocabularies stand for large ones."""

from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="tokenizers is not installed (pip install -e './python[export]')")

from mitsuke_export import tokens  # noqa: E402
from mitsuke_export.errors import ExportError  # noqa: E402

TEXTS = ["猫", "the cat", "ＡＢＣ　ﾈｺ", "  two  spaces ", "🍣 unknown"]


@pytest.fixture(scope="module")
def sentencepiece():
    return pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (pip install -e './python[export]')")


def trained(sentencepiece, folder: Path, **options) -> Path:
    """Trains a SentencePiece model of some dozen pieces."""
    corpus = folder / "corpus.txt"
    corpus.write_text("the cat sat on the mat\n猫 が いる\nABC ネコ two spaces\n" * 20, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / "small"), vocab_size=60, hard_vocab_limit=False, minloglevel=2,
        num_threads=1, **options,
    )  # fmt: skip
    return folder / "small.model"


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("rules", ["identity", "nmt_nfkc"])
def test_sentencepiece_model_is_converted(sentencepiece, tmp_path: Path, kind: str, rules: str) -> None:
    path = trained(sentencepiece, tmp_path, model_type=kind, normalization_rule_name=rules)
    original = sentencepiece.SentencePieceProcessor(model_file=str(path))
    converted = tokens.from_sentencepiece(path)
    for text in TEXTS:
        assert converted.encode(text, add_special_tokens=False).ids == original.encode(text), text


def test_control_pieces_are_never_found_in_a_text(sentencepiece, tmp_path: Path) -> None:
    path = trained(sentencepiece, tmp_path, control_symbols="[CLS]")
    control = sentencepiece.SentencePieceProcessor(model_file=str(path)).piece_to_id("[CLS]")
    assert control not in tokens.from_sentencepiece(path).encode("[CLS] cat").ids


def test_word_model_is_refused(sentencepiece, tmp_path: Path) -> None:
    path = trained(sentencepiece, tmp_path, model_type="word")
    with pytest.raises(ExportError, match="neither a Unigram nor a BPE model"):
        tokens.from_sentencepiece(path)
