"""The model folder of the demo model, written with random weights and read as its manifest says."""

import json
from pathlib import Path

import pytest

for package in ("torch", "tokenizers"):
    pytest.importorskip(package, reason=f"{package} is not installed (pip install -e './python[demo]')")

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from torch import nn  # noqa: E402

from mitsuke_demo import export, pack  # noqa: E402
from mitsuke_demo.image_tower import ColourFeatures, Head, PhotoHead, Shared, Tail  # noqa: E402
from mitsuke_demo.pipeline import Pipeline  # noqa: E402
from mitsuke_demo.text_tower import TextHead, TextTower  # noqa: E402
from mitsuke_demo.trunk import Lite  # noqa: E402
from mitsuke_export.manifest import files_of  # noqa: E402
from mitsuke_export.pictures import scene  # noqa: E402
from mitsuke_export.work import sha256  # noqa: E402

DIMENSION = 256


class Sentences(nn.Module):
    """A sentence encoder of a small vocabulary: the mean of word vectors, where 0 is padding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(1000, 512))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = (ids != 0).unsqueeze(-1).float()
        return (self.table[ids].float() * mask).sum(1) / mask.sum(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(11)
    lite = Lite(2)
    statistics = 2 * lite.stage_channels[4] + ColourFeatures.size
    inputs = 1280 + 3 * lite.stage_channels[6] + statistics
    photo = PhotoHead(inputs, lite.classifier, DIMENSION)
    photo.class_vectors.copy_(nn.functional.normalize(torch.randn(1000, DIMENSION), dim=1))
    drawing = Head(inputs, 32, DIMENSION, dropout=0.0)
    images = export.ImageTower(Shared(lite), Tail(lite), photo, drawing, nn.Linear(statistics, 1))
    texts = TextTower(Sentences(), nn.Identity(), TextHead(DIMENSION))
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("猫", -1.0), ("a", -1.0)], unk_id=0))
    scratch = tmp_path_factory.mktemp("demo")
    reference = scratch / "scene.png"
    scene(60, 40).save(reference)
    export.write(scratch / "model", images, texts, tokenizer, "9.9.9", [reference])
    return scratch / "model"


def test_manifest_names_every_file_with_its_digest(folder: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert manifest["model_version"] == "9.9.9"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == files_of(manifest)
    for part in (manifest["image"], manifest["text"], manifest["text"]["tokenizer"], *manifest["reference"]["images"]):
        assert part["sha256"] == sha256(folder / part["file"])


def test_folder_reproduces_its_reference_vectors(folder: Path) -> None:
    pipeline = Pipeline(folder)
    references = pipeline.manifest["reference"]
    assert [case["text"] for case in references["texts"]] == export.REFERENCE_TEXTS
    for case in references["texts"]:
        assert pipeline.text(case["text"]).tolist() == pytest.approx(case["vector"], abs=1e-5)
    for case in references["images"]:
        vector = pipeline.image(Image.open(folder / case["file"]))
        assert vector.tolist() == pytest.approx(case["vector"], abs=1e-5)
        assert float(vector.norm()) == pytest.approx(1.0, abs=1e-5)


def test_ids_are_shifted_by_one_within_their_frame(folder: Path) -> None:
    assert Pipeline(folder).ids("猫　a") == [2, 4, 1, 5, 3]


def test_padding_does_not_change_a_text(folder: Path) -> None:
    pipeline = Pipeline(folder)
    with torch.no_grad():
        one = pipeline.texts(torch.tensor([[2, 4, 3]]))
        padded = pipeline.texts(torch.tensor([[2, 4, 3, 0, 0], [2, 5, 5, 5, 3]]))
    assert torch.allclose(one[0], padded[0], atol=1e-6)


def test_packing_a_folder_keeps_its_vectors(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A folder of an earlier version holds a traced image tower with plain weights."""
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    tower = torch.nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(147, DIMENSION)).eval()
    torch.jit.trace(tower, torch.zeros(2, 3, 224, 224)).half().save(tmp_path / "image.pt")
    (tmp_path / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    pixels = torch.rand(2, 3, 224, 224)
    plain = torch.jit.load(tmp_path / "image.pt").float()(pixels)
    pack.folder(tmp_path)
    assert torch.allclose(torch.jit.load(tmp_path / "image.pt").float()(pixels), plain, atol=1e-5)
    changed = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert changed["image"]["sha256"] == sha256(tmp_path / "image.pt")
    pack.folder(tmp_path)
    assert capsys.readouterr().out.splitlines()[-1].endswith("packed already")
