"""Calibrates relevance: the probability that a hit is what its query asks for.

The relevance of a hit is the product of two logistic regressions (the chain rule of probability):

- that any picture answers the query: from the direction of the query's vector, which tells texts that name something to
  see from other texts, and from how far the best similarity of the query lies above what chance gives;
- that this hit is right if so: from its similarity, and from how far it lies below the best one.

Chance gives a best similarity of about deviation × √(2 ln n) among n pictures, the expected largest of n normal variables.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Callable

import numpy as np

from . import nonsense

# The shares in the sum of weights of a regression: of the texts without an answer, of the right hits of texts, and of those
# of pictures. A mark on a hit of nonsense costs more than a missing one; a missing mark on a right hit costs more than one
# too many.
NONSENSE_SHARE = 0.75
RIGHT_SHARE = 0.95
ALIKE_SHARE = 0.7
# The number of hits of a query that are looked at, which is a page.
PAGE = 20
# Collections of these sizes are drawn from every collection, because the best similarity grows with the size.
SIZES = (64, 200, 800)
QUERIES = 300
# The number of texts without an answer that are drawn, besides those that are listed.
DRAWN = 4400
# The ridge penalty on the direction, which has many coefficients, and on the other regressions, which it only keeps finite.
# Weights sum to 1.
RIDGE = 0.005
TINY = 1e-6
# A regression on fewer right hits than this would be chance.
LEAST_HITS = 30


@dataclass
class Collection:
    """Pictures with queries and their right answers."""

    vectors: np.ndarray  # unit vectors of the pictures, float32 [pictures, dimension]
    queries: list[tuple[str, set[int]]]  # a text, and the rows of the pictures that answer it

    def drawn(self, size: int, rng: np.random.Generator) -> "Collection":
        """Returns `size` of the pictures, with the queries that they answer."""
        rows = rng.permutation(len(self.vectors))[:size]
        place = {int(row): number for number, row in enumerate(rows)}
        queries = [(text, {place[row] for row in right if row in place}) for text, right in self.queries]
        queries = [query for query in queries if query[1]]
        chosen = rng.permutation(len(queries))[:QUERIES]
        return Collection(self.vectors[rows], [queries[number] for number in chosen])


def regression(features: np.ndarray, labels: np.ndarray, share: float, ridge: float) -> np.ndarray:
    """Returns the coefficients of a logistic regression, the intercept first, found by Newton's method.

    The examples with label 1 have `share` of the sum of weights.
    """
    counts = labels.sum(), len(labels) - labels.sum()
    weights = np.where(labels == 1, share / counts[0], (1 - share) / counts[1])
    inputs = np.column_stack([np.ones(len(features)), features])
    penalty = np.r_[0.0, np.full(features.shape[1], ridge)]
    found = np.zeros(inputs.shape[1])
    for _ in range(60):
        guess = 1 / (1 + np.exp(-np.clip(inputs @ found, -30, 30)))
        slope = inputs.T @ (weights * (guess - labels)) + penalty * found
        curve = (inputs * (weights * guess * (1 - guess))[:, None]).T @ inputs + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, slope)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    return found


def _half(text: str) -> int:
    return zlib.crc32(text.encode()) % 2


def direction(shown: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the coefficients that tell vectors of texts that name something to see from other texts' vectors."""
    labels = np.r_[np.ones(len(shown)), np.zeros(len(other))]
    return regression(np.concatenate([shown, other]), labels, 0.5, RIDGE)


def chance(deviation: float, pictures: int) -> float:
    """Returns the best similarity that chance gives among so many pictures."""
    return deviation * float(np.sqrt(2 * np.log(max(pictures, 1))))


@dataclass
class _Texts:
    """The examples that texts give to both regressions, as lists of arrays."""

    queries: list[np.ndarray]  # [examples, 2]: value of the direction, best similarity above chance
    answered: list[np.ndarray]
    hits: list[np.ndarray]  # [examples, 2]: similarity, distance from the best similarity
    right: list[np.ndarray]

    def add(self, one: Collection, vectors: np.ndarray, values: np.ndarray, right: list[set[int]], deviation: float) -> None:
        """Adds queries with their hits. A query whose right pictures are not among the hits says nothing and is left out."""
        order, similarities = first_hits(one.vectors, vectors)
        is_right = np.array([[row in wanted for row in rows] for rows, wanted in zip(order.tolist(), right)])
        found = is_right.any(axis=1)
        used = found | np.array([not wanted for wanted in right])
        above = similarities[:, 0] - chance(deviation, len(one.vectors))
        self.queries.append(np.column_stack([values, above])[used])
        self.answered.append(found[used])
        gaps = similarities[:, :1] - similarities
        self.hits.append(np.stack([similarities, gaps], axis=2)[found].reshape(-1, 2))
        self.right.append(is_right[found].reshape(-1))


def first_hits(pictures: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of the first hits of every query, [queries, hits], and their similarities."""
    similarities = queries @ pictures.T
    order = np.argsort(-similarities, axis=1)[:, :PAGE]
    return order, np.take_along_axis(similarities, order, axis=1)


def calibrate(
    collections: list[Collection], encode: Callable[[list[str]], np.ndarray], vocabulary: list[str], seed: int = 1
) -> dict:
    """Returns the entry `relevance` of a manifest.

    `encode` returns the unit vectors of texts. `vocabulary` holds texts that name something to see, besides the queries of
    the collections. Raises ValueError where the collections hold too few right hits.
    """
    if sum(len(right) for one in collections for _, right in one.queries) < LEAST_HITS:
        raise ValueError(f"the queries name fewer than {LEAST_HITS} right pictures")
    rng = np.random.default_rng(seed)
    shown = list(dict.fromkeys([*vocabulary, *(text for one in collections for text, _ in one.queries)]))
    other = list(dict.fromkeys([*nonsense.LISTED, *nonsense.drawn(DRAWN, seed)]))
    other = [text for text in other if text not in set(shown)]
    vectors = dict(zip([*shown, *other], encode([*shown, *other])))
    of = lambda texts: np.stack([vectors[text] for text in texts])  # noqa: E731
    deviation = float(np.median(np.concatenate([(of(other) @ one.vectors.T).std(axis=1) for one in collections])))

    # The regressions see a text's value by a direction that was found without the text.
    if len({_half(text) for text in shown}) < 2:
        raise ValueError("there are too few queries")
    halves = [
        direction(of([t for t in shown if _half(t) == half]), of([t for t in other if _half(t) == half])) for half in (0, 1)
    ]
    value = lambda text: float(halves[1 - _half(text)] @ np.r_[1.0, vectors[text]])  # noqa: E731
    texts = _Texts([], [], [], [])
    for whole in collections:
        for size in [*(size for size in SIZES if size < len(whole.vectors)), len(whole.vectors)]:
            one = whole.drawn(size, rng)
            nothing = [other[number] for number in rng.permutation(len(other))[:QUERIES]]
            asked = [text for text, _ in one.queries] + nothing
            right = [answers for _, answers in one.queries] + [set() for _ in nothing]
            texts.add(one, of(asked), np.array([value(text) for text in asked]), right, deviation)
    right = np.concatenate(texts.right).astype(float)
    if right.sum() < LEAST_HITS or right.all():
        raise ValueError(f"the queries have fewer than {LEAST_HITS} right hits, or no wrong ones")
    answered = regression(
        np.concatenate(texts.queries), np.concatenate(texts.answered).astype(float), 1 - NONSENSE_SHARE, TINY
    )
    whole = direction(of(shown), of(other)) * answered[1]
    text = {
        "direction": [_number(x) for x in whole[1:]],
        "answered": {"intercept": _number(answered[0] + whole[0]), "best": _number(max(answered[2], 0))},
        "right": _right(regression(np.concatenate(texts.hits), right, RIGHT_SHARE, TINY)),
    }
    entry = {"deviation": _number(deviation), "text": text}
    pictures = [alike(one) for one in collections]
    hits, right = (np.concatenate([part[i] for part in pictures]) for i in (0, 1))
    if right.sum() >= LEAST_HITS and not right.all():
        entry["image"] = _right(np.r_[regression(hits, right, ALIKE_SHARE, TINY), 0.0])
    return entry


def _number(value: float) -> float:
    return round(float(value), 4)


def _right(coefficients: np.ndarray) -> dict:
    """Returns the regression of hits as the manifest holds it: relevance never grows with the distance."""
    intercept, similarity, gap = coefficients
    return {"intercept": _number(intercept), "similarity": _number(max(similarity, 0)), "gap": _number(min(gap, 0))}


def alike(one: Collection) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hits of pictures as queries: their similarities [hits, 1], and whether they answer a query that the
    picture answers, too. Pictures that are alone with their queries say nothing and are left out."""
    wanted: list[set[int]] = [set() for _ in one.vectors]
    for _, right in one.queries:
        for row in right:
            wanted[row] |= right - {row}
    rows = [row for row, others in enumerate(wanted) if others]
    if not rows:
        return np.empty((0, 1)), np.empty(0)
    order, similarities = first_hits(one.vectors, one.vectors[rows])
    kept = order != np.array(rows)[:, None]
    is_right = np.array([[hit in wanted[row] for hit in hits] for row, hits in zip(rows, order.tolist())])
    return similarities[kept][:, None], is_right[kept].astype(float)


def relevance(entry: dict, query: np.ndarray, similarities: np.ndarray, pictures: int) -> np.ndarray:
    """Returns the relevance of hits of a query by text, from their similarities; the largest of them is the best one."""
    answered, right = entry["text"]["answered"], entry["text"]["right"]
    best = similarities.max()
    above = best - chance(entry["deviation"], pictures)
    first = answered["intercept"] + query @ np.array(entry["text"]["direction"]) + answered["best"] * above
    second = right["intercept"] + right["similarity"] * similarities + right["gap"] * (best - similarities)
    return 1 / (1 + np.exp(-first)) / (1 + np.exp(-second))
