"""Exports a made-up model, and writes the cases with which `mitsuke model check --cases` compares the result."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import torch
from mitsuke_export import cli, corpus, pictures
from mitsuke_export.families import load
from mitsuke_export.families.options import Options
from mitsuke_export.source import resolve
from PIL import Image


def export(source: Path, out: Path, extra: list[str]) -> tuple[int, str]:
    """Runs the exporter in this process and returns its exit status and its output."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = cli.main([str(source), str(out), *extra])
    return status, said.getvalue()


def write_cases(
    source: Path, extra: list[str], folder: Path, compared: list[str] = corpus.TEXTS, shown: list[Path] | None = None
) -> tuple[Path, float]:
    """Writes the original's own vectors of pictures and texts to cases.json.

    `shown` names opaque pictures that exist already; without it, pictures are drawn beside the cases. Returns the path,
    and the median cosine of different inputs: near 1 it would prove little that two programs agree.
    """
    original = load(resolve(str(source), None), Options(trust_remote_code="--trust-remote-code" in extra))
    folder.mkdir(parents=True, exist_ok=True)
    images, texts = [], []
    if shown is None:
        drawn = pictures.pictures(max(original.pixels(pictures.scene(64, 64)).shape[-2:]))
        shown = [folder / f"picture{i}.png" for i in range(len(drawn))]
        for path, picture in zip(shown, drawn):
            picture.save(path, optimize=True)
    with torch.no_grad():
        for path in shown:
            with Image.open(path) as picture:
                vector = original.image(original.pixels(picture.convert("RGB"))[None])[0]
            images.append({"file": os.path.relpath(path, folder), "vector": _rounded(vector)})
        for text in compared:
            rows = original.encode([text])
            vector = (original.own_text or original.text)(*(rows[name] for name in original.text_inputs))[0]
            texts.append({"text": text, "ids": rows["input_ids"][0].tolist(), "vector": _rounded(vector)})
    path = folder / "cases.json"
    path.write_text(json.dumps({"images": images, "texts": texts}, ensure_ascii=False), encoding="utf-8")
    # The corpus has texts that are alike on purpose; its samples are not.
    different = [t for t in texts if t["text"] in corpus.SAMPLES] if compared is corpus.TEXTS else texts
    return path, max(_likeness(images), _likeness(different))


def _rounded(vector: torch.Tensor) -> list[float]:
    """Returns a vector with digits enough for a comparison of cosines."""
    return [round(float(x), 6) for x in vector]


def _likeness(cases: list[dict]) -> float:
    """Returns the median cosine of different cases."""
    unit = torch.nn.functional.normalize(torch.tensor([case["vector"] for case in cases]), dim=1)
    return float((unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)].median())
