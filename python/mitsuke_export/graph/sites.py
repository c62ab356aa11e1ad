"""Finds the linear layers of a traced tower, with their activations and what they share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

# Operators that read the shape of a tensor and not its numbers.
SHAPE = ("aten::size", "aten::dim", "aten::len", "prim::shape")
# Operators that arrange numbers in another way.
MOVES = ("aten::view", "aten::reshape", "aten::transpose", "aten::permute", "aten::contiguous")
ATTENTION = "aten::scaled_dot_product_attention"
GELU = {"none": "gelu", "tanh": "gelu_tanh"}
DIRECT = {"aten::silu": "swish", "aten::relu": "relu"}


@dataclass
class Site:
    """A linear layer in a graph: the node that multiplies, and the value that takes the place of its output."""

    name: str
    node: torch._C.Node
    output: torch._C.Value
    weight: torch.Tensor
    bias: torch.Tensor | None
    # A name of layers.ACTIVATIONS.
    activation: str = "none"
    # The output has to be multiplied by this number, which is 1 where the layers behind it have taken it over.
    gain: float = 1.0
    # Only linear layers and attention read the output, and they take any data type.
    narrow: bool = False


@dataclass
class Group:
    """The linear layers that read one value, such as those of queries, keys and values."""

    source: torch._C.Value
    sites: list[Site] = field(default_factory=list)
    # The LayerNorm that makes the value, where nothing but these layers reads it.
    norm: torch._C.Node | None = None

    @property
    def name(self) -> str:
        return self.sites[0].name


def constant(value: torch._C.Value):
    """Returns a constant of a graph, or None for a value that is computed."""
    return value.toIValue() if value.node().kind() == "prim::Constant" else None


def find(graph: torch._C.Graph) -> list[Group]:
    """Returns the linear layers of a frozen graph, in the order of their computation."""
    sites = [site for node in graph.nodes() if (site := _site(node)) is not None]
    for site in sites:
        _fuse(site)
    groups: dict[str, Group] = {}
    for site in sites:
        source = _source(site.node)
        groups.setdefault(source.debugName(), Group(source)).sites.append(site)
    for site in sites:
        reader = groups.get(site.output.debugName())
        if site.gain != 1.0 and reader is not None and _only(reader):
            for behind in reader.sites:
                behind.weight = behind.weight * site.gain
            site.gain = 1.0
    nodes = [site.node for site in sites]
    for site in sites:
        site.narrow = site.gain == 1.0 and takes_any(site.output, nodes)
    for group in groups.values():
        norm = group.source.node()
        affine = norm.kind() == "aten::layer_norm" and all(constant(x) is not None for x in list(norm.inputs())[2:4])
        group.norm = norm if affine and _only(group) else None
    return list(groups.values())


@dataclass
class Filter:
    """A convolution of pictures in a graph, and the value that takes the place of its output."""

    name: str
    # The first node that the convolution stands for; its first input is what the convolution reads.
    node: torch._C.Node
    output: torch._C.Value
    weight: torch.Tensor
    bias: torch.Tensor | None
    # Stride, padding and dilation.
    places: tuple[list[int], list[int], list[int]]
    groups: int
    activation: str = "none"


def filters(graph: torch._C.Graph) -> list[Filter]:
    """Returns the convolutions of pictures in a frozen graph."""
    found = []
    for node in graph.nodes():
        if node.kind() not in ("aten::_convolution", "aten::conv2d"):
            continue
        _, weight, bias, *rest = list(node.inputs())
        rest = [constant(value) for value in rest]
        stride, padding, dilation = rest[:3]
        # _convolution has two more arguments before the number of groups.
        transposed, groups = (rest[3], rest[5]) if node.kind() == "aten::_convolution" else (False, rest[3])
        tensor, added = constant(weight), constant(bias)
        if not isinstance(tensor, torch.Tensor) or tensor.dim() != 4 or transposed or not isinstance(padding, list):
            continue
        if added is None and bias.type().kind() != "NoneType":
            continue
        name = re.sub(r"\.?(weight)?(\.\d+)?$", "", weight.debugName()).removeprefix("self.")
        made = Filter(name, node, node.output(), tensor.detach(), added, (stride, padding, dilation), groups)
        _take_padding(made)
        made.activation, made.output = _direct(made.output, {**DIRECT, "aten::relu6": "relu6"})
        found.append(made)
    return found


def _take_padding(found: Filter) -> None:
    """Joins a convolution with zeros put around its input.

    TensorFlow puts more of them behind than before. Rows and columns of zeros in front of the weights shift the picture
    as much, which costs less than a copy of the picture.
    """
    node = _source(found.node).node()
    stride, padding, dilation = found.places
    if node.kind() not in ("aten::pad", "aten::constant_pad_nd") or any(padding) or dilation != [1, 1]:
        return
    sides, *how = [constant(x) for x in list(node.inputs())[1:]]
    if how not in (["constant", None], ["constant", 0], [0]) or not isinstance(sides, list) or len(sides) != 4 or min(sides) < 0:
        return
    left, right, top, bottom = sides
    more = [max(right - left, 0), max(left - right, 0), max(bottom - top, 0), max(top - bottom, 0)]
    found.weight = F.pad(found.weight, more)
    found.places = (stride, [max(top, bottom), max(left, right)], dilation)
    found.node = node


def attentions(graph: torch._C.Graph, groups: list[Group]) -> list[tuple[torch._C.Node, bool]]:
    """Returns the attention nodes of a graph, each with whether its output may have any data type."""
    nodes = [site.node for group in groups for site in group.sites]
    return [(node, takes_any(node.output(), nodes)) for node in graph.nodes() if node.kind() == ATTENTION]


def takes_any(value: torch._C.Value, linear: list[torch._C.Node]) -> bool:
    """Returns whether only linear layers and attention read a value, directly or arranged in another way."""
    users = [use.user for use in value.uses() if use.user.kind() not in SHAPE]
    return bool(users) and all(
        user in linear or user.kind() == ATTENTION or (user.kind() in MOVES and takes_any(user.output(), linear)) for user in users
    )


def _source(node: torch._C.Node) -> torch._C.Value:
    return next(iter(node.inputs()))


def _only(group: Group) -> bool:
    """Returns whether nothing but the group's layers reads the numbers of its value."""
    nodes = [site.node for site in group.sites]
    return all(use.user in nodes or use.user.kind() in SHAPE for use in group.source.uses())


def _site(node: torch._C.Node) -> Site | None:
    """Returns the linear layer that a node computes, or None."""
    if node.kind() not in ("aten::linear", "aten::matmul"):
        return None
    given = list(node.inputs())
    weight, bias = constant(given[1]), None
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2 or weight.dtype != torch.float32:
        return None
    if constant(given[0]) is not None:
        return None
    if node.kind() == "aten::matmul":
        weight = weight.t()
    elif given[2].type().kind() != "NoneType":
        bias = constant(given[2])
        if bias is None:
            return None
    name = re.sub(r"\.?(weight)?(\.\d+)?$", "", given[1].debugName()).removeprefix("self.")
    return Site(name, node, node.output(), weight.detach().contiguous(), None if bias is None else bias.detach())


def _fuse(site: Site) -> None:
    """Joins a layer with the activation behind it."""
    uses = [use.user for use in site.output.uses()]
    if len(uses) == 1:
        site.activation, site.output = _direct(site.output, DIRECT)
    elif len(uses) == 2:
        _fuse_quick_gelu(site, uses)


def _direct(output: torch._C.Value, names: dict[str, str]) -> tuple[str, torch._C.Value]:
    """Returns the activation that alone reads a value, and its output; or none, and the value."""
    users = [use.user for use in output.uses()]
    if len(users) == 1:
        kind = users[0].kind().rstrip("_")
        if kind == "aten::gelu":
            return GELU[constant(list(users[0].inputs())[1])], users[0].output()
        if kind in names:
            return names[kind], users[0].output()
    return "none", output


def _fuse_quick_gelu(site: Site, uses: list[torch._C.Node]) -> None:
    """Joins a layer with x · sigmoid(c · x), which is swish(c · x) / c, so that the weights can take in c."""
    for scaled, product in (uses, uses[::-1]):
        if scaled.kind() != "aten::mul" or product.kind() != "aten::mul":
            continue
        number = next((constant(x) for x in scaled.inputs() if constant(x) is not None), None)
        gate = [use.user for use in scaled.output().uses()]
        if number is None or len(gate) != 1 or gate[0].kind() != "aten::sigmoid":
            continue
        factor = float(number)
        behind = [use.user for use in gate[0].output().uses()]
        if behind == [product] and factor > 0:
            site.weight = site.weight * factor
            site.bias = None if site.bias is None else site.bias * factor
            site.activation, site.output, site.gain = "swish", product.output(), 1.0 / factor
            return
