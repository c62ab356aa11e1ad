"""The proof that a converted tokenizer gives the original's tokens."""

from types import SimpleNamespace

import pytest

from mitsuke_export import text_inputs
from mitsuke_export.errors import ExportError
from mitsuke_export.token_proof import frame, prove

SETTINGS = {
    "cleaning": [], "context_length": 8, "prefix_ids": [1], "suffix_ids": [2], "pad_id": 0, "id_offset": 0,
    "inputs": ["input_ids", "attention_mask"],
}  # fmt: skip


class Words:
    """A tokenizer of a small vocabulary of words."""

    def __init__(self, *words: str):
        self.vocabulary = {word: i for i, word in enumerate(words, 10)}

    def encode(self, text: str, add_special_tokens: bool = False) -> SimpleNamespace:
        return SimpleNamespace(ids=[self.vocabulary[word] for word in text.split()])


def original(tokenizer: Words, order=lambda ids: ids):
    """Returns the encoder of an original that uses the same steps with its own tokenizer."""

    def encode(texts: list[str]) -> dict:
        rows = [order(text_inputs.ids(text, tokenizer, SETTINGS)) for text in texts]
        return dict(zip(SETTINGS["inputs"], text_inputs.filled(rows, SETTINGS, trimmed=False)))

    return encode


def test_equal_tokenizers_are_proven() -> None:
    words = Words("cat", "dog")
    assert prove(words, SETTINGS, original(words), ["cat", "dog cat"], ["cat cat"]) == (3 + 4 + 4, 0)


def test_first_text_that_differs_is_named_with_both_rows() -> None:
    with pytest.raises(ExportError) as refused:
        prove(Words("cat", "dog"), SETTINGS, original(Words("cat", "bird", "dog")), ["cat", "cat dog"], [])
    said = str(refused.value)
    assert "input_ids differ for the text 'cat dog' from position 2 on" in said
    assert "original  [1, 10, 12, 2, 0, 0, 0, 0]" in said
    assert "converted [1, 10, 11, 2, 0, 0, 0, 0]" in said
    assert "MeCab" in said


def test_run_in_another_order_is_a_tie() -> None:
    words = Words("w", "ww")
    turned = original(words, lambda ids: [ids[0], *reversed(ids[1:-1]), ids[-1]])
    assert prove(words, SETTINGS, turned, ["w"], ["w ww"]) == (3 + 4, 1)


def test_text_in_another_order_is_no_tie() -> None:
    words = Words("w", "ww")
    turned = original(words, lambda ids: [ids[0], *reversed(ids[1:-1]), ids[-1]])
    with pytest.raises(ExportError, match="cannot be converted"):
        prove(words, SETTINGS, turned, ["w ww"], [])


def test_frame_is_what_stands_around_a_text() -> None:
    def bare(text: str) -> list[int]:
        return [ord(character) for character in text]

    assert frame(lambda text: [1, *bare(text), 2, 3], bare) == ([1], [2, 3])
    assert frame(bare, bare) == ([], [])


def test_frame_falls_back_on_a_japanese_text() -> None:
    def bare(text: str) -> list[int]:
        return [] if text.isascii() else [7, 8]

    assert frame(lambda text: [1, *bare(text)], bare) == ([1], [])


def test_tokenizer_without_a_fixed_frame_is_refused() -> None:
    with pytest.raises(ExportError, match="fixed ids"):
        frame(lambda text: [len(text)], lambda text: [0, 0])
