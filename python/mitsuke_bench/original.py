"""The original application's pipeline: Pillow, the model's own processor and tokenizer, PyTorch in float32.

It takes one picture or text at a time, pads texts to the model's full length, and uses PyTorch's own number of threads.

    python -m mitsuke_bench.original MODEL PHOTOS [--seconds N] [--trust-remote-code]

prints one JSON object. A process of its own frees the memory of the model when it ends.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import warnings
from pathlib import Path

from . import inputs, timing
from .facts import ROOT


def load(folder: str, trust: bool):
    """Loads an original model."""
    warnings.filterwarnings("ignore")
    from mitsuke_export.families import load as load_family
    from mitsuke_export.families.options import Options
    from mitsuke_export.source import resolve

    return load_family(resolve(folder, None), Options(trust_remote_code=trust))


def examples(original, pictures: int, texts: int) -> tuple[tuple, tuple]:
    """Returns inputs of both towers for some items. Texts have their own length, as in Mitsuke."""
    import torch
    from PIL import Image

    shape = original.pixels(Image.new("RGB", (64, 64), (127, 127, 127))).shape
    pixels = torch.randn(pictures, *shape, generator=torch.Generator().manual_seed(1))
    rows = original.encode([inputs.TEXT] * texts)
    length = int(rows["attention_mask"][0].sum()) if "attention_mask" in rows else len(rows["input_ids"][0])
    return (pixels,), tuple(rows[name][:, :length] for name in original.text_inputs)


def measured(folder: str, photos: Path, seconds: float, trust: bool) -> dict:
    """Measures the pipeline, and both towers alone on inputs that are prepared before."""
    import torch
    from PIL import Image

    original = load(folder, trust)
    files, texts = iter(inputs.uploads(inputs.photos(photos))), inputs.queries()
    text_tower = original.own_text or original.text

    def pixels(data: bytes) -> torch.Tensor:
        return original.pixels(Image.open(io.BytesIO(data)).convert("RGB"))[None]

    def tokens(text: str) -> list[torch.Tensor]:
        rows = original.encode([text])
        return [rows[name] for name in original.text_inputs]

    def unit(vector: torch.Tensor) -> list[float]:
        return torch.nn.functional.normalize(vector, dim=-1).tolist()

    with torch.inference_mode():
        picture, text = pixels(next(files)), tokens(next(texts))
        original.image(picture)
        text_tower(*text)
        found = {
            "pictures": timing.rate(_without_gradient(lambda: unit(original.image(pixels(next(files))))), 1, seconds),
            "texts": timing.rate(_without_gradient(lambda: unit(text_tower(*tokens(next(texts))))), 1, seconds / 2),
            "image_tower": timing.rate(_without_gradient(lambda: original.image(picture)), 1, seconds),
            "text_tower": timing.rate(_without_gradient(lambda: text_tower(*text)), 1, seconds / 2),
        }
    return {**found, "threads": torch.get_num_threads()}


def _without_gradient(call):
    """Returns the call without gradients: the mode belongs to a thread, and `rate` calls in threads of its own."""
    import torch

    def inner():
        with torch.inference_mode():
            return call()

    return inner


def run(folder: str, photos: Path, seconds: float, trust: bool) -> dict:
    """Measures in a process of its own."""
    command = [sys.executable, "-m", "mitsuke_bench.original", folder, str(photos), "--seconds", str(seconds)]
    command += ["--trust-remote-code"] if trust else []
    done = subprocess.run(command, cwd=ROOT / "python", stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit("error: the original application's pipeline failed (its message is above).")
    return json.loads(done.stdout.splitlines()[-1])


def faster(one: dict, other: dict) -> dict:
    """Returns the higher of two rates each, so that ratios to the original flatter nobody."""
    return {name: max(one[name], other[name]) for name in one}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_bench.original")
    parser.add_argument("model")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--trust-remote-code", action="store_true")
    args = parser.parse_args()
    print(json.dumps(measured(args.model, args.photos, args.seconds, args.trust_remote_code)))


if __name__ == "__main__":
    main()
