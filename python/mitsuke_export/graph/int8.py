"""A tower in 8 bits. The rungs of a ladder are tried from the fastest on, until one agrees with the original.

The plain rung rounds weights and activations. Published models have channels whose activations are many times the
others', for which one scale fits badly; the smoothed rung divides such channels and multiplies the weights behind them
(SmoothQuant, Xiao et al. 2023). The mixed rung leaves the layers in float32 whose rounding moves the vectors most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from . import layers
from .measure import centred_error
from .precisions import exact
from .rewrite import Made, rewrite
from .sites import Group, constant, find

# A rung passes with at least this cosine, and at most this centred error.
COSINE = 0.999
ERROR = 0.03
# The share of the linear layers' products that may stay in float32.
KEPT = 0.5
# LayerNorm standardises its numbers, and few lie beyond this many deviations.
DEVIATIONS = 3.0


@dataclass
class Rung:
    """One way of making a tower in 8 bits."""

    method: str
    # The number of linear layers that stay in float32.
    kept: int
    module: torch.jit.ScriptModule


def rungs(
    graph: torch._C.Graph, inputs: tuple[torch.Tensor, ...], few: tuple[torch.Tensor, ...], say: Callable[[str], None]
) -> Iterator[Rung]:
    """Yields the rungs, the fastest first.

    Activations are measured on `inputs`, and on `few` of them what the rounding of each layer does.
    """
    yield Rung("plain", 0, rewrite(graph, quantized, compact=True))
    factors = _factors(graph, inputs)
    smoothed = lambda group: quantized(group, factors[group.name])  # noqa: E731
    yield Rung("smoothed", 0, rewrite(graph, smoothed, compact=True))
    groups = find(graph.copy())
    if len(groups) < 2:
        return
    say(f"  measuring what the rounding of each of {len(groups)} groups of layers does")
    shares = _contributions(graph, factors, few)
    worst = sorted(groups, key=lambda group: shares[group.name], reverse=True)
    products = sum(_products(group) for group in groups)
    # Errors of different layers are independent, so their squares add up.
    left = sum(share**2 for share in shares.values())
    count = 0
    while count < len(worst) and (left > (0.8 * ERROR) ** 2 or count == 0):
        left -= shares[worst[count].name] ** 2
        count += 1
    while count < len(worst):
        kept = worst[:count]
        if sum(_products(group) for group in kept) > KEPT * products:
            return
        names = {group.name for group in kept}
        make = lambda group: exact(group) if group.name in names else smoothed(group)  # noqa: B023, E731
        yield Rung("mixed", sum(len(group.sites) for group in kept), rewrite(graph, make, compact=True))
        count += max(1, count // 2)


def needs() -> str | None:
    """Returns why this machine can prove no tower in 8 bits, or None where it can."""
    if torch.cpu._is_vnni_supported():
        return None
    return "this CPU has no instructions for products of 8 bits (VNNI), so their result cannot be proven here"


def quantized(group: Group, factors: torch.Tensor | None = None) -> Made:
    """Returns the layers of a group in 8 bits, its channels divided by `factors` before they are rounded."""
    norm = None
    if factors is None:
        weights = [site.weight for site in group.sites]
    else:
        weights = [site.weight * factors for site in group.sites]
        if group.norm is not None:
            norm = tuple(constant(x) / factors for x in list(group.norm.inputs())[2:4])
    made = [layers.Int8Linear(weight, site.bias, site.activation) for weight, site in zip(weights, group.sites)]
    return Made(made, layers.Quantize(None if factors is None or norm else 1.0 / factors), norm)


def _products(group: Group) -> int:
    return sum(site.weight.numel() for site in group.sites)


def _factors(graph: torch._C.Graph, inputs: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
    """Returns the factors of each group's channels: √(largest activation) / √(largest weight)."""
    recorders: dict[str, torch.jit.ScriptModule] = {}

    def make(group: Group) -> Made:
        recorders[group.name] = torch.jit.script(layers.Record(group.sites[0].weight.shape[1]))
        return Made(exact(group).layers, recorders[group.name])

    module = rewrite(graph, make)
    with torch.no_grad():
        for i in range(len(inputs[0])):
            module(*(x[i : i + 1] for x in inputs))
    factors = {}
    for group in find(graph.copy()):
        largest = recorders[group.name].most
        if group.norm is not None:
            # Drawn pictures and few texts may leave a channel quiet that others do not.
            weight, bias = (constant(x).abs() for x in list(group.norm.inputs())[2:4])
            largest = torch.maximum(largest, DEVIATIONS * weight + bias)
        weight = torch.stack([site.weight.abs().amax(0) for site in group.sites]).amax(0)
        factors[group.name] = (largest.clamp(min=1e-5) / weight.clamp(min=1e-5)).sqrt()
    return factors


def _contributions(
    graph: torch._C.Graph, factors: dict[str, torch.Tensor], inputs: tuple[torch.Tensor, ...]
) -> dict[str, float]:
    """Returns the centred error that each group causes when it alone is rounded, by name."""
    trials: dict[str, list[torch.jit.ScriptModule]] = {}

    def make(group: Group) -> Made:
        made = [
            torch.jit.script(layers.Trial(site.weight, site.bias, site.activation, factors[group.name])) for site in group.sites
        ]
        trials[group.name] = made
        return Made(made)

    module = rewrite(graph, make)
    shares = {}
    with torch.no_grad():
        expected = module(*inputs)
        for name, made in trials.items():
            for trial in made:
                trial.rounded = True
            shares[name] = centred_error(module(*inputs), expected)
            for trial in made:
                trial.rounded = False
    return shares
