"""The layers of exported towers. A file holds their plain weights; loading the file packs them for the CPU it runs on.

oneDNN multiplies fastest with weights in an order of its own, which depends on the CPU. TorchScript calls `__setstate__`
when it loads a module, so that is where weights are put in order, once for all threads that share the module. On any
other device, and where oneDNN cannot compute in a data type, the plain weights stay and Torch's own operators run.
"""

from typing import List, Optional, Tuple, Union

import torch
from torch import nn
from torch.nn import functional as F

# The activations that a layer applies itself: oneDNN's name of each, and its algorithm.
ACTIVATIONS = {"none": "", "relu": "", "swish": "", "gelu": "none", "gelu_tanh": "tanh"}


@torch.jit.script
def packs(weight: torch.Tensor) -> bool:
    """Returns whether oneDNN computes with this weight."""
    if weight.device.type != "cpu":
        return False
    if weight.dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return weight.dtype == torch.float32


@torch.jit.script
def for_cpu(tensor: torch.Tensor) -> torch.Tensor:
    """Returns float32 instead of float16 on a CPU, which computes slowly in float16."""
    if tensor.device.type == "cpu" and tensor.dtype == torch.float16:
        return tensor.to(torch.float32)
    return tensor


@torch.jit.script
def for_cpu_if_any(tensor: Optional[torch.Tensor]) -> Optional[torch.Tensor]:
    """Does what `for_cpu` does with a tensor that may be absent."""
    if tensor is not None:
        return for_cpu(tensor)
    return None


@torch.jit.script
def activate(x: torch.Tensor, name: str) -> torch.Tensor:
    """Applies an activation with Torch's own operators."""
    if name == "relu":
        return torch.relu(x)
    if name == "relu6":
        return torch.clamp(x, 0.0, 6.0)
    if name == "swish":
        return F.silu(x)
    if name == "gelu":
        return F.gelu(x)
    if name == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    return x


class Linear(nn.Module):
    """A linear layer with its activation, computed in the data type of its weight.

    The output is float32, unless `narrow` leaves it in the data type of the weight.
    """

    # A list, because Torch would convert a tensor attribute when a server widens a module, and packed weights have one form.
    packed: List[torch.Tensor]
    bias: Optional[torch.Tensor]

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: str = "none", narrow: bool = False):
        super().__init__()
        self.weight, self.bias = weight, bias
        self.activation, self.narrow = activation, narrow
        self.kind, self.algorithm = activation.split("_")[0], ACTIVATIONS[activation]
        self.packed = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(self.packed) == 1:
            x = x.to(self.weight.dtype)
            y = torch.ops.mkldnn._linear_pointwise(x, self.packed[0], self.bias, self.kind, [], self.algorithm)
        else:
            y = activate(F.linear(x.to(self.weight.dtype), self.weight, self.bias), self.activation)
        return y if self.narrow else y.to(torch.float32)

    @torch.jit.export
    def __getstate__(self) -> Tuple[torch.Tensor, Optional[torch.Tensor], str, str, str, bool, bool]:
        return (self.weight, self.bias, self.activation, self.kind, self.algorithm, self.narrow, self.training)

    @torch.jit.export
    def __setstate__(self, state: Tuple[torch.Tensor, Optional[torch.Tensor], str, str, str, bool, bool]) -> None:
        self.weight, self.bias = for_cpu(state[0]), for_cpu_if_any(state[1])
        self.activation, self.kind, self.algorithm = state[2], state[3], state[4]
        self.narrow, self.training = state[5], state[6]
        self.packed = []
        if packs(self.weight):
            self.packed = [torch.ops.mkldnn._reorder_linear_weight(self.weight, None)]
            # The emptied weight still tells the data type.
            self.weight = torch.zeros(0, dtype=self.weight.dtype)


class Convolution(nn.Module):
    """A convolution of pictures with its activation, computed in the data type of its weight. The output is float32.

    On a CPU the channels of a pixel lie together, which oneDNN computes fastest with.
    """

    packed: List[torch.Tensor]
    bias: Optional[torch.Tensor]
    stride: List[int]
    padding: List[int]
    dilation: List[int]

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        places: tuple[list[int], list[int], list[int]],
        groups: int,
        activation: str = "none",
    ):
        super().__init__()
        self.weight, self.bias, self.groups, self.activation = weight, bias, groups, activation
        self.stride, self.padding, self.dilation = places
        self.packed = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(self.weight.dtype)
        if len(self.packed) == 1:
            kind, algorithm = self.activation, ""
            if kind == "relu6":
                kind = "hardtanh"
            if kind == "gelu" or kind == "gelu_tanh":
                kind, algorithm = "gelu", "tanh" if kind == "gelu_tanh" else "none"
            x = x.contiguous(memory_format=torch.channels_last)
            limits = torch.jit.annotate(List[Optional[Union[int, float, complex]]], [0.0, 6.0])
            return torch.ops.mkldnn._convolution_pointwise(
                x, self.packed[0], self.bias, self.padding, self.stride, self.dilation, self.groups, kind, limits, algorithm
            ).to(torch.float32)
        y = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        return activate(y, self.activation).to(torch.float32)

    @torch.jit.export
    def __getstate__(self) -> Tuple[torch.Tensor, Optional[torch.Tensor], List[int], List[int], List[int], int, str, bool]:
        return (
            self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.activation, self.training
        )  # fmt: skip

    @torch.jit.export
    def __setstate__(
        self, state: Tuple[torch.Tensor, Optional[torch.Tensor], List[int], List[int], List[int], int, str, bool]
    ) -> None:
        self.weight, self.bias = for_cpu(state[0]), for_cpu_if_any(state[1])
        self.stride, self.padding, self.dilation, self.groups = state[2], state[3], state[4], state[5]
        self.activation, self.training = state[6], state[7]
        self.packed = []
        if packs(self.weight):
            packed = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight, self.padding, self.stride, self.dilation, self.groups, None
            )
            self.packed = [packed]
            self.weight = torch.zeros(0, dtype=self.weight.dtype)


class Quantize(nn.Module):
    """Turns a float32 tensor into unsigned 8-bit numbers: the numbers, their scale and their zero point.

    Scale and zero point are those of the tensor at hand. `factors`, one for each channel, are multiplied in before.
    """

    factors: Optional[torch.Tensor]
    # The number of tensors that it returns.
    gives = 3

    def __init__(self, factors: torch.Tensor | None = None):
        super().__init__()
        self.factors = factors

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        factors = self.factors
        if factors is not None:
            x = x * factors
        low, high = torch.aminmax(x)
        # Zero has to be among the numbers, as oneDNN pads with it; a tensor of zeros must not have the scale 0.
        low, high = low.clamp(max=0.0), high.clamp(min=0.0)
        scale = ((high - low) / 255.0).clamp(min=1e-12)
        zero = (-low / scale).round().to(torch.int32)
        return torch.int_repr(torch.quantize_per_tensor(x, scale, zero, torch.quint8)), scale, zero


class Int8Linear(nn.Module):
    """A linear layer of 8-bit inputs and weights, with its activation. It runs on CPUs only."""

    packed: List[torch.Tensor]
    bias: Optional[torch.Tensor]

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: str = "none"):
        super().__init__()
        # Every row of the weight has a scale of its own.
        self.scale = weight.abs().amax(1).clamp(min=1e-12) / 127.0
        self.weight = (weight / self.scale[:, None]).round().to(torch.int8)
        self.bias = bias
        self.kind, self.algorithm = activation.split("_")[0], ACTIVATIONS[activation]
        self.zero = torch.zeros_like(self.scale, dtype=torch.int64)
        self.packed = []

    def forward(self, x: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
        return torch.ops.onednn.qlinear_pointwise(
            x, scale, zero, self.packed[0], self.scale, self.zero, self.bias, 1.0, 0, torch.float32, self.kind, [], self.algorithm
        )

    @torch.jit.export
    def __getstate__(self) -> Tuple[torch.Tensor, torch.Tensor, Optional[torch.Tensor], str, str, bool]:
        return (self.weight, self.scale, self.bias, self.kind, self.algorithm, self.training)

    @torch.jit.export
    def __setstate__(self, state: Tuple[torch.Tensor, torch.Tensor, Optional[torch.Tensor], str, str, bool]) -> None:
        self.scale, self.bias, self.kind, self.algorithm, self.training = state[1], state[2], state[3], state[4], state[5]
        self.packed = [torch.ops.onednn.qlinear_prepack(state[0], None)]
        self.weight = torch.zeros(0, dtype=torch.int8)
        self.zero = torch.zeros(self.scale.size(0), dtype=torch.int64)


class Attention(nn.Module):
    """Attention in bfloat16. The output is float32, unless `narrow` leaves it in bfloat16.

    The fused operator keeps the products of queries and keys in float32. Written as two products and a softmax, attention
    takes a little less time on a CPU, but rounds these products, which the softmax turns into large errors.
    """

    def __init__(self, narrow: bool):
        super().__init__()
        self.narrow = narrow

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Optional[torch.Tensor], causal: bool, scale: Optional[float]
    ) -> torch.Tensor:
        if mask is not None and mask.is_floating_point():
            mask = mask.to(torch.bfloat16)
        q, k, v = q.to(torch.bfloat16), k.to(torch.bfloat16), v.to(torch.bfloat16)
        y = F.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale)
        return y if self.narrow else y.to(torch.float32)


class Record(nn.Module):
    """Passes a tensor on, and keeps the largest absolute value of each of its channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.most = torch.zeros(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.most = torch.maximum(self.most, x.abs().flatten(0, -2).amax(0))
        return x


class Trial(nn.Module):
    """A linear layer that computes in float32, or as in 8 bits while `rounded` is set."""

    bias: Optional[torch.Tensor]

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: str, factors: torch.Tensor):
        super().__init__()
        self.weight, self.bias, self.activation, self.factors = weight, bias, activation, factors
        self.rounded = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        if self.rounded:
            x = x / self.factors
            low, high = torch.aminmax(x)
            step = ((high.clamp(min=0.0) - low.clamp(max=0.0)) / 255.0).clamp(min=1e-12)
            x = (x / step).round() * step * self.factors
            weight = weight * self.factors
            scale = (weight.abs().amax(1, keepdim=True) / 127.0).clamp(min=1e-12)
            weight = (weight / scale).round() * scale / self.factors
        return activate(F.linear(x, weight, self.bias), self.activation)
