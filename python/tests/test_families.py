"""Every family of models is exported as a user would do it, and the folder reproduces the original.

No weights are downloaded: each family is built from its configuration with random weights and a tokenizer trained here.
`mitsuke model check` (see --mitsuke) then has to reproduce the original's vectors of drawn pictures and of a corpus of
texts, with equal ids and cosines of at least 0.9995, or 0.999 in bfloat16 and in 8 bits.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

for package in ("torch", "transformers", "open_clip"):
    pytest.importorskip(package, reason=f"{package} is not installed (pip install -e './python[export]')")

from mitsuke_fixtures.paths import ROOT  # noqa: E402
from mitsuke_fixtures.random_models import FAMILIES, huggingface, japanese  # noqa: E402
from mitsuke_fixtures.random_models.cases import export, write_cases  # noqa: E402

MECAB = ("dual-encoder-characters",)


@dataclass
class Exported:
    """A family that was built and exported."""

    folder: Path
    manifest: dict
    cases: Path
    likeness: float


def need_mecab() -> None:
    if not all(map(importlib.util.find_spec, ("fugashi", "unidic_lite"))):
        pytest.skip("fugashi and unidic-lite are not installed (pip install -e './python[mecab]')")


@pytest.fixture(scope="module", params=FAMILIES)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    if request.param in MECAB:
        need_mecab()
    build, extra = FAMILIES[request.param]
    scratch = tmp_path_factory.mktemp(request.param)
    source, out = scratch / "original", scratch / "model"
    build(source)
    status, said = export(source, out, extra)
    assert status == 0, said
    cases, likeness = write_cases(source, extra, scratch / "cases")
    return Exported(out, json.loads((out / "model.json").read_text(encoding="utf-8")), cases, likeness)


def program(config: pytest.Config) -> Path:
    mitsuke = config.getoption("--mitsuke")
    if mitsuke is None:
        pytest.skip("the program is not given (--mitsuke target/debug/mitsuke)")
    return mitsuke.resolve()


def check(mitsuke: Path, folder: Path, cases: Path, precision: str) -> None:
    command = [str(mitsuke), "model", "check", str(folder), "--cases", str(cases), "--precision", precision]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_export_equals_the_original(exported: Exported) -> None:
    agreement = exported.manifest["export"]
    assert min(agreement["image_agreement"], agreement["text_agreement"]) >= 0.9999


@pytest.mark.slow
def test_different_inputs_get_different_vectors(exported: Exported) -> None:
    assert exported.likeness < 0.97


def precisions(tower: dict) -> list[str]:
    """Returns the precisions of a tower's variants."""
    return [variant["precision"] for variant in tower.get("variants", [])]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_mitsuke_reproduces_the_original(exported: Exported, precision: str, pytestconfig: pytest.Config) -> None:
    mitsuke = program(pytestconfig)
    if precision != "float32" and not all(precision in precisions(exported.manifest[tower]) for tower in ("image", "text")):
        pytest.skip(f"the export has no {precision} variant of both towers")
    check(mitsuke, exported.folder, exported.cases, precision)


def refused(source: Path, out: Path, extra: list[str]) -> str:
    """Exports a model that must be refused, and returns what is said."""
    status, said = export(source, out, extra)
    assert status == 1, said
    assert not out.exists()
    return said


@pytest.mark.slow
def test_tokenizer_that_needs_mecab_is_refused(tmp_path: Path) -> None:
    need_mecab()
    huggingface.dual_encoder(tmp_path / "original", "wordpiece")
    said = refused(tmp_path / "original", tmp_path / "model", [])
    assert "tokenizer cannot be converted" in said
    assert "differ for the text" in said


@pytest.mark.slow
def test_code_without_trust_is_refused(tmp_path: Path) -> None:
    japanese.stable_clip(tmp_path / "original")
    said = refused(tmp_path / "original", tmp_path / "model", [])
    assert "--trust-remote-code" in said
    assert "modeling_japanese_stable_clip.py" in said


@pytest.mark.slow
def test_tower_that_tracing_changes_is_refused(tmp_path: Path) -> None:
    japanese.stable_clip(tmp_path / "original")
    module = tmp_path / "original" / "modeling_japanese_stable_clip.py"
    changed = module.read_text(encoding="utf-8").replace("features = self.visual_projection(", "features = self.project(")
    changed += """
    def project(self, output):
        # This choice depends on values, and tracing keeps the one that it saw.
        return self.visual_projection(output if int(output[0, 0].abs() * 1000) % 2 else output.flip(-1))
"""
    module.write_text(changed, encoding="utf-8")
    said = refused(tmp_path / "original", tmp_path / "model", ["--trust-remote-code"])
    assert "does not reproduce the original" in said


@pytest.mark.slow
def test_stopped_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mitsuke_export.export import Exporter

    source, out = tmp_path / "original", tmp_path / "model"
    huggingface.clip(source)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(Exporter, "text_tower", stop)
        status, said = export(source, out, [])
    assert status == 130, said
    assert not out.exists()
    status, said = export(source, out, [])
    assert status == 0, said
    assert "image tower: kept from an earlier run" in said
    assert not out.with_name(".model.work").exists()


@pytest.mark.full_size
def test_model_of_japanese_stable_clips_size(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Exports ViT-L/16 with a BERT-base text tower, and prints time, memory and sizes (pytest -s)."""
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
              "image_size": 224, "patch_size": 16}  # fmt: skip
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "vocab_size": 32000}  # fmt: skip
    source, out = tmp_path / "original", tmp_path / "model"
    japanese.stable_clip(source, vision, text, dimension=768)
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "scripts" / "export_model.py"), str(source), str(out), "--trust-remote-code"]
    assert subprocess.run(command).returncode == 0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"exported in {time.monotonic() - began:.0f} s with at most {peak:.1f} GB of memory")
    for path in sorted(out.glob("*.*")):
        print(f"  {path.name} {path.stat().st_size / 1e6:.1f} MB")
    cases, likeness = write_cases(source, ["--trust-remote-code"], tmp_path / "cases")
    assert likeness < 0.97
    mitsuke = program(pytestconfig)
    for precision in ("float32", "bfloat16", "int8"):
        check(mitsuke, out, cases, precision)
    shutil.rmtree(tmp_path)
