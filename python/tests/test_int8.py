"""Towers in 8 bits: which rung is kept, and what is refused."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[export]')")

from torch import nn  # noqa: E402

from mitsuke_export import variants  # noqa: E402
from mitsuke_export.comparison import Comparison  # noqa: E402
from mitsuke_export.graph import int8, measure, precisions, rewrite  # noqa: E402
from mitsuke_export.towers import write  # noqa: E402

if int8.needs() is not None:
    pytest.skip(int8.needs(), allow_module_level=True)

WIDTH, DIMENSION = 256, 64


class Residual(nn.Module):
    """The second half of a transformer's layer."""

    def __init__(self):
        super().__init__()
        self.norm, self.wide, self.back = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        return x + self.back(nn.functional.gelu(self.wide(self.norm(x))))


class Net(nn.Module):
    """A tower of three such layers and a projection."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(Residual(), Residual(), Residual())
        self.norm, self.projection = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, DIMENSION, bias=False)

    def forward(self, x):
        return self.projection(self.norm(self.layers(x)))


def even() -> Net:
    torch.manual_seed(4)
    return Net().eval()


def with_outliers() -> Net:
    """Returns the same function with channels between LayerNorm and the layer behind it that are 50 times the others."""
    net = even()
    with torch.no_grad():
        for layer in net.layers:
            channels = torch.randperm(WIDTH)[:6]
            layer.norm.weight[channels] *= 50
            layer.norm.bias[channels] *= 50
            layer.wide.weight[:, channels] /= 50
    return net


def spoil(linear: nn.Linear) -> None:
    """Gives every row of a layer one weight of 300 times the others, each in another column, and keeps their size in all.

    Such a row loses its small weights in 8 bits, and no factors of the columns bring them back.
    """
    rows, columns = linear.weight.shape
    with torch.no_grad():
        before = linear.weight.norm()
        linear.weight[torch.arange(rows), torch.arange(rows) % columns] *= 300
        linear.weight *= before / linear.weight.norm()


def with_one_hard_layer() -> Net:
    net = with_outliers()
    spoil(net.layers[2].back)
    with torch.no_grad():
        net.layers[2].back.weight *= 4
    return net


def hopeless() -> Net:
    net = even()
    for linear in (part for part in net.modules() if isinstance(part, nn.Linear)):
        spoil(linear)
    return net


def made(net: Net, folder: Path) -> tuple[dict | None, list[str], Path]:
    """Makes the int8 variant of a net as an export does; returns its figures, what was said, and the path of its file."""
    rows = torch.randn(48, WIDTH, generator=torch.Generator().manual_seed(9))
    comparison = Comparison("the net", [rows], net(rows).detach(), few=8)
    graph, said = rewrite.frozen(net, comparison.example), []
    full, path = folder / "net.pt", folder / "net.int8.pt"
    write(precisions.float32(graph), full)
    return variants.eight_bits(graph, path, full, comparison, None, said.append), said, path


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets 8 bits be the faster, since these nets are so small that it is left to chance."""
    times = iter([2.0, 1.0] * 2)
    monkeypatch.setattr(measure, "seconds", lambda *_: next(times))


def test_even_channels_pass_as_they_are(tmp_path: Path) -> None:
    figures, said, path = made(even(), tmp_path)
    assert (figures["method"], figures["kept_float32"]) == ("plain", 0), said
    assert figures["cosine"] >= 0.999
    assert 0 < figures["centred_error"] <= 0.03
    assert path.stat().st_size < 0.5 * (tmp_path / "net.pt").stat().st_size


def test_outlier_channels_need_smoothing(tmp_path: Path) -> None:
    figures, said, path = made(with_outliers(), tmp_path)
    assert figures["method"] == "smoothed", said
    assert said[0].startswith("  plain: ")
    assert path.is_file()


def test_layer_that_is_hard_to_round_stays_in_float32(tmp_path: Path) -> None:
    figures, said, path = made(with_one_hard_layer(), tmp_path)
    assert figures["method"] == "mixed", said
    assert figures["kept_float32"] >= 1
    assert "layers_2_back" in kept(path), said


def kept(path: Path) -> list[str]:
    """Returns the names of the layers that stayed in float32."""
    return [name for name, part in torch.jit.load(str(path)).named_children() if part.original_name == "Linear"]


def test_net_that_no_rung_reproduces_gets_no_variant(tmp_path: Path) -> None:
    figures, said, path = made(hopeless(), tmp_path)
    assert figures is None, said
    assert not path.exists()
    assert said[-1] == "  left out: a cosine of 0.999 and a centred error of 0.03 are needed"


def test_variant_that_is_not_faster_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "seconds", lambda *_: 1.0)
    figures, said, path = made(even(), tmp_path)
    assert figures is None
    assert not path.exists()
    assert "not faster" in said[-1]


def test_cpu_without_products_of_8_bits_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    figures, said, path = made(even(), tmp_path)
    assert figures is None
    assert not path.exists()
    assert "VNNI" in said[-1]


def test_centred_error_sees_what_a_shared_direction_hides() -> None:
    torch.manual_seed(2)
    cone = torch.zeros(64)
    cone[0] = 40.0
    vectors = cone + torch.randn(30, 64)
    others = cone + torch.randn(30, 64)
    assert measure.lowest(others, vectors) > 0.9
    assert measure.centred_error(others, vectors) > 1.0
    assert measure.centred_error(vectors, vectors) == 0.0


def test_vectors_that_are_no_numbers_have_an_infinite_error() -> None:
    vectors = torch.randn(4, 3)
    broken = vectors.clone()
    broken[0] = float("nan")
    assert measure.centred_error(broken, vectors) == float("inf")
    assert measure.lowest(broken, vectors) == -1.0
