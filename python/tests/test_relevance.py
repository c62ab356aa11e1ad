"""The calibration of relevance, on made-up vectors whose answers are known."""

from pathlib import Path

import numpy as np
import pytest

from mitsuke_export import nonsense, relevance

REPOSITORY = Path(__file__).resolve().parents[2]
DIMENSION = 24


def kept_out() -> list[str]:
    lines = (REPOSITORY / "tests/soak/nonsense_queries.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines if not line.startswith("#")]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class World:
    """Things with pictures around them. Texts that name a thing lie between it and the side of all such texts."""

    def __init__(self, things: int = 60, pictures: int = 5):
        self.rng = np.random.default_rng(3)
        self.things = unit(self.rng.normal(size=(things, DIMENSION)))
        self.side = np.eye(DIMENSION)[0]
        near = np.repeat(self.things, pictures, axis=0) + self.rng.normal(size=(things * pictures, DIMENSION)) * 0.15
        answers = [set(range(thing * pictures, (thing + 1) * pictures)) for thing in range(things)]
        self.collection = relevance.Collection(unit(near), [(f"thing {n}", right) for n, right in enumerate(answers)])

    def encode(self, texts: list[str]) -> np.ndarray:
        """Returns the thing and the side for `thing N`, and another direction on the other side for any other text."""

        def vector(text: str) -> np.ndarray:
            word, _, number = text.rpartition(" ")
            if word == "thing":
                return self.things[int(number)] + self.side
            return self.rng.normal(size=DIMENSION) * 0.2 - self.side

        return unit(np.stack([vector(text) for text in texts]))


@pytest.fixture(scope="module")
def calibrated() -> tuple[World, dict]:
    world = World()
    return world, relevance.calibrate([world.collection], world.encode, [])


def test_right_hits_are_relevant_and_others_are_not(calibrated):
    world, entry = calibrated
    queries = world.encode([text for text, _ in world.collection.queries])
    order, similarities = relevance.first_hits(world.collection.vectors, queries)
    right, wrong = [], []
    for query, rows, row_similarities, (_, answers) in zip(queries, order, similarities, world.collection.queries):
        for row, one in zip(rows, relevance.relevance(entry, query, row_similarities, len(world.collection.vectors))):
            (right if row in answers else wrong).append(one)
    assert np.mean(np.array(right) >= 0.5) > 0.95
    assert np.mean(np.array(wrong) >= 0.5) < 0.9
    assert np.percentile(right, 25) > np.percentile(wrong, 90)


def test_no_hit_of_nonsense_is_likely(calibrated):
    world, entry = calibrated
    for query in world.encode(kept_out()):
        similarities = world.collection.vectors @ query
        assert relevance.relevance(entry, query, similarities, len(similarities)).max() < 0.5


def test_the_entry_keeps_the_rules_of_the_manifest(calibrated):
    _, entry = calibrated
    assert 0 < entry["deviation"] <= 1 and len(entry["text"]["direction"]) == DIMENSION
    assert entry["text"]["answered"]["best"] >= 0
    for right in (entry["text"]["right"], entry["image"]):
        assert right["similarity"] >= 0 >= right["gap"]


def test_a_calibration_needs_enough_right_hits():
    world = World(things=4, pictures=2)
    with pytest.raises(ValueError, match="fewer than 30 right pictures"):
        relevance.calibrate([world.collection], world.encode, [])


def test_the_regression_finds_the_coefficients_that_made_its_labels():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(40_000, 2))
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-(0.3 + 1.5 * inputs[:, 0] - 2 * inputs[:, 1])))).astype(float)
    found = relevance.regression(inputs, labels, labels.mean(), 1e-9)
    assert np.allclose(found, [0.3, 1.5, -2.0], atol=0.06)


def test_the_best_similarity_by_chance_is_that_of_normal_variables():
    rng = np.random.default_rng(1)
    largest = rng.normal(scale=0.06, size=(500, 2_000)).max(axis=1).mean()
    assert largest < relevance.chance(0.06, 2_000) < 1.2 * largest
    assert relevance.chance(0.06, 1) == relevance.chance(0.06, 0) == 0


def test_nonsense_is_the_same_for_a_seed_and_leaves_the_tested_queries_out():
    drawn = nonsense.drawn(500, 1)
    assert drawn == nonsense.drawn(500, 1) != nonsense.drawn(500, 2)
    assert len(set(drawn)) > 450
    tested = kept_out()
    assert len(set(tested)) == 100
    assert not set(tested) & {*nonsense.LISTED, *nonsense.drawn(relevance.DRAWN, 1)}
