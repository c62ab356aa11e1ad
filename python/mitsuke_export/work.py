"""The work folder of an export. It keeps finished stages, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Callable


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def own_digest() -> str:
    """Returns a digest of the exporter's code and of the versions of the libraries that decide what it writes."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    import open_clip
    import tokenizers
    import torch
    import transformers

    for library in (torch, transformers, tokenizers, open_clip):
        digest.update(f"{library.__name__} {library.__version__}".encode())
    return digest.hexdigest()


class Work:
    """The files and figures of finished stages.

    `key` stands for all inputs of the export. A folder with another key is emptied, since its stages are of no use.
    """

    def __init__(self, folder: Path, key: str):
        self.folder, self.began, self.done = folder, time.monotonic(), 0
        self._record = folder / "stages.json"
        self._stages: dict[str, dict] = {}
        if self._record.is_file():
            found = json.loads(self._record.read_text(encoding="utf-8"))
            if found.get("key") == key:
                self._stages = found["stages"]
            else:
                shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._key = key

    def say(self, text: str) -> None:
        """Prints a line of progress with the time since the start."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", file=sys.stderr, flush=True)

    def path(self, name: str) -> Path:
        """Returns the path at which a file of the model folder is made."""
        path = self.folder / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finished(self, name: str) -> dict | None:
        """Returns the figures of a finished stage, or None unless all its files are there as they were written."""
        stage = self._stages.get(name)
        if stage is None:
            return None
        for file, digest in stage["files"].items():
            if not self.path(file).is_file() or sha256(self.path(file)) != digest:
                return None
        return stage["figures"]

    def stage(self, name: str, files: list[str], make: Callable[[], dict]) -> dict:
        """Runs a stage that writes `files`, unless it is finished, and returns its figures for model.json."""
        figures = self.finished(name)
        if figures is not None:
            self.say(f"{name}: kept from an earlier run")
            return figures
        self.say(f"{name} …")
        figures = make()
        written = {file: sha256(self.path(file)) for file in files if self.path(file).is_file()}
        self._stages[name] = {"files": written, "figures": figures}
        text = json.dumps({"key": self._key, "stages": self._stages}, ensure_ascii=False)
        half = self._record.with_suffix(".half")
        half.write_text(text, encoding="utf-8")
        os.replace(half, self._record)
        return figures

    def digest(self, name: str) -> str:
        """Returns the SHA-256 of a written file."""
        for stage in self._stages.values():
            if name in stage["files"]:
                return stage["files"][name]
        return sha256(self.path(name))

    def publish(self, out: Path, keep: set[str]) -> None:
        """Renames the finished folder to `out` in one step, in place of an older one.

        Files that `keep` does not name are left out.
        """
        made = self.folder / "folder"
        for path in made.rglob("*"):
            if path.is_file() and str(path.relative_to(made)) not in keep:
                path.unlink()
        aside = out.with_name(f".{out.name}.old")
        if aside.exists():
            shutil.rmtree(aside)
        if out.exists():
            os.replace(out, aside)
        os.replace(made, out)
        for folder in (aside, self.folder):
            shutil.rmtree(folder, ignore_errors=True)
