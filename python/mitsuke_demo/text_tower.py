"""The text tower: the frozen sentence encoder and a trained head."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class WideLinear(nn.Linear):
    """A linear layer whose weights may be stored in half precision (see sentence_encoder.py)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = None if self.bias is None else self.bias.float()
        return F.linear(x, self.weight.float(), bias)


class TextHead(nn.Module):
    """Turns unit vectors of the sentence encoder [batch, 512] into unit vectors of the shared space."""

    def __init__(self, dimension: int, hidden: int = 512, dropout: float = 0.2):
        super().__init__()
        self.linear = WideLinear(512, dimension, bias=False)
        self.input = WideLinear(512, hidden)
        self.output = WideLinear(hidden, dimension, bias=False)
        self.dropout = dropout
        nn.init.orthogonal_(self.linear.weight)

    def forward(self, sentence: torch.Tensor) -> torch.Tensor:
        x = F.dropout(sentence * 16.0, 0.05, self.training)
        y = F.dropout(F.gelu(self.input(x)), self.dropout, self.training)
        return F.normalize(self.linear(x) + self.output(y), dim=1)


class TextTower(nn.Module):
    """Turns ids [batch, length], with 0 for padding, into unit vectors."""

    def __init__(self, trunk: nn.Module, dense: nn.Module, head: TextHead):
        super().__init__()
        self.trunk, self.dense, self.head = trunk, dense, head

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.dense(self.trunk(ids)))
