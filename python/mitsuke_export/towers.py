"""Turns a module into a TorchScript file that computes the same on any device and holds nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import nn

from .errors import ExportError
from .graph import measure


def features(output) -> torch.Tensor:
    """Returns the vectors in a model's output: the tensor itself, or the pooled features of an output object."""
    if isinstance(output, torch.Tensor):
        return output
    for name in ("pooler_output", "image_embeds", "text_embeds"):
        if getattr(output, name, None) is not None:
            return getattr(output, name)
    return output[0]


class Tower(nn.Module):
    """Calls `method` of a model with tensors by name, and returns float32 whatever the model computes in."""

    def __init__(self, model: nn.Module, method: str, names: list[str]):
        super().__init__()
        self.model, self.method, self.names = model, method, names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        dtype = next(self.model.parameters()).dtype
        # Pixels take the data type of the weights; ids stay integers.
        cast = [x.to(dtype) if x.is_floating_point() else x for x in inputs]
        call = getattr(self.model, self.method)
        if self.names and self.names[0]:
            output = call(**dict(zip(self.names, cast)))
        else:
            output = call(*cast)
        return features(output).to(torch.float32)


def write(module: torch.jit.ScriptModule, path: Path) -> None:
    """Writes a module, and raises where it is bound to one device."""
    raw = path.with_name(path.name + ".raw")
    module.save(str(raw))
    without_debug_information(raw, path)
    raw.unlink()
    if 'Device = prim::Constant[value="' in str(torch.jit.load(str(path)).inlined_graph):
        raise ExportError("the traced module is bound to the device it was traced on.")


def without_debug_information(source: Path, target: Path) -> None:
    """Copies a TorchScript archive without its debug records, which are large and name files of this machine."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            if entry.filename.endswith(".debug_pkl"):
                continue
            # Time and folder name are fixed, so that the same weights give the same bytes.
            name = target.stem + "/" + entry.filename.split("/", 1)[1]
            made = zipfile.ZipInfo(name)
            # Torch compresses code and stores tensors as they are; the copy keeps that.
            made.compress_type = entry.compress_type
            with old.open(entry) as reader, new.open(made, "w", force_zip64=entry.file_size >= 1 << 31) as writer:
                while chunk := reader.read(1 << 20):
                    writer.write(chunk)


def lowest(found: torch.Tensor, expected: torch.Tensor, what: str) -> float:
    """Returns the lowest cosine of two sets of vectors. A cosine that is not a number counts as −1."""
    if found.shape != expected.shape:
        raise ExportError(f"{what}: the exported module returns the shape {tuple(found.shape)}, the original {tuple(expected.shape)}.")
    return measure.lowest(found, expected)


def run(module, inputs: list[torch.Tensor], batch: int) -> torch.Tensor:
    """Returns a module's output for all rows, computed `batch` rows at a time."""
    with torch.no_grad():
        parts = [module(*(x[i : i + batch] for x in inputs)) for i in range(0, len(inputs[0]), batch)]
    return torch.cat(parts)
