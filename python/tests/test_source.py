"""Sources of models: names, fingerprints, and the files that are downloaded."""

import os
from pathlib import Path

import pytest

from mitsuke_export.errors import ExportError
from mitsuke_export.source import Source, resolve, wanted


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Source("stabilityai/Japanese-Stable-CLIP", Path("/cache/snapshot"), "0123456789abcdef"), "japanese-stable-clip"),
        (Source("models/Mine", Path("/models/Mine")), "mine"),
        (Source("open_clip:ViT-B-32:laion2b", None, open_clip=("ViT-B-32", "laion2b")), "vit-b-32-laion2b"),
        (Source("open_clip:ViT-B-32:/x/epoch_9.pt", None, open_clip=("ViT-B-32", "/x/epoch_9.pt")), "vit-b-32-epoch_9"),
    ],
    ids=["hub", "folder", "tag", "checkpoint file"],
)
def test_name_comes_from_the_source(source: Source, name: str) -> None:
    assert source.name == name


def test_folder_is_resolved_without_a_network(tmp_path: Path) -> None:
    source = resolve(str(tmp_path), None)
    assert (source.folder, source.revision, source.open_clip) == (tmp_path.resolve(), None, None)


def test_open_clip_source_keeps_colons_in_the_weights() -> None:
    assert resolve("open_clip:ViT-B-32:hf-hub:a/b", None).open_clip == ("ViT-B-32", "hf-hub:a/b")


@pytest.mark.parametrize("given", ["one-word", "a/b/c", "../up", "a b/c"])
def test_other_names_are_refused(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExportError, match="neither a folder nor a name"):
        resolve(given, None)


def test_one_format_of_weights_is_downloaded() -> None:
    names = [
        "config.json", "README.md", "modeling_x.py", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack",
        "onnx/model.onnx", ".gitattributes", "text/pytorch_model.bin",
    ]  # fmt: skip
    assert wanted(names) == ["config.json", "README.md", "modeling_x.py", "model.safetensors", "text/pytorch_model.bin"]


def test_older_weights_are_downloaded_where_there_are_no_others() -> None:
    assert wanted(["pytorch_model.bin", "config.json"]) == ["pytorch_model.bin", "config.json"]


def test_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"1")
    source = Source(str(tmp_path), tmp_path)
    before = source.fingerprint()
    assert source.fingerprint() == before
    os.utime(file, ns=(1, 1))
    assert source.fingerprint() != before


def test_fingerprint_of_a_hub_model_is_that_of_its_commit(tmp_path: Path) -> None:
    one, other = (Source("a/b", tmp_path, revision).fingerprint() for revision in ("1" * 40, "2" * 40))
    (tmp_path / "new").write_bytes(b"1")
    assert Source("a/b", tmp_path, "1" * 40).fingerprint() == one != other
