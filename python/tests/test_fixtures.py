"""The committed fixtures are those that their makers write."""

from pathlib import Path

import pytest

from mitsuke_fixtures import golden, image_files, resize_cases
from mitsuke_fixtures.paths import GOLDEN, IMAGE_FILES, RESIZE_CASES


def test_resize_cases() -> None:
    assert RESIZE_CASES.read_text(encoding="utf-8") == resize_cases.text()


def test_image_files(tmp_path: Path) -> None:
    image_files.write(tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir()) if path.read_bytes() != (IMAGE_FILES / path.name).read_bytes()] == []


def test_golden_pictures() -> None:
    files, _ = golden.picture_files()
    assert {path.name for path in GOLDEN.iterdir()} == {*files, "golden.json"}
    assert [name for name, data in files.items() if (GOLDEN / name).read_bytes() != data] == []


def test_golden_table(tmp_path: Path) -> None:
    for package in ("torch", "tokenizers"):
        pytest.importorskip(package, reason=f"{package} is not installed (pip install -e './python[demo]')")
    import json

    from mitsuke_demo.pipeline import Pipeline
    from mitsuke_fixtures.paths import DEMO_MODEL

    made = json.loads(golden.table(Pipeline(DEMO_MODEL), *golden.picture_files()))
    committed = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
    for kind, name in (("images", "file"), ("texts", "text")):
        assert [case[name] for case in made[kind]] == [case[name] for case in committed[kind]]
        for one, other in zip(made[kind], committed[kind]):
            assert one["vector"] == pytest.approx(other["vector"], abs=1e-4), one[name]
    assert [case["ids"] for case in made["texts"]] == [case["ids"] for case in committed["texts"]]


def test_older_manifest_is_that_of_the_exported_model() -> None:
    pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[export]')")
    import json

    from mitsuke_export.manifest import dumps
    from mitsuke_fixtures.exported_models import as_version_0_1
    from mitsuke_fixtures.paths import EXPORTED_MODELS, OLDER_MANIFEST

    manifest = json.loads((EXPORTED_MODELS / "clip" / "model.json").read_text(encoding="utf-8"))
    assert OLDER_MANIFEST.read_text(encoding="utf-8") == dumps(as_version_0_1(manifest))
