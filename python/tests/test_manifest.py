"""model.json: what is written, in which form, and which files belong to the folder."""

import json
from pathlib import Path

import pytest

from mitsuke_export import manifest
from mitsuke_export.source import Source
from mitsuke_fixtures.paths import DEMO_MODEL, EXPORTED_MODELS

SOURCE = Source("organisation/Model", Path("/nowhere"), "0123456789abcdef0123")
PREPROCESSING = {
    "size": {"height": 2, "width": 2}, "mean": [0.5] * 3, "std": [0.25] * 3,
    "resize": {"mode": "exact", "size": 2}, "crop": "none", "interpolation": "bicubic",
}  # fmt: skip
TEXT = {"cleaning": ["nfkc"], "context_length": 8, "prefix_ids": [1], "suffix_ids": [], "pad_id": 0, "id_offset": 0, "inputs": ["input_ids"]}

IMAGE_BF16 = {"file": "image.bf16.pt", "precision": "bfloat16", "cosine": 0.9995}
TEXT_BF16 = {"file": "text.bf16.pt", "precision": "bfloat16", "cosine": 0.9991}
IMAGE_INT8 = {"file": "image.int8.pt", "precision": "int8", "cosine": 0.9994, "centred_error": 0.021, "method": "smoothed", "kept_float32": 0}


def figures(**changes) -> manifest.Figures:
    values = {
        "preprocessing": PREPROCESSING,
        "text": TEXT,
        "image_tower": {"cosine": 1.0, "dimension": 3},
        "text_tower": {"cosine": 0.99999, "padding": "longest"},
        "variants": {"image": [IMAGE_BF16], "text": [TEXT_BF16]},
        "reference": {"texts": [[0.0, 0.6, 0.8]], "images": [[1.0, 0.0, -1e-07]]},
    }
    return manifest.Figures(**{**values, **changes})


def document(about: manifest.About | None = None, **changes) -> dict:
    about = about or manifest.About(SOURCE, None, None, None, "MIT")
    return manifest.document(about, figures(**changes), ["猫"], ["reference/a.png"], lambda name: f"digest of {name}")


def test_manifest_holds_what_a_server_reads() -> None:
    assert document() == {
        "format": 1,
        "model_name": "model",
        "model_version": "0123456789ab",
        "vector_dimension": 3,
        "licence": "MIT",
        "description": "organisation/Model, exported for Mitsuke.",
        "image": {
            "file": "image.pt",
            "sha256": "digest of image.pt",
            "stored_precision": "float32",
            "variants": [
                {"file": "image.bf16.pt", "sha256": "digest of image.bf16.pt", "precision": "bfloat16", "agreement": 0.9995},
            ],
            "input_name": "pixel_values",
            **PREPROCESSING,
        },
        "text": {
            "file": "text.pt",
            "sha256": "digest of text.pt",
            "stored_precision": "float32",
            "variants": [
                {"file": "text.bf16.pt", "sha256": "digest of text.bf16.pt", "precision": "bfloat16", "agreement": 0.9991},
            ],
            "tokenizer": {"file": "tokenizer.json", "sha256": "digest of tokenizer.json"},
            **TEXT,
            "padding": "longest",
        },
        "export": {
            "source": "organisation/Model", "revision": "0123456789abcdef0123", "image_agreement": 1.0, "text_agreement": 0.99999,
        },
        "reference": {
            "texts": [{"text": "猫", "vector": [0.0, 0.6, 0.8]}],
            "images": [{"file": "reference/a.png", "sha256": "digest of reference/a.png", "vector": [1.0, 0.0, -1e-07]}],
        },
    }  # fmt: skip


def test_users_words_replace_those_of_the_source() -> None:
    written = document(manifest.About(SOURCE, "mine", "2", "A model of mine.", "CC0-1.0"))
    names = ("model_name", "model_version", "description", "licence")
    assert [written[name] for name in names] == ["mine", "2", "A model of mine.", "CC0-1.0"]


def test_version_without_a_commit_is_a_digest_of_the_weights() -> None:
    written = document(manifest.About(Source("folder", Path("/x/folder")), None, None, None, "MIT"))
    assert written["model_version"] == "digest of image.pt"[:12]


def test_variant_that_was_left_out_is_not_named() -> None:
    written = document(variants={"image": [], "text": []})
    assert "variants" not in written["image"]
    assert "variants" not in written["text"]


def test_variants_keep_their_order() -> None:
    other = {**IMAGE_BF16, "file": "image.f16.pt", "precision": "float16"}
    written = document(variants={"image": [IMAGE_BF16, other], "text": []})
    assert [variant["precision"] for variant in written["image"]["variants"]] == ["bfloat16", "float16"]
    assert {"image.bf16.pt", "image.f16.pt"} <= manifest.files_of(written)


def test_variant_in_8_bits_says_how_it_was_made() -> None:
    written = document(variants={"image": [IMAGE_INT8, IMAGE_BF16], "text": []})
    assert written["image"]["variants"][0] == {
        "file": "image.int8.pt",
        "sha256": "digest of image.int8.pt",
        "precision": "int8",
        "agreement": 0.9994,
        "centred_error": 0.021,
        "method": "smoothed",
        "kept_float32": 0,
    }


def test_every_reference_needs_its_vector() -> None:
    with pytest.raises(ValueError, match="zip"):
        document(reference={"texts": [], "images": [[1.0, 0.0, 0.0]]})


def test_files_of_a_folder_are_those_that_the_manifest_names() -> None:
    assert manifest.files_of(document()) == {
        "model.json", "image.pt", "image.bf16.pt", "text.pt", "text.bf16.pt", "tokenizer.json", "reference/a.png",
    }  # fmt: skip


def test_vectors_take_one_line_and_texts_stay_readable() -> None:
    text = manifest.dumps(document())
    assert '"vector": [1.0, 0.0, -1e-07]' in text
    assert '"prefix_ids": [1]' in text
    assert '"text": "猫"' in text
    assert text.endswith("}\n")
    assert json.loads(text) == document()


@pytest.mark.parametrize("folder", [DEMO_MODEL, EXPORTED_MODELS / "clip", EXPORTED_MODELS / "japanese"], ids=lambda path: path.name)
def test_committed_manifests_have_this_form(folder: Path) -> None:
    text = (folder / "model.json").read_text(encoding="utf-8")
    written = json.loads(text)
    assert manifest.dumps(written) == text
    assert [name for name in manifest.files_of(written) if not (folder / name).is_file()] == []


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\nA model.\n", "mit"),
        ("---\nlicense: other\nlicense_name: my-licence\n---\n", "my-licence"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlanguage: ja\n---\n", None),
        ("---\nlicense: [broken\n---\n", None),
        ("---\njust words\n---\n", None),
        ("# A model without a header\n", None),
    ],
)
def test_licence_is_that_of_the_model_card(card: str, licence: str | None, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed (pip install -e './python[test]')")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert manifest.licence_of(Source("a/b", tmp_path)) == licence


def test_no_card_means_no_licence(tmp_path: Path) -> None:
    assert manifest.licence_of(Source("a/b", tmp_path)) is None
    assert manifest.licence_of(Source("open_clip:a:b", None, open_clip=("a", "b"))) is None
