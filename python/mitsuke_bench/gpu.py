"""The part `gpu`: the modules that the exporter writes, on a CUDA device, in three precisions and several batch sizes.

float16 is measured to compare with; the exporter writes it only for models whose weights are float16.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from .document import number, ratio, table
from .original import examples, load

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# Every measurement ends after this many seconds: all of them and the tracing take a few minutes.
SECONDS = 1.5


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("error: PyTorch finds no CUDA device here (torch.cuda.is_available() is false).")
    original = load(args.original, args.trust_remote_code)
    pixels, text = examples(original, 2, 2)
    said = [
        f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}. Items a second of the exported modules with inputs that lie on the\n"
        "device; in parentheses the milliseconds of a batch. The original is the model itself in float32. `cosine` is the lowest\n"
        "one with the original's vectors on the CPU. PyTorch's own settings decide about TF32."
    ]
    for name, tower, given in (("Pictures", original.image, pixels), ("Texts", original.own_text or original.text, text)):
        exported = original.image if name == "Pictures" else original.text
        said += [f"**{name}**", _tower(tower, exported, given)]
    return "\n\n".join(said)


def _tower(tower, exported, given: tuple) -> str:
    import torch

    from mitsuke_export import towers
    from mitsuke_export.graph import precisions, rewrite

    with torch.no_grad():
        expected = tower(*given)
    graph = rewrite.frozen(exported, given)
    makers = {
        "float32": precisions.float32,
        "bfloat16": precisions.bfloat16,
        "float16": lambda graph: precisions.float16(graph, tensors=False),
    }
    measured = {}
    for name, make in makers.items():
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "tower.pt")
            towers.write(make(graph), path)
            module = torch.jit.load(str(path), map_location="cuda").eval()
        measured[name] = _rates(name, module, given, expected)
        del module
    measured["original"] = _rates("original", tower.to("cuda").eval(), given, expected)
    tower.to("cpu")
    torch.cuda.empty_cache()
    one_at_a_time = measured["original"][0][1][0]
    rows = [
        [name, *(_cell(rates.get(batch)) for batch in BATCHES), f"{cosine:.5f}", ratio(max(rates.values())[0], one_at_a_time)]
        for name, (rates, cosine) in measured.items()
    ]
    return table(["", *(f"batch {batch}" for batch in BATCHES), "cosine", "best to the original one at a time"], rows)


def _cell(measured: tuple[float, float] | None) -> str:
    return f"{number(measured[0])} ({number(measured[1])})" if measured else "–"


def _rates(name: str, module, given: tuple, expected) -> tuple[dict[int, tuple[float, float]], float]:
    """Returns items a second and milliseconds of a batch by batch size, and the lowest cosine."""
    import torch

    on_device = [x.to("cuda") for x in given]
    with torch.inference_mode():
        found = module(*on_device).float().cpu()
        cosine = float(torch.nn.functional.cosine_similarity(found, expected).min())
        rates = {}
        for batch in BATCHES:
            inputs = [x[:1].repeat(batch, *[1] * (x.dim() - 1)) for x in on_device]
            try:
                rates[batch] = _rate(module, inputs, batch)
            except torch.cuda.OutOfMemoryError:
                break
            print(f"{name}, batch {batch}: {_cell(rates[batch])}", file=sys.stderr, flush=True)
    return rates, cosine


def _rate(module, inputs: list, batch: int) -> tuple[float, float]:
    import torch

    for _ in range(5):
        module(*inputs)
    torch.cuda.synchronize()
    begin, runs = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        module(*inputs)
        # A server reads every batch before it begins the next.
        torch.cuda.synchronize()
        runs += 1
    taken = time.perf_counter() - begin
    return batch * runs / taken, 1e3 * taken / runs
