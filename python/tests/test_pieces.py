"""The choice of word pieces for the demo model's tokenizer."""

import pytest

from mitsuke_demo.pieces import build_tokenizer, choose_vocabulary

SPECIAL = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]


def kept(*pieces: str, most_ascii: int = 100) -> list[str]:
    vocabulary = SPECIAL + [(piece, -float(i)) for i, piece in enumerate(pieces)]
    return [vocabulary[i][0] for i in choose_vocabulary(vocabulary, most_ascii)][3:]


def test_special_pieces_come_first() -> None:
    assert choose_vocabulary(SPECIAL).tolist() == [0, 1, 2]


def test_japanese_and_ascii_pieces_and_single_symbols_stay() -> None:
    assert kept("▁the", "猫", "ネコ", "カフェ", "☀", "→") == ["▁the", "猫", "ネコ", "カフェ", "☀", "→"]


def test_pieces_of_other_languages_go() -> None:
    assert kept("▁über", "кот", "고양이", "☀☀", "extra_token_id_1") == []


def test_only_the_most_frequent_ascii_pieces_stay_and_every_character() -> None:
    assert kept("▁the", "▁of", "▁rare", "z", most_ascii=2) == ["▁the", "▁of", "z"]


def test_tokenizer_ignores_the_invisible_parts_of_emoji() -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (pip install -e './python[demo]')")
    assert tokenizers
    charsmap = _charsmap()
    tokenizer = build_tokenizer(SPECIAL + [("▁", -1.0), ("❤", -2.0), ("cat", -3.0)], charsmap)
    assert tokenizer.encode("❤\ufe0f", add_special_tokens=False).ids == tokenizer.encode("❤", add_special_tokens=False).ids == [3, 4]
    assert tokenizer.encode("  cat  ", add_special_tokens=False).ids == [3, 5]


def _charsmap() -> bytes:
    """Returns the character map of the committed tokenizer of the demo model."""
    import base64
    import json

    from mitsuke_fixtures.paths import DEMO_MODEL

    document = json.loads((DEMO_MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    steps = document["normalizer"]["normalizers"]
    return base64.b64decode(next(step["precompiled_charsmap"] for step in steps if step["type"] == "Precompiled"))
