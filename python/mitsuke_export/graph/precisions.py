"""A tower in each precision, made from the one graph that was traced in float32."""

from __future__ import annotations

import torch

from . import layers
from .rewrite import Made, rewrite
from .sites import Group


def float32(graph: torch._C.Graph) -> torch.jit.ScriptModule:
    """Returns the tower in float32."""
    return rewrite(graph, exact)


def exact(group: Group, factors: torch.Tensor | None = None) -> Made:
    """Returns the layers of a group in float32."""
    return Made([layers.Linear(site.weight, site.bias, site.activation) for site in group.sites])


def float16(graph: torch._C.Graph, tensors: bool) -> torch.jit.ScriptModule:
    """Returns a tower whose layers are stored in float16, and with `tensors` all else; on a CPU it computes in float32."""

    def make(group: Group) -> Made:
        return Made([
            layers.Linear(site.weight.half(), None if site.bias is None else site.bias.half(), site.activation)
            for site in group.sites
        ])  # fmt: skip

    module = rewrite(graph, make, torch.float16)
    return module.half() if tensors else module


def bfloat16(graph: torch._C.Graph) -> torch.jit.ScriptModule:
    """Returns the tower with linear layers and attention in bfloat16, and the sums between them in float32.

    Rounded to bfloat16 once, weights stay as near to the original as they can; sums would gather the errors of all
    layers.
    """

    def make(group: Group) -> Made:
        return Made([
            layers.Linear(site.weight.bfloat16(), None if site.bias is None else site.bias.bfloat16(), site.activation, site.narrow)
            for site in group.sites
        ])  # fmt: skip

    return rewrite(graph, make, torch.bfloat16, attention=layers.Attention, compact=True)
