"""The last layer of a tower computes one token where the tower reads one only, with the same result."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[export]')")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mitsuke_export.graph import pooling, rewrite  # noqa: E402

WIDTH, HEADS = 16, 2


class Fused(nn.Module):
    """Attention in one operator, which may have a mask of all pairs of tokens."""

    def forward(self, q, k, v, mask):
        return F.scaled_dot_product_attention(q, k, v, mask)


class Written(nn.Module):
    """Attention as two products and a softmax."""

    def forward(self, q, k, v, mask):
        scores = q @ k.transpose(-1, -2) * 0.3 + mask
        return scores.softmax(-1) @ v


class Block(nn.Module):
    def __init__(self, attention: nn.Module):
        super().__init__()
        self.first, self.second, self.attention = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH), attention
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.wide, self.back = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, x, mask):
        normal = self.first(x)
        rows, tokens, _ = normal.shape
        q, k, v = (
            part(normal).view(rows, tokens, HEADS, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        seen = self.attention(q, k, v, mask).transpose(1, 2).contiguous()
        x = x + self.out(seen.reshape(rows, tokens, WIDTH))
        return x + self.back(F.gelu(self.wide(self.second(x))))


class Tower(nn.Module):
    """Two layers, the second of which sees no later tokens, and what `pool` makes of all tokens."""

    def __init__(self, attention: nn.Module, pool):
        super().__init__()
        self.table, self.blocks, self.pool = nn.Embedding(30, WIDTH), nn.ModuleList([Block(attention), Block(attention)]), pool
        self.norm, self.projection = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, ids):
        x = self.table(ids)
        earlier = torch.ones(ids.shape[1], ids.shape[1]).tril().log()[None, None]
        for block, mask in zip(self.blocks, (torch.zeros(1, 1, 1, 1), earlier)):
            x = block(x, mask)
        return self.projection(self.pool(self, x))


POOLS = {
    "first": lambda tower, x: tower.norm(x[:, 0]),
    "last": lambda tower, x: tower.norm(x[:, -1]),
    "norm before": lambda tower, x: tower.norm(x)[:, 2],
}
IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(23)


def outputs(graph: torch._C.Graph, ids: torch.Tensor) -> torch.Tensor:
    graph = graph.copy()
    graph.eraseInput(0)
    with torch.no_grad():
        return torch._C._create_function_from_graph("tower", graph)(ids)


def tokens(graph: torch._C.Graph) -> dict[str, int]:
    """Returns the number of tokens that each linear layer of the blocks computes."""
    shapes = pooling.shapes_of(graph, (IDS,))
    found = {}
    for node in graph.findAllNodes("aten::linear"):
        name = node.inputsAt(1).debugName()
        if "blocks" in name:
            found[name.removeprefix("self.blocks.").removesuffix(".weight")] = shapes[node.output().unique()][1]
    return found


@pytest.mark.parametrize("attention", [Fused(), Written()], ids=["fused", "written"])
@pytest.mark.parametrize("pool", POOLS)
def test_last_layer_computes_the_token_that_is_read(pool: str, attention: nn.Module) -> None:
    tower = Tower(attention, POOLS[pool]).eval()
    graph = rewrite.frozen(tower, (IDS,))
    one = {"1.query", "1.out", "1.wide", "1.back"}
    assert tokens(graph) == {
        f"{i}.{name}": 1 if f"{i}.{name}" in one else 5
        for i in (0, 1)
        for name in ("query", "key", "value", "out", "wide", "back")
    }
    for ids in (IDS, IDS[:1], torch.tensor([[4, 4, 9]] * 3), torch.arange(8)[None]):
        assert torch.allclose(outputs(graph, ids), tower(ids), atol=1e-5)


@pytest.mark.parametrize("pool", [lambda _, x: x.mean(1), lambda _, x: x[:, 0] + x.mean(1)], ids=["mean", "both"])
def test_tower_that_reads_all_tokens_computes_all(pool) -> None:
    tower = Tower(Fused(), pool).eval()
    graph = rewrite.frozen(tower, (IDS,))
    assert set(tokens(graph).values()) == {5}
    assert torch.allclose(outputs(graph, IDS), tower(IDS), atol=1e-5)


def test_choice_of_a_head_or_of_a_channel_stays_where_it_is() -> None:
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(WIDTH, WIDTH)

        def forward(self, x):
            return self.linear(x)[..., 0]

    graph = rewrite.frozen(Own().eval(), (torch.randn(2, 5, WIDTH),))
    assert "aten::slice" not in {node.kind() for node in graph.nodes()}
