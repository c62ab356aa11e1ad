"""The parts of the demo model's towers and of its training."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install -e './python[demo]')")

from mitsuke_demo import augment, fit, gate, labels  # noqa: E402
from mitsuke_demo.colours import COLOURS_EN  # noqa: E402
from mitsuke_demo.dataset import membership, recall  # noqa: E402
from mitsuke_demo.image_tower import SIZE, ColourFeatures, Head  # noqa: E402
from mitsuke_demo.trunk import Lite, SameConv  # noqa: E402

RGB = {
    "red": (0.9, 0.1, 0.1), "orange": (1.0, 0.55, 0.1), "yellow": (1.0, 0.9, 0.1), "green": (0.1, 0.7, 0.2),
    "light blue": (0.2, 0.8, 0.9), "blue": (0.1, 0.2, 0.9), "purple": (0.55, 0.1, 0.8), "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0), "gray": (0.5, 0.5, 0.5), "brown": (0.45, 0.25, 0.1), "pink": (0.95, 0.5, 0.7),
}  # fmt: skip


def flat(colour: tuple[float, float, float], size: int = 8) -> torch.Tensor:
    return torch.tensor(colour)[None, :, None, None].expand(1, 3, size, size).contiguous()


@pytest.mark.parametrize("name", RGB)
def test_pixels_get_the_name_of_their_colour(name: str) -> None:
    assert {COLOURS_EN[i] for i in augment.name_pixels(flat(RGB[name])).flatten().tolist()} == {name}


def test_drawing_without_a_main_colour_has_none() -> None:
    opaque = torch.ones(1, 1, 8, 8)
    half = torch.cat([flat(RGB["red"])[..., :3], flat(RGB["blue"])[..., :3], flat(RGB["green"])[..., :2]], 3)
    assert augment.main_colour(flat(RGB["red"]), opaque).tolist() == [COLOURS_EN.index("red")]
    assert augment.main_colour(half, opaque).tolist() == [-1]


def test_plain_drawing_lies_on_white() -> None:
    drawing = torch.zeros(1, 16, 16, 4, dtype=torch.uint8)
    drawing[:, 4:12, 4:12] = torch.tensor([255, 0, 0, 255], dtype=torch.uint8)
    picture = augment.plain(drawing, 32)
    assert picture[0, :, 0, 0].tolist() == [1.0, 1.0, 1.0]
    assert picture[0, :, 16, 16].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-5)


def test_varied_drawings_stay_pictures() -> None:
    torch.manual_seed(3)
    drawings = torch.randint(0, 256, (4, 16, 16, 4), dtype=torch.uint8)
    pictures, colours = augment.varied(drawings, 32)
    assert pictures.shape == (4, 3, 32, 32)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    assert all(-1 <= colour < 12 for colour in colours.tolist())


def test_colour_features_measure_the_share_of_a_colour() -> None:
    features = ColourFeatures()
    blue = features(flat((0.13, 0.31, 0.82), SIZE))
    assert blue.shape == (1, ColourFeatures.size)
    assert float(blue[0, COLOURS_EN.index("blue")]) > 0.9


def test_stride_of_two_pads_as_tensorflow_does() -> None:
    convolution = SameConv(1, 1, 3, stride=2)
    convolution.weight.data.fill_(1.0)
    convolution.bias.data.zero_()
    # TensorFlow pads an even edge with nothing before and one pixel after it.
    assert convolution(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9.0, 6.0], [6.0, 4.0]]


def test_trunk_has_the_channels_of_efficientnet_lite2() -> None:
    trunk = Lite(2)
    assert trunk.stage_channels == [16, 24, 48, 88, 120, 208, 352]
    assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


def test_head_standardises_its_inputs() -> None:
    head = Head(3, 4, 2, dropout=0.0).eval()
    sample = torch.randn(500, 3) * 7 + 100
    head.standardise(sample)
    assert torch.allclose(head.mean, sample.mean(0))
    assert head(sample).shape == (500, 2)


def test_gate_tells_two_kinds_apart() -> None:
    torch.manual_seed(5)
    layer = gate.fit(torch.randn(200, 4) + 2, torch.randn(200, 4) - 2)
    assert float(torch.sigmoid(layer(torch.full((1, 4), 2.0)))) > 0.8
    assert float(torch.sigmoid(layer(torch.full((1, 4), -2.0)))) < 0.2


def test_recall_counts_right_pairs_among_the_first() -> None:
    similarity = torch.eye(20)
    assert recall(similarity) == [100.0, 100.0, 100.0]
    similarity[0, 1:7] = 2.0  # six pictures come before the right one
    assert recall(similarity) == [95.0, 95.0, 100.0]


def test_contrast_is_smaller_for_right_pairs_and_ignores_pairs_left_out() -> None:
    fits, none = torch.eye(3), torch.zeros(3, 3, dtype=torch.bool)
    weight = torch.ones(3)
    right = fit.contrast(10 * torch.eye(3), fits, none, weight)
    wrong = fit.contrast(10 * torch.eye(3).roll(1, 0), fits, none, weight)
    assert float(right) < 0.01 < float(wrong)
    left = fit.contrast(10 * torch.eye(3).roll(1, 0), fits, ~torch.eye(3, dtype=torch.bool), weight)
    assert float(left) == pytest.approx(0.0, abs=1e-4)


def test_membership_holds_the_weights_of_a_group() -> None:
    items = [labels.Item("a", {"猫": 1.0, "動物": 0.5}), labels.Item("b", {"動物": 1.0})]
    vocabulary = labels.Vocabulary({"emoji": items})
    assert membership(vocabulary, "emoji").tolist() == [[1.0, 0.0], [0.5, 1.0]]
