"""Makes the variants of a tower, and leaves out those that differ too much from the original or gain nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import torch

from .comparison import Comparison, TextComparison
from .graph import int8, measure, precisions
from .towers import write

# The lowest cosine of a bf16 variant, which keeps 8 bits of a number; see models/README.md.
BFLOAT16 = 0.999
# The number of inputs on which the contribution of every layer to the error of a variant is measured.
CONTRIBUTIONS = 4

Say = Callable[[str], None]


def bfloat16(graph: torch._C.Graph, path: Path, comparison: Comparison, padding: str | None, say: Say) -> dict | None:
    """Writes the bf16 variant of a tower and returns its figures, or None where it differs too much."""
    write(precisions.bfloat16(graph), path)
    agreement = comparison.agreement(torch.jit.load(str(path)).eval())
    cosine = min(agreement.cosine, _unpadded(comparison, path, padding))
    say(f"  lowest cosine with the original {cosine:.7f}, centred error {agreement.centred_error:.4f}")
    if cosine < BFLOAT16:
        return _left_out(path, say, f"a cosine of {BFLOAT16} is needed")
    return {"cosine": round(cosine, 7)}


def eight_bits(
    graph: torch._C.Graph, path: Path, full: Path, comparison: Comparison, padding: str | None, say: Say
) -> dict | None:
    """Writes the int8 variant of a tower and returns its figures, or None.

    None means that no rung agrees with the original, or that the one that does is not faster than the full tower.
    """
    reason = int8.needs()
    if reason is not None:
        return _left_out(path, say, reason)
    few = tuple(x[-CONTRIBUTIONS:] for x in comparison.inputs)
    for rung in int8.rungs(graph, tuple(comparison.inputs), few, say):
        write(rung.module, path)
        module = torch.jit.load(str(path)).eval()
        agreement = comparison.agreement(module)
        cosine, error = min(agreement.cosine, _unpadded(comparison, path, padding)), agreement.centred_error
        kept = f", {rung.kept} layers in float32" if rung.kept else ""
        say(f"  {rung.method}{kept}: lowest cosine {cosine:.7f}, centred error {error:.4f}")
        if not (cosine >= int8.COSINE and error <= int8.ERROR):
            continue
        before, after = (measure.seconds(torch.jit.load(str(file)).eval(), comparison.example) for file in (full, path))
        say(f"  {after * 1e3:.1f} ms of one processor instead of {before * 1e3:.1f} ms")
        if after >= before:
            return _left_out(path, say, "it is not faster than float32 here")
        figures = {"cosine": round(cosine, 7), "centred_error": round(error, 5)}
        return {**figures, "method": rung.method, "kept_float32": rung.kept}
    return _left_out(path, say, f"a cosine of {int8.COSINE} and a centred error of {int8.ERROR} are needed")


def _unpadded(comparison: Comparison, path: Path, padding: str | None) -> float:
    """Returns the lowest cosine of texts that are padded to the longest of their batch, as the full tower lets them be."""
    if not isinstance(comparison, TextComparison) or padding != "longest":
        return 1.0
    cosine = comparison.trimmed(torch.jit.load(str(path)).eval())
    return -1.0 if cosine is None else cosine


def _left_out(path: Path, say: Say, reason: str) -> None:
    path.unlink(missing_ok=True)
    say(f"  left out: {reason}")
