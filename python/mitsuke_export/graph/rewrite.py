"""Writes a traced tower as TorchScript whose linear layers are those of layers.py."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from . import layers
from .pooling import choose_early
from .sites import Filter, Group, attentions, constant, filters, find

# The number of float32 in a graph.
_FLOAT32 = 6


@dataclass
class Made:
    """The modules that take the place of a group."""

    # One for each site, in their order. It gets what `before` returns, or the group's value without it.
    layers: list[nn.Module]
    # Runs once for the whole group. A tuple that it returns becomes several arguments.
    before: nn.Module | None = None
    # Weight and bias in place of those of the group's LayerNorm.
    norm: tuple[torch.Tensor, torch.Tensor] | None = None


class Host(nn.Module):
    """The module of a rewritten tower: its layers, and all other tensors as buffers. Its code comes from a graph."""

    def __init__(self, layers: dict[str, nn.Module], tensors: dict[str, torch.Tensor]):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


def frozen(tower: nn.Module, example: tuple[torch.Tensor, ...]) -> torch._C.Graph:
    """Returns the graph of a module, in which weights are constants and convolutions have taken in BatchNorm.

    The last layer computes only the token that is read, see pooling.py. Batch size and sequence length stay open.
    """
    # A graph takes no constants that could be trained.
    for parameter in tower.parameters():
        parameter.requires_grad_(False)
    fast = torch.backends.mha.get_fastpath_enabled()
    # The fast path is one operator, in which the linear layers could not be found.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # Tracing warns of every Python number that becomes a constant. The comparison afterwards decides.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(tower.eval(), example, check_trace=False)
            graph = torch.jit.freeze(traced.eval()).graph
            choose_early(graph, example)
            return graph
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def rewrite(
    graph: torch._C.Graph,
    make: Callable[[Group], Made],
    dtype: torch.dtype = torch.float32,
    attention: Callable[[bool], nn.Module] | None = None,
    compact: bool = False,
) -> torch.jit.ScriptModule:
    """Returns a module that computes what a frozen graph does, with the layers that `make` returns for each group.

    `dtype` is that of the weights of convolutions. `attention` returns a module in place of an attention, and is told
    whether its output may have any data type. `compact` stores tables of embeddings in float16.
    """
    writer = _Writer(graph.copy())
    groups = find(writer.graph)
    if attention is not None:
        for node, narrow in attentions(writer.graph, groups):
            writer.replace_attention(node, attention(narrow))
    for group in groups:
        writer.replace(group, make(group))
    for found in filters(writer.graph):
        writer.replace_filter(found, dtype)
    if compact:
        writer.compact()
    return writer.finish()


class _Writer:
    """Puts modules in the place of nodes, and tensors in the place of constants."""

    def __init__(self, graph: torch._C.Graph):
        self.graph = graph
        self.layers: dict[str, nn.Module] = {}
        self.tensors: dict[str, torch.Tensor] = {}
        # The values that stand for attributes; they get their types when the module is there.
        self.attributes: dict[str, torch._C.Value] = {}

    def replace(self, group: Group, made: Made) -> None:
        """Replaces the nodes of a group by calls of modules."""
        # The value of an earlier group may have been replaced since the group was found.
        given = [next(iter(group.sites[0].node.inputs()))]
        if made.norm is not None:
            self._renorm(group.norm, made.norm)
        if made.before is not None:
            given = self._call(group.name + "_input", made.before, given, group.sites[0].node)
        for site, layer in zip(group.sites, made.layers, strict=True):
            # An activation that the layer applies itself stands behind the node, so the call goes where it was.
            node = site.output.node()
            (value,) = self._call(site.name, layer, given, node)
            if site.gain != 1.0:
                value = self._insert("aten::mul", [value, self._constant(site.gain, node)], node)
            site.output.replaceAllUsesWith(value)

    def replace_attention(self, node: torch._C.Node, module: nn.Module) -> None:
        """Replaces an attention by the call of a module."""
        query, key, value, mask, _, causal, scale = list(node.inputs())[:7]
        (result,) = self._call("attention", module, [query, key, value, mask, causal, scale], node)
        node.output().replaceAllUsesWith(result)

    def replace_filter(self, found: Filter, dtype: torch.dtype) -> None:
        """Replaces a convolution by the call of a module."""
        bias = None if found.bias is None else found.bias.to(dtype)
        module = layers.Convolution(found.weight.to(dtype), bias, found.places, found.groups, found.activation)
        (result,) = self._call(found.name, module, [next(iter(found.node.inputs()))], found.output.node())
        found.output.replaceAllUsesWith(result)

    def compact(self) -> None:
        """Stores tables of embeddings in float16, from which rows are widened as they are read."""
        for node in self.graph.findAllNodes("aten::embedding"):
            table = constant(next(iter(node.inputs())))
            if table is None or table.dtype != torch.float32 or not bool((table.abs() < torch.finfo(torch.float16).max).all()):
                continue
            self._set(node, 0, table.to(torch.float16))
            copied = [self._constant(x, node) for x in (_FLOAT32, False, False, None)]
            wide = self.graph.create("aten::to", [node.output(), *copied], 1)
            node.output().replaceAllUsesWith(wide.output())
            wide.insertAfter(node)
            wide.replaceInput(0, node.output())

    def _constant(self, value, before: torch._C.Node) -> torch._C.Value:
        made = self.graph.insertConstant(value)
        made.node().moveBefore(before)
        return made

    def _set(self, node: torch._C.Node, place: int, tensor: torch.Tensor) -> None:
        """Gives a node another constant, under the name of the old one."""
        name = list(node.inputs())[place].debugName()
        value = self._constant(tensor, node)
        node.replaceInput(place, value)
        value.setDebugName(name)

    def _renorm(self, norm: torch._C.Node, affine: tuple[torch.Tensor, torch.Tensor]) -> None:
        for place, tensor in zip((2, 3), affine):
            self._set(norm, place, tensor)

    def _call(self, name: str, module: nn.Module, given: list[torch._C.Value], before: torch._C.Node) -> list[torch._C.Value]:
        """Inserts a call of a module before a node, and returns its results."""
        name = self._name(name)
        self.layers[name] = module
        self.attributes[name] = self._insert("prim::GetAttr", [next(iter(self.graph.inputs()))], before)
        self.attributes[name].node().s_("name", name)
        result = self._insert("prim::CallMethod", [self.attributes[name], *given], before)
        result.node().s_("name", "forward")
        kinds = getattr(module, "gives", None)
        if kinds is None:
            return [result]
        result.setType(torch._C.TupleType([torch._C.TensorType.get()] * kinds))
        parts = self.graph.create("prim::TupleUnpack", [result], kinds)
        parts.insertBefore(before)
        return list(parts.outputs())

    def _insert(self, kind: str, given: list[torch._C.Value], before: torch._C.Node) -> torch._C.Value:
        node = self.graph.create(kind, given, 1)
        node.insertBefore(before)
        return node.output()

    def _name(self, wanted: str) -> str:
        """Returns a name like the wanted one that is an identifier and not taken."""
        base = re.sub(r"\W", "_", wanted).strip("_") or "tensor"
        base = f"tensor_{base}" if base[0].isdigit() else base
        taken, number = {*self.layers, *self.tensors}, 1
        while (name := base if number == 1 else f"{base}_{number}") in taken:
            number += 1
        return name

    def _lift(self) -> None:
        """Makes attributes of constant tensors, so that a server can convert them. Single numbers stay constants."""
        first = next(iter(self.graph.inputs()))
        for node in list(self.graph.nodes()):
            tensor = constant(node.output()) if node.kind() == "prim::Constant" else None
            if not isinstance(tensor, torch.Tensor) or tensor.dim() == 0:
                continue
            name = self._name(node.output().debugName().removeprefix("self."))
            self.tensors[name] = tensor.detach()
            value = self._insert("prim::GetAttr", [first], node)
            value.node().s_("name", name)
            self.attributes[name] = value
            node.output().replaceAllUsesWith(value)

    def finish(self) -> torch.jit.ScriptModule:
        """Returns the module of the graph."""
        torch._C._jit_pass_dce(self.graph)
        self._lift()
        follow_input_device(self.graph)
        torch._C._jit_pass_dce(self.graph)
        # Modules of one class may share their code, so every host is of a class of its own.
        host = torch.jit.script(type("Host", (Host,), {})(self.layers, self.tensors).eval())
        next(iter(self.graph.inputs())).setType(host._c._type())
        for name in self.layers:
            self.attributes[name].setType(getattr(host, name)._c._type())
        inputs = [f"input{i}" for i in range(len(list(self.graph.inputs())) - 1)]
        typed = ", ".join(f"{name}: Tensor" for name in inputs)
        host.define(f"def forward(self, {typed}) -> Tensor:\n    return {inputs[0]}\n")
        # Torch has no call that makes a method of a graph, but the graph of a method may be changed.
        method = host.forward.graph
        (result,) = method.insertGraph(self.graph, list(method.inputs()))
        method.return_node().replaceInput(0, result)
        torch._C._jit_pass_lint(method)
        return host


def follow_input_device(graph: torch._C.Graph) -> int:
    """Lets a graph create its tensors on the device of its input instead of the device it was traced on.

    Tracing writes the device of every `arange` or mask into the graph as a constant. Returns how many of these
    constants were replaced.
    """
    first = list(graph.inputs())[1]
    device = None
    replaced = 0
    for node in list(graph.nodes()):
        if node.kind() != "prim::Constant" or node.output().type().kind() != "DeviceObjType":
            continue
        if device is None:
            made = graph.create("prim::device", [first], 1)
            made.output().setType(torch._C.DeviceObjType.get())
            graph.prependNode(made)
            device = made.output()
        node.output().replaceAllUsesWith(device)
        replaced += 1
    return replaced
