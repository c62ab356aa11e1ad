"""Writes the towers of the demo model with weights that are packed when they are loaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from mitsuke_export import towers
from mitsuke_export.graph import precisions, rewrite
from mitsuke_export.manifest import dumps
from mitsuke_export.work import sha256

from .image_tower import SIZE

# The largest difference of a component of a vector that counts as the same vector.
SAME = 1e-5


def image(tower: torch.nn.Module, path: Path) -> None:
    """Writes the image tower in half precision, which a server on a CPU widens."""
    towers.write(precisions.float16(rewrite.frozen(tower, (torch.randn(2, 3, SIZE, SIZE),)), tensors=True), path)


def text(tower: torch.nn.Module, path: Path) -> None:
    """Writes the text tower with its layers in half precision; the quantised word table and its scales stay as they are.

    The manifest does not call the file float16, because a server that widens such a file would widen the table too.
    """
    towers.write(precisions.float16(rewrite.frozen(tower, (torch.randint(1, 1000, (3, 9)),)), tensors=False), path)


def folder(model: Path) -> None:
    """Writes the image tower of a folder anew, unless it is packed already, and proves that its vectors stay the same.

    The text tower would gain a seventh of 1.6 ms, for which no file of 22 MB is replaced.
    """
    manifest = json.loads((model / "model.json").read_text(encoding="utf-8"))
    path = model / manifest["image"]["file"]
    old = torch.jit.load(path).eval().float()
    if old.original_name == rewrite.Host.__name__:
        print(f"{path}: packed already")
        return
    made = path.with_suffix(".new")
    image(old, made)
    pixels = torch.rand(5, 3, SIZE, SIZE) * 2 - 1
    with torch.no_grad():
        difference = float((torch.jit.load(made).eval().float()(pixels) - old(pixels)).abs().max())
    if difference > SAME:
        made.unlink()
        raise SystemExit(f"error: {path}: the vectors differ by {difference:.1e}; the file stays as it was")
    made.replace(path)
    manifest["image"]["sha256"] = sha256(path)
    (model / "model.json").write_text(dumps(manifest), encoding="utf-8")
    print(f"{path}: packed; the vectors differ by at most {difference:.1e}")
