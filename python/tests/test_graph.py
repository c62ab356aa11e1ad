"""Rewritten towers compute what the traced ones do, with layers that are packed when they are loaded."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[export]')")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mitsuke_export import towers  # noqa: E402
from mitsuke_export.graph import int8, layers, precisions, rewrite, sites  # noqa: E402

WIDTH, HEADS = 32, 4


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A layer of a transformer: LayerNorm, attention, LayerNorm, two linear layers."""

    def __init__(self, activation: nn.Module, width: int = WIDTH):
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.wide, self.activation, self.back = nn.Linear(width, 2 * width), activation, nn.Linear(2 * width, width)

    def forward(self, x):
        normal = self.first(x)
        q, k, v = (
            part(normal).unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        seen = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.back(self.activation(self.wide(self.second(x))))


class Encoder(nn.Module):
    """Two blocks between an embedding and a projection that is written as a product with a matrix."""

    def __init__(self, activation: nn.Module):
        super().__init__()
        self.table, self.places = nn.Embedding(50, WIDTH), nn.Embedding(9, WIDTH)
        self.blocks = nn.Sequential(Block(activation), Block(activation))
        self.projection = nn.Parameter(torch.randn(WIDTH, 8))

    def forward(self, ids):
        places = self.places(torch.arange(ids.shape[1]))
        return self.blocks(self.table(ids) + places)[:, 0] @ self.projection


class Pictures(nn.Module):
    """Convolutions with BatchNorm, ReLU6, and TensorFlow's padding."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, bias=False)
        self.normal = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, 5, 2, groups=8)
        self.last = nn.Conv2d(8, 12, 1)
        for tensor in (self.normal.running_mean, self.normal.running_var, self.normal.weight, self.normal.bias):
            nn.init.uniform_(tensor, 0.5, 1.5)

    def forward(self, x):
        x = F.relu6(self.normal(self.stem(F.pad(x, (0, 1, 0, 1)))) * 2)
        x = F.relu6(self.depth(F.pad(x, (1, 2, 1, 2))))
        return F.silu(self.last(x)).mean((2, 3))


IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
ACTIVATIONS = {"swish": QuickGelu(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"), "relu": nn.ReLU(), "none": nn.Tanh()}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


def written(module: torch.jit.ScriptModule, path: Path, **place) -> torch.jit.ScriptModule:
    """Writes a module and reads it back, as a server does."""
    towers.write(module, path / "tower.pt")
    return torch.jit.load(str(path / "tower.pt"), **place).eval()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_joined_with_the_layer_before_it(name: str, tmp_path: Path) -> None:
    encoder = Encoder(ACTIVATIONS[name]).eval()
    graph = rewrite.frozen(encoder, (IDS,))
    groups = {group.name: group for group in sites.find(graph.copy())}
    assert [site.activation for site in groups["blocks.0.wide"].sites] == [name]
    loaded = written(precisions.float32(graph), tmp_path)
    assert "sigmoid" not in loaded.code and "gelu" not in loaded.code
    for ids in (IDS, IDS[:1], torch.tensor([[4, 4]] * 3)):
        assert torch.allclose(loaded(ids), encoder(ids), atol=1e-4)


def test_layers_of_one_input_make_a_group() -> None:
    groups = sites.find(rewrite.frozen(Encoder(nn.GELU()).eval(), (IDS,)).copy())
    names = [[site.name.removeprefix("blocks.") for site in group.sites] for group in groups]
    first = [["0.query", "0.key", "0.value"], ["0.out"], ["0.wide"], ["0.back"]]
    # In the last block the query is that of one token, so that it reads another value.
    last = [["1.query"], ["1.key", "1.value"], ["1.out"], ["1.wide"], ["1.back"]]
    assert names == [*first, *last, ["projection"]]
    normed = [["0.query", "0.key", "0.value"], ["0.wide"], ["1.query"], ["1.key", "1.value"], ["1.wide"]]
    assert [names[i] for i, group in enumerate(groups) if group.norm is not None] == normed


def test_layer_norm_that_is_read_elsewhere_too_stays_as_it_is() -> None:
    class Post(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.linear = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x):
            x = self.norm(x)
            return x + self.linear(x)

    (group,) = sites.find(rewrite.frozen(Post().eval(), (torch.randn(2, WIDTH),)).copy())
    assert group.norm is None


def test_weights_are_packed_on_a_cpu_only(tmp_path: Path) -> None:
    module = precisions.float32(rewrite.frozen(Encoder(nn.GELU()).eval(), (IDS,)))
    here = written(module, tmp_path)
    elsewhere = written(module, tmp_path, map_location="meta")
    assert len(here.blocks_0_wide.packed) == 1
    assert here.blocks_0_wide.weight.numel() == 0
    # The device without data stands for a GPU: Torch's own operators run there on the plain weights.
    assert len(elsewhere.blocks_0_wide.packed) == 0
    assert elsewhere.blocks_0_wide.weight.shape == (2 * WIDTH, WIDTH)
    assert elsewhere(IDS.to("meta")).device.type == "meta"
    assert torch.allclose(module(IDS), here(IDS), atol=1e-5)


def test_bfloat16_keeps_sums_and_results_in_float32(tmp_path: Path) -> None:
    encoder = Encoder(QuickGelu()).eval()
    graph = rewrite.frozen(encoder, (IDS,))
    loaded = written(precisions.bfloat16(graph), tmp_path)
    assert loaded.blocks_0_wide.weight.dtype == torch.bfloat16
    assert loaded.table_weight.dtype == torch.float16
    assert loaded.blocks_0_first_weight.dtype == torch.float32
    found = loaded(IDS)
    assert found.dtype == torch.float32
    assert F.cosine_similarity(found, encoder(IDS)).min() > 0.999
    plain = written(precisions.bfloat16(graph), tmp_path, map_location="meta")
    assert plain(IDS.to("meta")).dtype == torch.float32


def test_float16_is_widened_on_a_cpu_and_computes_as_it_is_elsewhere(tmp_path: Path) -> None:
    encoder = Pictures().eval()
    pixels = torch.randn(2, 3, 32, 32)
    module = precisions.float16(rewrite.frozen(encoder, (pixels,)), tensors=True)
    loaded = written(module, tmp_path).float()
    assert torch.allclose(loaded(pixels), encoder(pixels), atol=2e-3)
    # Before it is written, the module has plain weights, as on a GPU.
    assert module.last.weight.dtype == torch.float16
    assert F.cosine_similarity(module(pixels.half()).float(), encoder(pixels)).min() > 0.999


def test_convolutions_take_in_normalisation_padding_and_activation(tmp_path: Path) -> None:
    encoder = Pictures().eval()
    pixels = torch.randn(3, 3, 32, 32)
    graph = rewrite.frozen(encoder, (pixels,))
    found = sites.filters(graph.copy())
    assert [one.activation for one in found] == ["relu6", "relu6", "swish"]
    assert [one.places[1] for one in found] == [[1, 1], [2, 2], [0, 0]]
    loaded = written(precisions.float32(graph), tmp_path)
    assert "pad" not in loaded.code and "batch_norm" not in loaded.code
    for batch in (pixels, pixels[:1]):
        assert torch.allclose(loaded(batch), encoder(batch), atol=1e-5)


def test_multi_head_attention_of_torch_is_taken_apart(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0][:, 0]

    module, x = Own().eval(), torch.randn(2, 5, WIDTH)
    graph = rewrite.frozen(module, (x,))
    assert len(sites.find(graph.copy())) == 2
    assert torch.allclose(written(precisions.float32(graph), tmp_path)(x), module(x), atol=1e-5)


def test_layers_of_one_input_share_its_rounding(tmp_path: Path) -> None:
    loaded = written(rewrite.rewrite(rewrite.frozen(Encoder(nn.GELU()).eval(), (IDS,)), int8.quantized), tmp_path)
    kinds = [part.original_name for _, part in loaded.named_children()]
    # Six layers in four groups of the first block and five of the last, and the projection.
    assert (kinds.count("Quantize"), kinds.count("Int8Linear"), kinds.count("Linear")) == (10, 13, 0)


def test_zeros_are_rounded_to_zeros() -> None:
    numbers, scale, zero = layers.Quantize()(torch.zeros(2, 4))
    assert torch.equal((numbers - zero) * scale, torch.zeros(2, 4))


def test_rounded_numbers_lie_within_half_a_step() -> None:
    x = torch.randn(16, 8) + 3
    numbers, scale, zero = layers.Quantize()(x)
    assert float(((numbers.float() - zero) * scale - x).abs().max()) <= float(scale) * 0.5001
