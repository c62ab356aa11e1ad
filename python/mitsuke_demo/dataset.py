"""The data of training: items, texts, cached features, and how well each text fits each picture."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import torch

from . import labels, sentence_encoder
from .features import EMOJI_STYLES, main_emoji


@dataclasses.dataclass
class Folders:
    """The folders in which steps keep their results."""

    packages: Path  # unpacked wheels
    modules: Path  # node_modules
    art: Path  # rendered drawings
    features: Path
    photos: Path


class Texts:
    """The vocabulary with its sentence vectors, from which texts for items are drawn."""

    def __init__(self, folders: Folders, photo_items: list[labels.Item]):
        self.groups = {
            "emoji": labels.emoji_items(folders.modules, folders.art),
            "clipart": labels.clipart_items(folders.art),
            "class": labels.class_items(),
            "photo": photo_items,
        }
        self.vocabulary = labels.Vocabulary(self.groups)
        pooled = sentence_encoder.TextCache(folders.packages, folders.features.parent / "texts.pt")(self.vocabulary.texts)
        dense = sentence_encoder.UseDense(folders.packages)
        with torch.inference_mode():
            self.sentences = torch.cat([dense(chunk) for chunk in pooled.split(4096)]).clone()
        self._weigh_keywords()
        self.membership = {group: membership(self.vocabulary, group) for group in self.groups}
        self.choices = {group: [self._choices(item) for item in items] for group, items in self.groups.items()}

    def sentence_of(self, term: str) -> torch.Tensor:
        """Returns the sentence vector of a term."""
        return self.sentences[self.vocabulary.plain[self.vocabulary.terms[term]][0]]

    def _weigh_keywords(self) -> None:
        """Gives keywords far from the name in meaning less weight; 犬 is a keyword of 🦴, for example."""
        for item in self.groups["emoji"] + self.groups["clipart"]:
            names = [term for term, weight in item.terms.items() if weight == labels.NAME]
            loose = [term for term, weight in item.terms.items() if weight == labels.BROADER]
            if not names or not loose:
                continue
            nearness = torch.stack([self.sentence_of(t) for t in loose]) @ torch.stack([self.sentence_of(t) for t in names]).T
            for term, near in zip(loose, nearness.max(1)[0].tolist()):
                item.terms[term] = min(0.9, max(0.25, 1.3 * near - 0.2))

    def _choices(self, item: labels.Item) -> dict[bool, tuple[list[int], list[float]]]:
        """Returns the (term numbers, weights) to draw from, by whether the terms are Japanese.

        Names are drawn about as often as all other terms together.
        """
        out = {}
        for japanese in (True, False):
            terms = [(t, w) for t, w in item.terms.items() if labels.is_japanese(t) == japanese]
            if terms:
                total = sum(w for _, w in terms if w < 0.99) or 1.0
                names = sum(w > 0.99 for _, w in terms) or 1
                out[japanese] = (
                    [self.vocabulary.terms[t] for t, _ in terms],
                    [1.2 / names if w > 0.99 else w / total for _, w in terms],
                )
        return out

    def draw(self, group: str, index: int, rng: random.Random) -> tuple[int, int]:
        """Returns a random (text, term) for an item, Japanese four times out of five; (-1, -1) without any term."""
        choices = self.choices[group][index]
        if not choices:
            return -1, -1
        terms, weights = choices.get(rng.random() < 0.8) or next(iter(choices.values()))
        term = rng.choices(terms, weights)[0]
        return rng.choice(self.vocabulary.plain[term]), term


@dataclasses.dataclass
class Drawings:
    """Cached features of drawings, one row each."""

    features: torch.Tensor  # features of the untuned tail, half precision
    group: torch.Tensor  # 0 emoji, 1 clip-art
    index: torch.Tensor  # item within its group
    colour: torch.Tensor
    weight: torch.Tensor  # sampling weight
    files: list[tuple[Path, int]]  # split map files with their numbers of rows, in row order


def membership(vocabulary: labels.Vocabulary, group: str) -> torch.Tensor:
    """Returns the weights [terms, items] of a group."""
    items = vocabulary.groups[group]
    weights = torch.zeros(len(vocabulary.terms), len(items))
    for column, item in enumerate(items):
        for term, weight in item.terms.items():
            weights[vocabulary.terms[term], column] = weight
    return weights


def load_drawings(folders: Folders, texts: Texts) -> Drawings:
    """Reads the features of all passes and styles but the held-out one."""
    number = {g: {item.key: i for i, item in enumerate(texts.groups[g])} for g in ("emoji", "clipart")}
    features, group, index, colour, weight, files = [], [], [], [], [], []
    for file in sorted(folders.features.glob("*.pt")):
        style, pass_name = file.stem.rsplit(".", 1)
        if pass_name == "plain" or style not in EMOJI_STYLES + ["openclipart"] or not file.with_suffix(".tail").exists():
            continue
        data = torch.load(file, mmap=True)
        name = "clipart" if style == "openclipart" else "emoji"
        rows = torch.tensor([number[name][key] for key in data["keys"]])
        features.append(torch.load(file.with_suffix(".tail")))
        group.append(torch.full((len(rows),), int(name == "clipart")))
        index.append(rows)
        colour.append(data["colour"])
        weight.append(torch.tensor([texts.groups[name][i].rare for i in rows.tolist()]))
        files.append((file, len(rows)))
    return Drawings(torch.cat(features), torch.cat(group), torch.cat(index), torch.cat(colour), torch.cat(weight), files)


class StyleTest:
    """The plain pictures of one style, with their Japanese names as queries."""

    def __init__(self, folders: Folders, texts: Texts, style: str):
        data = torch.load(folders.features / f"{style}.plain.pt", mmap=True)
        names = labels.emoji_names(folders.modules)
        keep = main_emoji(folders.art)
        rows = [i for i, key in enumerate(data["keys"]) if key in keep]
        self.keys = [data["keys"][i] for i in rows]
        self.names = [names[key] for key in self.keys]
        self.split = data["split"][rows]
        self.statistics = data["statistics"][rows]
        self.features = torch.load(folders.features / f"{style}.plain.tail")[rows].float()
        pooled = sentence_encoder.TextCache(folders.packages, folders.features.parent / "texts.pt")(self.names)
        with torch.inference_mode():
            self.sentences = sentence_encoder.UseDense(folders.packages)(pooled).clone()


def recall(similarity: torch.Tensor) -> list[float]:
    """Returns R@1, R@5 and R@10 in per cent of similarities [texts, pictures] whose right pairs are on the diagonal."""
    rank = (similarity > similarity.diag()[:, None]).sum(1)
    return [round(float((rank < k).float().mean()) * 100, 1) for k in (1, 5, 10)]


def photo_fit(texts: Texts, items: list[labels.Item], sure: float = 0.72, unsure: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns how well every term fits every photograph, and which pairs are left out; both [terms, photographs].

    Labels are short and never complete. A term close in meaning to one of them fits, too. A pair that is neither close
    nor far is left out of the comparison. All other terms count as wrong for the photograph.
    """
    terms = list(texts.vocabulary.terms)
    sentences = texts.sentences[[texts.vocabulary.plain[i][0] for i in range(len(terms))]]
    fit = torch.zeros(len(terms), len(items))
    leave = torch.zeros(len(terms), len(items), dtype=torch.bool)
    for column, item in enumerate(items):
        own = [texts.vocabulary.terms[t] for t in item.terms]
        near = (sentences @ sentences[own].T).max(1)[0]
        fit[:, column] = ((near - sure) / (1 - sure)).clamp(0, 0.8)
        leave[:, column] = near > unsure
        for term, weight in item.terms.items():
            fit[texts.vocabulary.terms[term], column] = weight
    return fit, leave & (fit == 0)


def load_photo_views(files: list[Path]) -> dict:
    """Returns several passes of views as one: {features, statistics, keys, plain}."""
    parts = [torch.load(file) for file in files]
    return {
        "features": torch.cat([torch.load(file.with_suffix(".tail")) for file in files]),
        "statistics": torch.cat([part["statistics"] for part in parts]),
        "keys": [key for part in parts for key in part["keys"]],
        "plain": torch.cat([part["plain"] for part in parts]),
    }
