"""Text → ids, as a manifest prescribes it."""

import json
from types import SimpleNamespace

import pytest

from mitsuke_export import text_inputs
from mitsuke_export.corpus import RUNS, SAMPLES, TEXTS
from mitsuke_fixtures.paths import DEMO_MODEL, GOLDEN


class Characters:
    """A tokenizer of a small vocabulary: one id per character, 0 for characters that it does not know."""

    vocabulary = {character: i for i, character in enumerate("?abc 猫", 0)}

    def encode(self, text: str, add_special_tokens: bool) -> SimpleNamespace:
        assert not add_special_tokens
        return SimpleNamespace(ids=[self.vocabulary.get(character, 0) for character in text])


SETTINGS = {
    "cleaning": ["lowercase", "collapse_whitespace"],
    "context_length": 6,
    "prefix_ids": [101],
    "suffix_ids": [102],
    "pad_id": 100,
    "id_offset": 10,
    "inputs": ["input_ids", "attention_mask", "position_ids"],
}


@pytest.mark.parametrize(
    ("steps", "text", "cleaned"),
    [
        ([], "  A  B ", "  A  B "),
        (["collapse_whitespace"], " A　\n\t B ", "A B"),
        (["lowercase"], "ABC Σ", "abc σ"),
        (["nfkc"], "ＡＢＣ　ﾈｺ①", "ABC ネコ1"),
        (["nfc"], "か\u3099", "が"),
        (["underscores_to_spaces"], "snake_case", "snake case"),
        (["remove_punctuation"], "it's (good): 「猫」。", "its good 「猫」。"),
        (["html_unescape"], "a &amp;amp; b", "a &amp; b"),
        (["html_unescape", "html_unescape"], "a &amp;amp; b", "a & b"),
        (["underscores_to_spaces", "collapse_whitespace"], "a__b", "a b"),
    ],
)
def test_cleaning_steps_apply_in_order(steps: list[str], text: str, cleaned: str) -> None:
    assert text_inputs.clean(text, steps) == cleaned


def test_ftfy_straightens_quotes_and_leaves_mojibake() -> None:
    pytest.importorskip("ftfy", reason="ftfy is not installed (pip install -e './python[test]')")
    assert text_inputs.clean("“curly” ‘quotes’", ["ftfy"]) == "\"curly\" 'quotes'"
    assert text_inputs.clean("schÃ¶n", ["ftfy"]) == "schÃ¶n"


def test_prefix_and_suffix_stand_around_offset_ids() -> None:
    assert text_inputs.ids("A 猫", Characters(), SETTINGS) == [101, 11, 14, 15, 102]


def test_long_texts_are_cut_to_leave_room_for_prefix_and_suffix() -> None:
    assert text_inputs.ids("abcabcabc", Characters(), SETTINGS) == [101, 11, 12, 13, 11, 102]


def test_rows_are_padded_to_the_context() -> None:
    ids, mask, positions = text_inputs.filled([[101, 11, 102], [101, 102]], SETTINGS, trimmed=False)
    assert ids == [[101, 11, 102, 100, 100, 100], [101, 102, 100, 100, 100, 100]]
    assert mask == [[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    assert positions == [[0, 1, 2, 3, 4, 5]] * 2


def test_trimmed_rows_are_padded_to_the_longest() -> None:
    ids, mask, positions = text_inputs.filled([[101, 11, 102], [101, 102]], SETTINGS, trimmed=True)
    assert ids == [[101, 11, 102], [101, 102, 100]]
    assert mask == [[1, 1, 1], [1, 1, 0]]
    assert positions == [[0, 1, 2]] * 2


def test_trimmed_row_without_ids_is_one_pad() -> None:
    settings = {**SETTINGS, "inputs": ["input_ids"]}
    assert text_inputs.filled([[]], settings, trimmed=True) == [[[100]]]


def test_inputs_come_in_the_manifests_order() -> None:
    settings = {**SETTINGS, "inputs": ["attention_mask", "input_ids"]}
    assert text_inputs.filled([[7]], settings, trimmed=True) == [[[1]], [[7]]]


def test_corpus_has_no_special_tokens_and_its_samples_differ() -> None:
    assert not [text for text in [*TEXTS, *RUNS] if any(mark in text for mark in ("<s>", "</s>", "[PAD]", "<|endoftext|>"))]
    assert len(set(SAMPLES)) == len(SAMPLES)


def test_demo_model_gives_the_ids_of_the_golden_table() -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (pip install -e './python[demo]')")
    manifest = json.loads((DEMO_MODEL / "model.json").read_text(encoding="utf-8"))
    tokenizer = tokenizers.Tokenizer.from_file(str(DEMO_MODEL / manifest["text"]["tokenizer"]["file"]))
    table = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
    for case in table["texts"]:
        assert text_inputs.ids(case["text"], tokenizer, manifest["text"]) == case["ids"], case["text"]
