"""Leaves out what the last layer of a tower computes for tokens that nothing reads.

Many towers take the vector of one token, such as the first, and drop the others. The last layer then needs keys and values
of all tokens, but the query, the products behind the attention and the sums of that one token only. The choice of the
token stands at the end of a traced graph; here it moves up as far as each token is computed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import torch

from .sites import ATTENTION, SHAPE, constant

# Operators that compute each number of their output from the number at the same place of each input.
EACH_NUMBER = {
    f"aten::{name}"
    for name in ("add", "sub", "mul", "div", "relu", "gelu", "silu", "sigmoid", "tanh", "to", "contiguous", "dropout")
}
# Operators that arrange numbers in another way, and may get another shape.
SHAPED = ("aten::view", "aten::reshape", "aten::flatten", "aten::unflatten")
# Operators that are repeated for one token even where all tokens are computed too, as they cost next to nothing.
CHEAP = (*SHAPED, "aten::layer_norm", "aten::transpose", "aten::permute", "aten::contiguous")
# The end of a slice that has none.
OPEN = 2**63 - 1


@dataclass
class _Choice:
    """What one choice of a token needs of the values above it."""

    # Value → the dimension of its tokens, and the inputs of nodes that need no more than one token of it.
    wanted: dict[int, tuple[int, set[tuple[int, int]]]] = field(default_factory=dict)
    # The nodes that compute one token, in the order of the graph, reversed.
    repeated: list[torch._C.Node] = field(default_factory=list)
    # The values of which one token is taken, with its dimension.
    taken: list[tuple[torch._C.Value, int]] = field(default_factory=list)

    @property
    def worthwhile(self) -> bool:
        return any(node.kind() == "aten::linear" for node in self.repeated)


def choose_early(graph: torch._C.Graph, example: tuple[torch.Tensor, ...]) -> int:
    """Moves the choices of single tokens up in a frozen graph, and returns how many were moved.

    `example` has more than one token, and tells the shapes of values. Any other number of rows and tokens may follow.
    """
    # Values that a move makes have no shape here, so that nothing moves up past them.
    shapes, moved = shapes_of(graph, example), 0
    for node in list(graph.findAllNodes("aten::select")):
        choice = _find(graph, node, shapes)
        if choice is not None and choice.worthwhile:
            _move(graph, node, choice, shapes)
            moved += 1
    if moved:
        torch._C._jit_pass_dce(graph)
        torch._C._jit_pass_lint(graph)
    return moved


def shapes_of(graph: torch._C.Graph, example: tuple[torch.Tensor, ...]) -> dict[int, list[int]]:
    """Returns the shape of each tensor that a graph computes of an example, by the number of its value."""
    measured = graph.copy()
    values, sizes = [], []
    # Values have other numbers in a copy.
    for original, node in zip(list(graph.nodes()), list(measured.nodes()), strict=True):
        for original_value, value in zip(original.outputs(), node.outputs()):
            if value.type().kind() == "TensorType" and node.kind() != "prim::Constant":
                size = measured.create("aten::size", [value], 1)
                size.output().setType(torch._C.ListType.ofInts())
                size.insertAfter(node)
                values.append(original_value.unique())
                sizes.append(size.output())
    made = measured.create("prim::ListConstruct", sizes, 1)
    made.output().setType(torch._C.ListType(torch._C.ListType.ofInts()))
    measured.appendNode(made)
    for _ in list(measured.outputs()):
        measured.eraseOutput(0)
    measured.registerOutput(made.output())
    # A frozen graph has no use for its module.
    first = next(iter(measured.inputs()))
    if first.type().kind() == "ClassType":
        measured.eraseInput(0)
    function = torch._C._create_function_from_graph("shapes", measured)
    with torch.no_grad():
        return dict(zip(values, function(*example), strict=True))


def _find(graph: torch._C.Graph, chosen: torch._C.Node, shapes: dict[int, list[int]]) -> _Choice | None:
    """Returns what a choice of a token needs, or None for other uses of `select`."""
    source, *where = list(chosen.inputs())
    place, index = (constant(x) for x in where)
    shape = shapes.get(source.unique())
    if shape is None or place is None or index is None:
        return None
    place %= len(shape)
    if shape[place] == 1:
        return None
    choice = _Choice()
    choice.wanted[source.unique()] = (place, {(_key(chosen), 0)})
    for node in reversed(list(graph.nodes())):
        value = node.output() if node.outputsSize() == 1 else None
        if value is None or value.unique() not in choice.wanted:
            continue
        dimension, wanting = choice.wanted[value.unique()]
        uses = {(_key(use.user), use.offset) for use in value.uses() if use.user.kind() not in SHAPE}
        # A node that is repeated beside what it was goes on to read all tokens.
        alone = uses <= wanting
        above = _above(node, dimension, shapes) if alone or node.kind() in CHEAP else None
        if above is None or not _want(choice, node, above, alone):
            choice.taken.append((value, dimension))
        else:
            choice.repeated.append(node)
    return choice


def _key(node: torch._C.Node) -> int:
    """Returns what tells a node from the others of its graph; the end of the graph has no output."""
    return next((value.unique() for value in node.outputs()), -1)


def _want(choice: _Choice, node: torch._C.Node, above: dict[int, int], alone: bool) -> bool:
    """Asks for one token of some inputs of a node; returns False, and asks for none, where another dimension is wanted."""
    values = {offset: node.inputsAt(offset).unique() for offset in above}
    wanted = choice.wanted
    if any(node.inputsAt(offset).node().kind() == "prim::Param" for offset in above):
        return False
    if any(wanted.get(name, (above[offset],))[0] != above[offset] for offset, name in values.items()):
        return False
    for offset, name in values.items():
        readers = wanted.setdefault(name, (above[offset], set()))[1]
        if alone:
            readers.add((_key(node), offset))
    return True


def _above(node: torch._C.Node, dimension: int, shapes: dict[int, list[int]]) -> dict[int, int] | None:
    """Returns the inputs of which a node needs one token to compute one token of its output, with their dimension.

    Returns None where it needs more.
    """
    shape = shapes.get(node.output().unique())
    if shape is None:
        return None
    rank, kind = len(shape), node.kind()
    given = list(node.inputs())

    def across(offsets: tuple[int, ...]) -> dict[int, int] | None:
        """Returns the inputs that are as long as the output; one that is shorter is repeated for every token."""
        found = {}
        for offset in offsets:
            own = shapes.get(given[offset].unique())
            if own is None and given[offset].node().kind() == "prim::Constant":
                # Tracing writes single numbers as tensors.
                own = list(torch.as_tensor(constant(given[offset])).shape)
            if own is None:
                return None
            place = dimension - (rank - len(own))
            if place >= 0 and own[place] != 1:
                found[offset] = place
        return found

    if kind in EACH_NUMBER:
        tensors = [i for i, value in enumerate(given) if value.type().kind() == "TensorType"]
        return across(tuple(tensors))
    if kind == "aten::layer_norm":
        return {0: dimension} if dimension < rank - len(constant(given[1]) or shape) else None
    if kind in ("aten::linear", "aten::softmax"):
        last = constant(given[1]) % rank if kind == "aten::softmax" else rank - 1
        return {0: dimension} if dimension != last else None
    if kind == "aten::matmul":
        # The rows of the product are those of its left side.
        left = shapes.get(given[0].unique())
        return {0: dimension} if left is not None and len(left) == rank and dimension == rank - 2 else None
    if kind == ATTENTION:
        query = shapes.get(given[0].unique())
        if query is None or dimension != rank - 2 or constant(given[5]) is not False:
            return None
        mask = {} if given[3].type().kind() == "NoneType" else across((3,))
        return None if mask is None else {0: dimension, **mask}
    if kind == "aten::transpose":
        one, other = (constant(x) % rank for x in given[1:3])
        return {0: {one: other, other: one}.get(dimension, dimension)}
    if kind == "aten::permute":
        return {0: constant(given[1])[dimension] % rank}
    if kind == "aten::slice":
        place, begin, end, step = (constant(x) for x in given[1:5])
        whole = (begin in (0, None)) and end in (OPEN, None) and step == 1
        return {0: dimension} if place is not None and (whole or place % rank != dimension) else None
    if kind in SHAPED:
        before = shapes.get(given[0].unique())
        if before is None:
            return None
        size, ahead = shape[dimension], prod(shape[:dimension])
        matching = [i for i, own in enumerate(before) if own == size and prod(before[:i]) == ahead]
        return {0: matching[0]} if len(matching) == 1 else None
    return None


def _move(graph: torch._C.Graph, chosen: torch._C.Node, choice: _Choice, shapes: dict[int, list[int]]) -> None:
    """Computes one token of all that a choice needs, and lets the choice read that."""
    index = constant(chosen.inputsAt(2))
    single: dict[int, torch._C.Value] = {}
    for value, dimension in choice.taken:
        bounds = [dimension, index, OPEN if index == -1 else index + 1, 1]
        node = graph.create("aten::slice", [value], 1)
        node.insertAfter(value.node())
        for bound in bounds:
            node.addInput(_constant(graph, bound, node))
        single[value.unique()] = node.output()
    for node in reversed(choice.repeated):
        name = node.output().unique()
        dimension, _ = choice.wanted[name]
        above = _above(node, dimension, shapes)
        copy = graph.createClone(node, lambda value: value)
        copy.insertAfter(node)
        for offset in above:
            copy.replaceInput(offset, single[node.inputsAt(offset).unique()])
        if node.kind() in ("aten::view", "aten::reshape"):
            copy.replaceInput(1, _sizes_of_one(graph, copy, dimension))
        single[name] = copy.output()
    for node in choice.repeated:
        _read_sizes_elsewhere(graph, node.output(), choice, single, len(shapes[node.output().unique()]))
    chosen.replaceInput(0, single[chosen.inputsAt(0).unique()])
    chosen.replaceInput(2, _constant(graph, 0, chosen))


def _constant(graph: torch._C.Graph, value: int | list[int], before: torch._C.Node) -> torch._C.Value:
    made = graph.insertConstant(value)
    made.node().moveBefore(before)
    return made


def _sizes_of_one(graph: torch._C.Graph, node: torch._C.Node, dimension: int) -> torch._C.Value:
    """Returns the sizes that a node gives its output, with 1 for the dimension of the tokens."""
    given = node.inputsAt(1)
    fixed = constant(given)
    if fixed is not None:
        return _constant(graph, [1 if i == dimension else size for i, size in enumerate(fixed)], node)
    one = _constant(graph, 1, node)
    sizes = [one if i == dimension else size for i, size in enumerate(given.node().inputs())]
    made = graph.create("prim::ListConstruct", sizes, 1)
    made.output().setType(torch._C.ListType.ofInts())
    made.insertBefore(node)
    return made.output()


def _read_sizes_elsewhere(
    graph: torch._C.Graph, value: torch._C.Value, choice: _Choice, single: dict[int, torch._C.Value], rank: int
) -> None:
    """Lets those who read sizes of a value read them elsewhere, so that it need not be computed for its sizes."""
    dimension, _ = choice.wanted[value.unique()]
    for reader in [use.user for use in value.uses() if use.user.kind() == "aten::size" and use.user.inputsSize() == 2]:
        asked = constant(reader.inputsAt(1))
        if asked is None:
            continue
        if asked % rank != dimension:
            reader.replaceInput(0, single[value.unique()])
            continue
        source = next(((whole, place) for whole, place in choice.taken if whole.node().isBefore(reader)), None)
        if source is not None:
            reader.replaceInput(0, source[0])
            reader.replaceInput(1, _constant(graph, source[1], reader))
