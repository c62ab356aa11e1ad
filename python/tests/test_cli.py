"""The command line refuses, before it loads Torch, what cannot be exported."""

import subprocess
import sys
from pathlib import Path

import pytest

from mitsuke_export import cli
from mitsuke_fixtures.paths import ROOT


def said_by(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """Returns the message of an export that is refused."""
    assert cli.main(list(arguments)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    return said.err


def test_existing_folder_is_kept_without_force(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = said_by(capsys, "organisation/model", str(tmp_path))
    assert f"{tmp_path} is there already" in said
    assert "--force" in said


def test_unknown_source_names_the_three_kinds(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = said_by(capsys, "no model", str(tmp_path / "out"))
    assert "neither a folder nor a name like organisation/model nor open_clip:ARCHITECTURE:WEIGHTS" in said


def test_open_clip_without_weights_says_how_to_list_them(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = said_by(capsys, "open_clip:ViT-B-32", str(tmp_path / "out"))
    assert "open_clip:ViT-B-32:TAG_OR_FILE" in said
    assert "list_pretrained" in said


def test_unknown_family_lists_the_families(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = said_by(capsys, "organisation/model", str(tmp_path / "out"), "--family", "blip")
    assert "auto, transformers, open_clip, japanese-stable-clip, clyp, rinna" in said


def test_model_without_a_licence_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = tmp_path / "model"
    source.mkdir()
    said = said_by(capsys, str(source), str(tmp_path / "out"))
    assert "licence" in said
    assert "--licence" in said


def test_stopped_run_says_that_it_can_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "export", stop)
    assert cli.main(["organisation/model", "out"]) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_script_runs_from_the_repository_root() -> None:
    command = [sys.executable, "scripts/export_model.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "organisation/model" in done.stdout
    assert "--trust-remote-code" in done.stdout


def test_script_says_how_to_install_a_missing_package(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    # An interpreter without any site packages stands for an environment in which nothing is installed.
    command = [sys.executable, "-I", "-S", "scripts/export_model.py", str(tmp_path), str(tmp_path / "out"), "--licence", "MIT"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the package torch is missing" in done.stderr
    assert "python[export]" in done.stderr


def test_calibration_needs_pictures_and_queries(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = said_by(capsys, "organisation/model", str(tmp_path / "out"), "--pictures", "images")
    assert "both --pictures and --queries" in said
