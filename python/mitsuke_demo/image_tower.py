"""The parts of the image tower: a shared trunk, a photograph branch, an illustration branch and a gate."""

from __future__ import annotations

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from .trunk import Lite

SIZE = 224
# The number of blocks in the shared part. The features of drawings are cached at this point, so that the later blocks
# could be tuned on them.
SPLIT = 16
_STATISTICS_AT = 15  # the end of the stage whose statistics tell drawings from photographs

# Typical sRGB values of the colours of COLOURS_EN, several per colour.
_COLOUR_ANCHORS = [
    ["d01818", "a01010", "ff3030", "e05050"],  # red
    ["ff8c1a", "e07020", "ffa850"],  # orange
    ["ffe030", "f0d000", "fff080", "d8c040"],  # yellow
    ["30a030", "70c040", "186018", "80a060", "485830", "a0d8a0"],  # green
    ["60d0e0", "90e0f0", "40b0c0", "a0d0f0"],  # light blue
    ["2050d0", "4080f0", "102878", "5080b0", "6090d8"],  # blue
    ["8030b0", "a070d0", "502070", "7060a0"],  # purple
    ["ff80b0", "f0b0c8", "e050a0", "f0c8c8"],  # pink
    ["805028", "a07850", "503018", "c0a078"],  # brown
    ["ffffff", "f0f0f0"],  # white
    ["000000", "202020", "181820"],  # black
    ["808080", "505050", "b0b0b0", "a0a8b0", "d0d0d0"],  # grey
]


def _to_lab(rgb: torch.Tensor) -> torch.Tensor:
    """Converts sRGB in 0..1, channels in dimension 1, to CIE Lab, where distances follow what people see."""
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    red, green, blue = linear[:, 0], linear[:, 1], linear[:, 2]
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    xyz = torch.stack([x, y, z], 1)
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


class ColourFeatures(nn.Module):
    """The shares of twelve named colours, light and saturation in the whole picture, its middle and three bands.

    A trunk that is trained to recognise objects whatever their colour forgets most of this, and skies, nights and
    sunsets are told apart by it.
    """

    size = 12 * 5 + 3 * 5

    def __init__(self):
        super().__init__()
        values = [code for codes in _COLOUR_ANCHORS for code in codes]
        rgb = torch.tensor([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in values])
        owner = torch.zeros(len(values), 12)
        row = 0
        for name, codes in enumerate(_COLOUR_ANCHORS):
            owner[row : row + len(codes), name] = 1
            row += len(codes)
        self.register_buffer("anchors", _to_lab(rgb[:, :, None])[:, :, 0])  # [anchors, 3]
        self.register_buffer("owner", owner)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        small = F.avg_pool2d(pixels, SIZE // 28)
        lab = _to_lab(small)
        points = lab.flatten(2).transpose(1, 2)  # [batch, 784, 3]
        distance = ((points[:, :, None] - self.anchors) ** 2).sum(3)
        share = F.softmax(-distance / (2 * 12.0**2), 2) @ self.owner
        chroma = (lab[:, 1:] ** 2).sum(1, keepdim=True).sqrt() / 50
        light = lab[:, :1] / 100
        maps = torch.cat([share.transpose(1, 2).reshape(-1, 12, 28, 28), light, chroma, light**2], 1)
        bands = F.adaptive_avg_pool2d(maps, (3, 1)).flatten(1)
        return torch.cat([maps.mean((2, 3)), maps[:, :, 7:21, 7:21].mean((2, 3)), bands], 1)


class Shared(nn.Module):
    """Turns pixels in 0..1 into the feature map at the split, and statistics of an earlier stage with colours."""

    def __init__(self, lite: Lite):
        super().__init__()
        self.colours = ColourFeatures()
        self.stem = lite.stem
        self.blocks = nn.Sequential(*lite.blocks[:_STATISTICS_AT])
        self.bridge = nn.Sequential(*lite.blocks[_STATISTICS_AT:SPLIT])

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = (pixels * 255.0 - 127.0) / 128.0  # the trunk's own normalisation
        x = self.blocks(F.relu6(self.stem(x.to(self.stem.weight.dtype))))
        flat = x.flatten(2).float()
        statistics = torch.cat([flat.mean(2), flat.std(2), self.colours(pixels)], 1)
        return self.bridge(x), statistics


class Tail(nn.Module):
    """Turns the feature map at the split into the map of the last stage and 1280 pooled features."""

    def __init__(self, lite: Lite):
        super().__init__()
        self.blocks = nn.Sequential(*copy.deepcopy(lite.blocks[SPLIT:]))
        self.head = copy.deepcopy(lite.head)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.blocks(x)
        return x, F.relu6(self.head(x)).mean((2, 3))


def tail_features(last: torch.Tensor, pooled: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
    """Returns one flat vector of pooled features, the last stage in three bands, statistics and colours.

    The bands keep a little of where things are: sky is above, sea below.
    """
    bands = F.adaptive_avg_pool2d(last, (3, 1)).flatten(1)
    return torch.cat([pooled, bands, statistics], 1)


class Head(nn.Module):
    """A small network beside a linear path, on standardised features."""

    def __init__(self, inputs: int, hidden: int, outputs: int, dropout: float):
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.input = nn.Linear(inputs, hidden)
        self.middle = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, outputs, bias=False)
        self.linear = nn.Linear(inputs, outputs, bias=False)
        nn.init.normal_(self.linear.weight, std=0.005)
        self.dropout = dropout

    def standardise(self, sample: torch.Tensor) -> None:
        """Takes the mean and deviation of the inputs from a sample [rows, inputs]."""
        self.mean.copy_(sample.mean(0))
        self.deviation.copy_(sample.std(0) + 0.05)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = ((x - self.mean) / self.deviation).clamp(-6.0, 6.0)
        x = F.dropout(x, self.dropout / 2, self.training)
        y = F.dropout(F.gelu(self.input(x)), self.dropout, self.training)
        y = F.dropout(y + F.gelu(self.middle(y)), self.dropout, self.training)
        return self.output(y) + self.linear(x)


# The weight of the class vectors beside the correction, chosen on the training photographs: the smallest at which
# finding them by the name of their ImageNet class no longer gains. Finding them by their labels loses with any weight.
KNOWN_WEIGHT = 0.5


class PhotoHead(nn.Module):
    """Class vectors weighed by ImageNet class probabilities, plus a learned correction for everything else.

    The first part (ConSE, Norouzi et al. 2013) needs no labelled photographs and knows a thousand things. The
    correction is trained on a few hundred photographs and adds sky, weather, places and colours.
    """

    def __init__(self, inputs: int, classifier: nn.Linear, dimension: int, hidden: int = 256, dropout: float = 0.5):
        super().__init__()
        self.classifier = copy.deepcopy(classifier)
        self.register_buffer("class_vectors", torch.zeros(1000, dimension))
        self.correction = Head(inputs, hidden, dimension, dropout)
        self.balance = nn.Parameter(torch.tensor(1.0))
        self.sharpness = 1.0

    def classes(self, pooled: torch.Tensor) -> torch.Tensor:
        """Returns the class probabilities [batch, 1000] of pooled features."""
        return F.softmax(self.classifier(pooled) * self.sharpness, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        known = F.normalize(self.classes(features[:, :1280]) @ self.class_vectors, dim=1)
        return F.normalize(known * self.balance + self.correction(features), dim=1)

    def blended(self, features: torch.Tensor) -> torch.Tensor:
        """Returns the vectors that the exported tower gives, with both parts on one scale.

        Training leaves the length of the correction free, and it outgrows the class vectors until they no longer
        count. Here the correction has length one. The mean of the class vectors is short where the probabilities are
        spread over unlike classes, so its length says how far to trust it.
        """
        known = self.classes(features[:, :1280]) @ self.class_vectors
        return F.normalize(F.normalize(self.correction(features), dim=1) + KNOWN_WEIGHT * known, dim=1)
