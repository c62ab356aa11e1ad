"""ONNX Runtime on the same weights: float32, and dynamic int8 with a scale for each channel.

    python -m mitsuke_bench.onnx_runtime MODEL CACHE [--seconds N] [--trust-remote-code]

prints a JSON array of rows. The ONNX files are kept in CACHE.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from . import timing
from .facts import ROOT, cores
from .original import examples, load

# The items in a batch of Mitsuke on a CPU.
BATCHES = {"image": 2, "text": 8}


def export(folder: str, cache: Path, trust: bool) -> None:
    """Writes both towers as ONNX in both precisions, and the inputs and the original's vectors to compare with."""
    import numpy as np
    import onnxruntime.quantization as quantization
    import torch

    if (cache / "complete").exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    original = load(folder, trust)
    pixels, text = examples(original, BATCHES["image"], BATCHES["text"])
    for name, tower, given in (("image", original.image, pixels), ("text", original.text, text)):
        names = [f"input{i}" for i in range(len(given))]
        axes = {one: {0: "batch", **({1: "length"} if name == "text" else {})} for one in names}
        with torch.no_grad():
            torch.onnx.export(
                tower.eval(), given, str(cache / f"{name}.float32.onnx"), input_names=names, output_names=["vectors"],
                dynamic_axes=axes, dynamo=False, opset_version=17,
            )  # fmt: skip
            expected = tower(*given)
        np.savez(cache / f"{name}.npz", expected=expected.numpy(), **{n: x.numpy() for n, x in zip(names, given)})
        quantization.quantize_dynamic(
            cache / f"{name}.float32.onnx", cache / f"{name}.int8.onnx",
            weight_type=quantization.QuantType.QInt8, per_channel=True,
        )  # fmt: skip
    (cache / "complete").touch()


def measured(cache: Path, seconds: float) -> list[dict]:
    """Returns a row for each tower, precision and use of the cores."""
    import numpy as np
    import onnxruntime

    found = []
    for tower in ("image", "text"):
        stored = np.load(cache / f"{tower}.npz")
        expected = stored["expected"]
        given = {name: stored[name] for name in stored.files if name != "expected"}
        one = {name: value[:1] for name, value in given.items()}
        for precision in ("float32", "int8"):
            for threads, runs in sorted({(1, 1), (cores(), 1), (1, cores())}):
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                file = cache / f"{tower}.{precision}.onnx"
                session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
                vectors = session.run(None, given)[0]
                alone = timing.rate(lambda: session.run(None, one), runs, seconds)
                batches = timing.rate(lambda: session.run(None, given), runs, seconds)
                found.append({
                    "tower": tower, "precision": precision, "threads": threads, "runs": runs,
                    "alone": alone, "together": max(alone, BATCHES[tower] * batches), "cosine": _lowest(vectors, expected),
                })  # fmt: skip
                print(found[-1], file=sys.stderr, flush=True)
    return found


def _lowest(found, expected) -> float:
    import numpy as np

    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(1) / lengths).min())


def run(folder: str, cache: Path, seconds: float, trust: bool) -> list[dict]:
    """Exports, and measures in a process of its own that has not loaded PyTorch."""
    common = [sys.executable, "-m", "mitsuke_bench.onnx_runtime", folder, str(cache), "--seconds", str(seconds)]
    common += ["--trust-remote-code"] if trust else []
    for step in (["--export"], []):
        done = subprocess.run([*common, *step], cwd=ROOT / "python", stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit("error: the measurement of ONNX Runtime failed (its message is above).")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Exports, or measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_bench.onnx_runtime")
    parser.add_argument("model")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--export", action="store_true", help="only write the ONNX files")
    parser.add_argument("--trust-remote-code", action="store_true")
    args = parser.parse_args()
    if args.export:
        export(args.model, args.cache, args.trust_remote_code)
    else:
        print(json.dumps(measured(args.cache, args.seconds)))


if __name__ == "__main__":
    main()
