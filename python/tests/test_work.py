"""The work folder keeps finished stages, and publishes the folder in one step."""

import hashlib
from pathlib import Path

import pytest

from mitsuke_export.work import Work, sha256


class Stage:
    """A stage that writes a file and counts its runs."""

    def __init__(self, work: Work):
        self.work, self.runs = work, 0

    def __call__(self) -> dict:
        self.runs += 1
        self.work.path("reference/a.txt").write_text("made", encoding="utf-8")
        return {"cosine": 1.0}


def run(folder: Path, key: str = "key") -> tuple[Work, int]:
    """Runs the stage in a work folder and returns how often it was made."""
    work = Work(folder, key)
    stage = Stage(work)
    assert work.stage("tower", ["reference/a.txt"], stage) == {"cosine": 1.0}
    return work, stage.runs


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000  # More than one chunk.
    (tmp_path / "file").write_bytes(data)
    assert sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_finished_stage_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(tmp_path / "work")[1] == 1
    assert run(tmp_path / "work")[1] == 0
    assert "tower: kept from an earlier run" in capsys.readouterr().err


def test_stage_is_made_again_when_its_file_has_changed_or_gone(tmp_path: Path) -> None:
    work, _ = run(tmp_path / "work")
    work.path("reference/a.txt").write_text("changed", encoding="utf-8")
    assert run(tmp_path / "work")[1] == 1
    work.path("reference/a.txt").unlink()
    assert run(tmp_path / "work")[1] == 1


def test_stages_of_other_inputs_are_thrown_away(tmp_path: Path) -> None:
    work, _ = run(tmp_path / "work")
    work.path("left.pt").write_text("over", encoding="utf-8")
    assert run(tmp_path / "work", key="other")[1] == 1
    assert not work.path("left.pt").exists()


def test_stage_that_fails_is_not_finished(tmp_path: Path) -> None:
    def fail() -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Work(tmp_path / "work", "key").stage("tower", ["reference/a.txt"], fail)
    assert run(tmp_path / "work")[1] == 1


def test_published_folder_replaces_the_old_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "old.pt").write_text("old", encoding="utf-8")
    work, _ = run(tmp_path / ".model.work")
    work.path("image.bf16.pt").write_text("left out", encoding="utf-8")
    work.publish(out, {"reference/a.txt"})
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*")) if path.is_file()] == ["model/reference/a.txt"]
    assert (out / "reference" / "a.txt").read_text(encoding="utf-8") == "made"


def test_digest_of_a_file_is_that_of_its_stage(tmp_path: Path) -> None:
    work, _ = run(tmp_path / "work")
    assert work.digest("reference/a.txt") == hashlib.sha256(b"made").hexdigest()
    work.path("model.json").write_text("{}", encoding="utf-8")
    assert work.digest("model.json") == hashlib.sha256(b"{}").hexdigest()
