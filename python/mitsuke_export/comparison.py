"""Compares the modules of a tower with the original, on pictures or on texts."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from . import text_inputs
from .graph import measure
from .towers import lowest, run

# The batch sizes in which towers are compared.
BATCHES = (1, 2, 5)
# The batch size in which the vectors of all inputs are computed.
MANY = 4


@dataclass
class Agreement:
    """How near a module's vectors are to the original's."""

    cosine: float
    centred_error: float


class Comparison:
    """The inputs of a tower and the original's vectors of them.

    Full towers are compared on the last `few` rows, variants on all of them, since inner products of many pairs tell
    more about a variant than a lowest cosine.
    """

    def __init__(self, what: str, inputs: list[torch.Tensor], truth: torch.Tensor, few: int):
        self.what, self.inputs, self.truth, self.few = what, inputs, truth, few

    @property
    def example(self) -> tuple[torch.Tensor, ...]:
        """Inputs to trace a tower with."""
        return tuple(x[:2] for x in self.inputs)

    def cosine(self, module) -> float:
        """Returns the lowest cosine of the last rows in several batch sizes."""
        last = [x[-self.few :] for x in self.inputs]
        return min(lowest(run(module, last, batch), self.truth[-self.few :], self.what) for batch in BATCHES)

    def agreement(self, module) -> Agreement:
        """Returns the agreement of all rows, the lowest cosine of the last ones in several batch sizes."""
        found = run(module, self.inputs, MANY)
        cosine = min(lowest(found, self.truth, self.what), self.cosine(module))
        return Agreement(cosine, measure.centred_error(found, self.truth))


class TextComparison(Comparison):
    """The rows of ids of a text tower, padded to the context length or to the longest row of a batch."""

    def __init__(self, rows: list[list[int]], settings: dict, truth: torch.Tensor, few: int):
        super().__init__("the text tower", tensors(rows, settings, trimmed=False), truth, few)
        self.rows, self.settings = rows, settings

    def trimmed(self, module) -> float | None:
        """Returns the lowest cosine of the last rows where they are padded to the longest of their batch only.

        Returns None when the module takes no other length than the one it was traced with.
        """
        cosine = 1.0
        rows, truth = self.rows[-self.few :], self.truth[-self.few :]
        try:
            for batch in BATCHES:
                for begin in range(0, len(rows), batch):
                    part = tensors(rows[begin : begin + batch], self.settings, trimmed=True)
                    with torch.no_grad():
                        found = module(*part)
                    cosine = min(cosine, lowest(found, truth[begin : begin + batch], self.what))
        except RuntimeError:
            # Tracing has written the length into the graph as a number.
            return None
        return cosine


def tensors(rows: list[list[int]], text: dict, trimmed: bool) -> list[torch.Tensor]:
    """Returns the text tower's int64 [batch, length] inputs in call order."""
    return [torch.tensor(x) for x in text_inputs.filled(rows, text, trimmed)]
