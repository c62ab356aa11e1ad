"""The gate: a logistic regression that tells photographs from drawings by early statistics and colours."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


def fit(photographs: torch.Tensor, drawings: torch.Tensor, steps: int = 400, decay: float = 3e-3) -> nn.Linear:
    """Returns a linear layer on raw statistics whose sigmoid is the probability of a photograph.

    The decay keeps the gate soft, so that a picture between the kinds (a painting, a rendering) uses both branches.
    """
    torch.manual_seed(0)
    x = torch.cat([photographs, drawings]).float()
    y = torch.cat([torch.ones(len(photographs)), torch.zeros(len(drawings))])
    mean, deviation = x.mean(0), x.std(0) + 0.05
    x = (x - mean) / deviation
    layer = nn.Linear(x.size(1), 1)
    nn.init.zeros_(layer.weight)
    balance = torch.tensor(len(drawings) / len(photographs))
    optimiser = torch.optim.AdamW(layer.parameters(), 5e-3, weight_decay=0.0)
    for _ in range(steps):
        logits = layer(x)[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, y, pos_weight=balance)
        loss = loss + decay * layer.weight.pow(2).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # The standardisation is folded into the layer.
    with torch.no_grad():
        layer.weight.div_(deviation)
        layer.bias.sub_((layer.weight * mean).sum())
    layer.requires_grad_(False)
    print("gate: photographs %.3f, drawings %.3f" % (
        torch.sigmoid(layer(photographs.float())).mean(), torch.sigmoid(layer(drawings.float())).mean()))  # fmt: skip
    return layer
