"""The words for pictures: the terms of every emoji, clip-art, ImageNet class and photograph.

A *term* is a word or short phrase. An *item* is something with pictures (an emoji, a clip-art, a photograph) or an
ImageNet class. Terms link items across sources: 🐈, the class "Persian cat" and a photograph labelled 猫 share the term
猫, so a text about 猫 is right for all of them.
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
import unicodedata
from pathlib import Path

from .colours import COLOURS_EN, COLOURS_JA

HERE = Path(__file__).parent
# The weight of a term for an item: its name; a keyword or broader term; a thing that is often seen with it.
NAME, BROADER, CONTEXT = 1.0, 0.5, 0.25

TEMPLATES_JA = [
    "{}の絵", "{}のイラスト", "{}の写真", "{}の画像", "{}の絵文字", "{}です", "かわいい{}", "小さな{}",
    "大きな{}", "この{}", "{}がある", "{}が写っている", "{}が見える風景", "きれいな{}",
]  # fmt: skip
TEMPLATES_EN = ["a {}", "a photo of a {}", "an emoji of {}", "picture of {}", "{} illustration"]


def normal(text: str) -> str:
    """Returns a text in NFKC and lower case, trimmed."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def hiragana(text: str) -> str:
    """Returns a text with katakana replaced by hiragana."""
    return "".join(chr(ord(c) - 0x60) if 0x30A1 <= ord(c) <= 0x30F6 else c for c in text)


def katakana(text: str) -> str:
    """Returns a text with hiragana replaced by katakana."""
    return "".join(chr(ord(c) + 0x60) if 0x3041 <= ord(c) <= 0x3096 else c for c in text)


def is_japanese(text: str) -> bool:
    """Returns whether a text contains kana, kanji or other characters above U+3000."""
    return any(ord(c) > 0x3000 for c in text)


@dataclasses.dataclass
class Item:
    """An emoji, a clip-art, a photograph or an ImageNet class, with its terms."""

    key: str
    terms: dict[str, float]  # term -> weight
    colourable: bool = False  # a drawing whose main colour may be said before its name
    rare: float = 1.0  # relative sampling weight


def _emoji_key(emoji: str) -> str:
    """Returns the code points of an emoji in hex, joined by hyphens, without variation selectors."""
    return "-".join(f"{ord(c):x}" for c in emoji if ord(c) != 0xFE0F)


def emoji_items(modules: Path, art: Path) -> list[Item]:
    """Returns the emoji with their Japanese and English names and keywords in CLDR and Emojibase."""
    words: dict[str, dict[str, float]] = {}

    def add(key: str, texts: list[str], weight: float) -> None:
        terms = words.setdefault(key, {})
        for text in texts:
            if text := normal(text):
                terms[text] = max(weight, terms.get(text, 0))

    for language in ("ja", "en"):
        for package, field in (
            ("cldr-annotations-full/annotations", "annotations"),
            ("cldr-annotations-derived-full/annotationsDerived", "annotationsDerived"),
        ):
            data = json.loads((modules / package / language / "annotations.json").read_text(encoding="utf-8"))
            for emoji, entry in data[field]["annotations"].items():
                add(_emoji_key(emoji), entry.get("tts", []), NAME)
                add(_emoji_key(emoji), entry.get("default", []), BROADER)
        for entry in json.loads((modules / "emojibase-data" / language / "data.json").read_text(encoding="utf-8")):
            key = "-".join(p.lstrip("0") or "0" for p in entry["hexcode"].lower().split("-") if p != "fe0f")
            add(key, [entry["label"]], NAME)
            add(key, entry.get("tags") or [], BROADER)

    items = []
    for entry in json.loads((art / "emoji.json").read_text(encoding="utf-8")):
        terms = words.get(entry["key"], {})
        # A keyword that is part of the name ("犬" in "犬の顔") is nearly as right as the name.
        names = [t for t, weight in terms.items() if weight == NAME]
        for term, weight in terms.items():
            if weight < NAME and len(term) > 1 - is_japanese(term) and any(term in hiragana(n) or term in n for n in names):
                terms[term] = 0.8
        flag, gendered = entry["group"] == 9, entry["gender"] is not None
        items.append(Item(entry["key"], terms, colourable=not flag, rare=0.25 if flag else 0.5 if gendered else 1.0))
    return items


def emoji_names(modules: Path) -> dict[str, str]:
    """Returns the Japanese names by emoji key, which are the queries of the evaluation."""
    names = {}
    for package, field in (
        ("cldr-annotations-full/annotations", "annotations"),
        ("cldr-annotations-derived-full/annotationsDerived", "annotationsDerived"),
    ):
        data = json.loads((modules / package / "ja" / "annotations.json").read_text(encoding="utf-8"))
        for emoji, entry in data[field]["annotations"].items():
            if entry.get("tts"):
                names.setdefault(_emoji_key(emoji), normal(entry["tts"][0]))
    for entry in json.loads((modules / "emojibase-data/ja/data.json").read_text(encoding="utf-8")):
        key = "-".join(p.lstrip("0") or "0" for p in entry["hexcode"].lower().split("-") if p != "fe0f")
        names.setdefault(key, normal(entry["label"]))
    return names


def clipart_items(art: Path) -> list[Item]:
    """Returns the clip-art with its English labels.

    The sentence encoder places English labels beside their Japanese translations.
    """
    items = []
    for entry in json.loads((art / "openclipart.json").read_text(encoding="utf-8")):
        terms = {normal(word): BROADER for word in entry["words"]}
        if entry["title"]:
            terms[normal(entry["title"])] = NAME
        items.append(Item(entry["key"], terms, rare=0.6))
    return items


def class_items() -> list[Item]:
    """Returns the thousand ImageNet classes of imagenet_ja.tsv, in class order."""
    items = []
    lines = [l for l in (HERE / "imagenet_ja.tsv").read_text(encoding="utf-8").splitlines() if l and not l.startswith("#")]
    for index, line in enumerate(lines):
        names, broader, context, english = ([normal(t) for t in part.split(",") if t] for part in line.split("\t"))
        terms = {t: CONTEXT for t in context}
        terms.update({t: BROADER for t in broader})
        terms.update({t: NAME for t in names})
        terms.update({t: 0.8 for t in english})
        items.append(Item(f"class{index}", terms))
    assert len(items) == 1000
    return items


class Vocabulary:
    """All terms, each with the texts that stand for it in training."""

    def __init__(self, groups: dict[str, list[Item]], seed: int = 1):
        self.groups = groups
        self.terms: dict[str, int] = {}
        for items in groups.values():
            for item in items:
                for term in item.terms:
                    self.terms.setdefault(term, len(self.terms))
        rng = random.Random(seed)
        self.texts: list[str] = []
        self.plain: list[list[int]] = []  # term -> indices of texts without a colour
        self.coloured: dict[tuple[int, int], list[int]] = {}  # (term, colour) -> indices of texts
        self.colour_only: list[list[int]] = []
        colourable = {t for items in groups.values() for i in items if i.colourable for t in i.terms}
        for term, number in self.terms.items():
            japanese = is_japanese(term)
            variants = dict.fromkeys([term, term, hiragana(term), katakana(term)] if japanese else [term])
            texts = list(variants)
            texts += [t.format(term) for t in rng.sample(TEMPLATES_JA if japanese else TEMPLATES_EN, 3 if japanese else 2)]
            # The bare term is the usual query, so it is listed more often than each of the other texts.
            self.plain.append([self._add(term)] * 3 + [self._add(t) for t in texts[1:]])
            if term in colourable:
                for colour in rng.sample(range(12), 3):
                    text = rng.choice(COLOURS_JA[colour]) + term if japanese else f"{COLOURS_EN[colour]} {term}"
                    self.coloured.setdefault((number, colour), []).append(self._add(text))
        for colour in range(12):
            self.colour_only.append([self._add(t) for t in COLOURS_JA[colour] + [COLOURS_EN[colour]]])

    def _add(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1


def _implications() -> list[tuple[re.Pattern[str], list[str]]]:
    """Returns the rules of implied_ja.tsv: a pattern, and the terms that a label with this pattern implies."""
    lines = (HERE / "implied_ja.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(re.compile(pattern), terms.split(",")) for pattern, terms in pairs]


def photo_item(key: str, entry: dict) -> Item:
    """Returns the item of a photograph with its hand-written labels and the terms that they imply."""
    rules = _implications()
    terms: dict[str, float] = {}
    for label in entry["ja"]:
        for pattern, implied in rules:
            if pattern.search(label):
                for term in implied:
                    terms[normal(term)] = 0.6
    for label in entry["ja"] + (entry.get("en") or []):
        terms[normal(label)] = NAME
    return Item(key, terms)


def load_photo_labels(file: Path, trainable: bool) -> list[dict]:
    """Returns the entries of one side of the split. Photographs for testing are never trained on."""
    entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    side = "train" if trainable else "test"
    return [e for e in entries if e["split"] == side and (not trainable or e["trainable"])]


def photo_parts(entries: list[dict]) -> list[tuple[str, dict, list[float] | None]]:
    """Returns (key, labels, box) of every photograph and of every labelled part of one.

    A box is [left, top, right, bottom] in fractions of the picture; the whole picture has None.
    """
    parts = []
    for entry in entries:
        parts.append((entry["file"], entry, None))
        for number, crop in enumerate(entry.get("crops") or []):
            parts.append((f"{entry['file']}#{number}", crop, crop["box"]))
    return parts
