"""The words of the demo model: terms of emoji, clip-art, classes and photographs."""

import json
from pathlib import Path

import pytest

from mitsuke_demo import labels
from mitsuke_demo.colours import COLOURS_EN, COLOURS_JA

PHOTOS = labels.HERE / "photo_labels.jsonl"


@pytest.mark.parametrize(("text", "expected"), [("ＡＢＣ", "abc"), (" ﾈｺ ", "ネコ"), ("Red　Car", "red car")])
def test_normal_form(text: str, expected: str) -> None:
    assert labels.normal(text) == expected


def test_kana_are_converted_both_ways_and_the_rest_stays() -> None:
    assert labels.hiragana("ネコとcat、ヴ・ー") == "ねことcat、ゔ・ー"
    assert labels.katakana("ねこの絵") == "ネコノ絵"


@pytest.mark.parametrize(("text", "japanese"), [("猫", True), ("ネコ", True), ("cat", False), ("café", False), ("a猫", True)])
def test_japanese_texts_are_told_apart(text: str, japanese: bool) -> None:
    assert labels.is_japanese(text) is japanese


def test_thousand_classes_have_japanese_and_english_names() -> None:
    items = labels.class_items()
    assert [item.key for item in items] == [f"class{i}" for i in range(1000)]
    assert items[0].terms["テンチ"] == labels.NAME
    assert items[0].terms["魚"] == labels.BROADER
    assert items[0].terms["水"] == labels.CONTEXT
    assert items[0].terms["tench"] == 0.8
    for item in items:
        assert max(item.terms.values()) >= 0.8, item.key
        assert not all(map(labels.is_japanese, item.terms)), item.key
    # ATM and iPod are written in Latin letters in Japanese, too.
    assert [item.key for item in items if not any(map(labels.is_japanese, item.terms))] == ["class480", "class605"]


def test_photograph_has_its_labels_and_what_they_imply() -> None:
    item = labels.photo_item("a.jpg", {"ja": ["海に沈む夕日"], "en": ["Sunset"]})
    assert item.terms["海に沈む夕日"] == item.terms["sunset"] == labels.NAME
    assert item.terms["夕焼け"] == 0.6
    assert item.terms["空"] == 0.6


def test_hand_written_label_outweighs_an_implied_one() -> None:
    assert labels.photo_item("a.jpg", {"ja": ["夕日"]}).terms["夕日"] == labels.NAME


def test_sides_of_the_split_share_no_photograph() -> None:
    train, test = (labels.load_photo_labels(PHOTOS, trainable) for trainable in (True, False))
    assert train
    assert test
    assert not {entry["file"] for entry in train} & {entry["file"] for entry in test}
    assert all(entry["trainable"] for entry in train)
    assert all(entry["licence"] and entry["source"] for entry in train + test)


def test_queries_ask_for_test_photographs_only() -> None:
    queries = json.loads((labels.HERE / "photo_queries.json").read_text(encoding="utf-8"))
    test = {entry["file"] for entry in labels.load_photo_labels(PHOTOS, trainable=False)}
    for case in queries["queries"]:
        assert case["relevant"], case["query"]
        assert set(case["relevant"]) <= test, case["query"]


def test_labelled_parts_are_items_of_their_own() -> None:
    crop = {"box": [0.0, 0.5, 1.0, 1.0], "ja": ["茶畑"]}
    entry = {"file": "a.jpg", "ja": ["丘"], "crops": [crop]}
    assert labels.photo_parts([entry]) == [("a.jpg", entry, None), ("a.jpg#0", crop, crop["box"])]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Writes the files of CLDR and Emojibase, and the list of rendered emoji, for three emoji."""
    annotations = {
        "ja": {"🐈": {"tts": ["猫"], "default": ["ねこ", "動物"]}, "❤": {"tts": ["赤いハート"], "default": ["赤い"]}},
        "en": {"🐈": {"tts": ["cat"], "default": ["pet"]}, "❤": {"tts": ["red heart"]}},
    }
    for language, found in annotations.items():
        for package, field, entries in (
            ("cldr-annotations-full/annotations", "annotations", found),
            ("cldr-annotations-derived-full/annotationsDerived", "annotationsDerived", {}),
        ):
            folder = tmp_path / package / language
            folder.mkdir(parents=True)
            (folder / "annotations.json").write_text(json.dumps({field: {"annotations": entries}}), encoding="utf-8")
        folder = tmp_path / "emojibase-data" / language
        folder.mkdir(parents=True)
        data = [{"hexcode": "1F1EF-1F1F5", "label": "日本" if language == "ja" else "Japan", "tags": None}]
        (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    emoji = [
        {"key": "1f408", "group": 3, "gender": None},
        {"key": "2764", "group": 8, "gender": None},
        {"key": "1f1ef-1f1f5", "group": 9, "gender": None},
    ]
    (tmp_path / "emoji.json").write_text(json.dumps(emoji), encoding="utf-8")
    return tmp_path


def test_emoji_have_names_and_keywords(packages: Path) -> None:
    cat, heart, flag = labels.emoji_items(packages, packages)
    assert cat.terms == {"猫": 1.0, "ねこ": 0.5, "動物": 0.5, "cat": 1.0, "pet": 0.5}
    assert heart.terms["赤い"] == 0.8  # a keyword that is part of the name
    assert flag.terms == {"日本": 1.0, "japan": 1.0}
    assert (cat.colourable, flag.colourable) == (True, False)
    assert (cat.rare, flag.rare) == (1.0, 0.25)


def test_queries_of_the_evaluation_are_japanese_names(packages: Path) -> None:
    assert labels.emoji_names(packages) == {"1f408": "猫", "2764": "赤いハート", "1f1ef-1f1f5": "日本"}


def test_vocabulary_lists_the_bare_term_most_often() -> None:
    items = [labels.Item("1", {"猫": 1.0, "cat": 1.0}, colourable=True)]
    vocabulary = labels.Vocabulary({"emoji": items})
    texts = [vocabulary.texts[i] for i in vocabulary.plain[vocabulary.terms["猫"]]]
    assert texts[:3] == ["猫"] * 3
    assert len(texts) == 3 + 3
    assert all("猫" in text for text in texts)


def test_vocabulary_colours_only_what_can_be_coloured() -> None:
    items = [labels.Item("1", {"車": 1.0}, colourable=True), labels.Item("2", {"海": 1.0})]
    vocabulary = labels.Vocabulary({"emoji": items})
    assert {term for term, _ in vocabulary.coloured} == {vocabulary.terms["車"]}
    for (_, colour), texts in vocabulary.coloured.items():
        assert all(vocabulary.texts[i].removesuffix("車") in COLOURS_JA[colour] for i in texts)


def test_vocabulary_is_the_same_in_every_run() -> None:
    items = [labels.Item("1", {"車": 1.0, "red car": 0.5}, colourable=True)]
    one, other = (labels.Vocabulary({"emoji": items}) for _ in range(2))
    assert (one.texts, one.plain, one.coloured) == (other.texts, other.plain, other.coloured)


def test_every_colour_has_names_in_both_languages() -> None:
    assert len(COLOURS_JA) == len(COLOURS_EN) == 12
    assert len({name for names in COLOURS_JA for name in names}) == sum(map(len, COLOURS_JA))
