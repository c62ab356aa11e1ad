"""Traced towers compute what the module computes, on any device, and hold nothing else."""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[export]')")

from mitsuke_export import towers  # noqa: E402
from mitsuke_export.errors import ExportError  # noqa: E402
from mitsuke_export.graph import precisions, rewrite  # noqa: E402


class Dual(torch.nn.Module):
    """A model with two towers, one of which makes positions of its own."""

    def __init__(self):
        super().__init__()
        self.vision = torch.nn.Linear(4, 3)
        self.words = torch.nn.Embedding(10, 3)
        self.places = torch.nn.Embedding(10, 3)

    def get_image_features(self, pixel_values):
        return SimpleNamespace(pooler_output=self.vision(pixel_values))

    def get_text_features(self, input_ids):
        return (self.words(input_ids) + self.places(torch.arange(input_ids.shape[1]))).mean(1)


@pytest.fixture
def model() -> Dual:
    torch.manual_seed(1)
    return Dual().eval()


def test_vectors_are_found_in_every_kind_of_output() -> None:
    vector = torch.ones(1, 2)
    assert towers.features(vector) is vector
    assert towers.features(SimpleNamespace(pooler_output=None, text_embeds=vector)) is vector
    assert towers.features((vector, "more")) is vector


def traced(tower: towers.Tower, example: tuple, path: Path) -> None:
    """Writes a tower in float32, as an export does."""
    towers.write(precisions.float32(rewrite.frozen(tower, example)), path)


def test_written_tower_holds_its_own_weights_only(model: Dual, tmp_path: Path) -> None:
    path = tmp_path / "image.pt"
    traced(towers.Tower(model, "get_image_features", ["pixel_values"]), (torch.randn(2, 4),), path)
    loaded = torch.jit.load(str(path))
    assert [name for name, _ in loaded.named_children()] == ["model_vision"]
    assert list(loaded.buffers()) == list(loaded.parameters()) == []


def test_traced_tower_takes_any_batch_and_length(model: Dual, tmp_path: Path) -> None:
    tower = towers.Tower(model, "get_text_features", ["input_ids"])
    path = tmp_path / "text.pt"
    traced(tower, (torch.tensor([[1, 2, 3], [4, 5, 6]]),), path)
    loaded = torch.jit.load(str(path))
    for ids in ([[1]], [[7, 8, 9, 1, 2]], [[1, 2], [3, 4], [5, 6]]):
        assert torch.allclose(loaded(torch.tensor(ids)), tower(torch.tensor(ids)))
    assert [path.name for path in tmp_path.iterdir()] == ["text.pt"]


def test_traced_file_names_no_files_and_has_fixed_times(model: Dual, tmp_path: Path) -> None:
    path = tmp_path / "image.pt"
    traced(towers.Tower(model, "get_image_features", ["pixel_values"]), (torch.randn(2, 4),), path)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    assert {entry.filename.split("/")[0] for entry in entries} == {"image"}
    assert not [entry.filename for entry in entries if entry.filename.endswith(".debug_pkl")]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert str(Path(__file__).parent).encode() not in path.read_bytes()


def test_lowest_cosine_of_a_vector_that_is_no_number_is_minus_one() -> None:
    one = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert towers.lowest(one, one, "tower") == 1.0
    assert towers.lowest(torch.tensor([[1.0, 0.0], [float("nan"), 1.0]]), one, "tower") == -1.0


def test_vectors_of_another_shape_are_refused() -> None:
    with pytest.raises(ExportError, match=r"returns the shape \(1, 2\), the original \(1, 3\)"):
        towers.lowest(torch.ones(1, 2), torch.ones(1, 3), "the text tower")
