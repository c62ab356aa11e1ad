"""WebP files: lossy and lossless, with alpha, animated, and with the containers of careless writers."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from .variant import Variant, alpha, by_pillow, picture, saved

SIZES = [(1, 1), (2, 3), (7, 9), (16, 16), (17, 33), (40, 24), (64, 48)]


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Returns the chunks of a file."""
    found, at = [], 12
    while at + 8 <= len(data):
        length = struct.unpack("<I", data[at + 4 : at + 8])[0]
        found.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def joined(parts: list[tuple[bytes, bytes]], size: int | None = None, pad: bool = True) -> bytes:
    """Returns a file of chunks."""
    body = b"".join(k + struct.pack("<I", len(d)) + d + (b"\0" if pad and len(d) % 2 else b"") for k, d in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4 if size is None else size) + b"WEBP" + body


def extended(data: bytes, flags: int, width: int, height: int, more: list[tuple[bytes, bytes]]) -> bytes:
    """Returns an extended file with these flags and more chunks at its end."""
    parts = [part for part in chunks(data) if part[0] != b"VP8X"]
    head = bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return joined([(b"VP8X", head), *parts, *more])


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for width, height in SIZES:
        colors = Image.fromarray(picture(width, height))
        clear = Image.fromarray(np.dstack([picture(width, height), alpha(width, height)]))
        encoded: list[tuple[str, bytes, bool]] = []
        for quality in (10, 50, 75, 90, 100):
            for method in (0, 4):
                encoded.append((f"lossy, quality {quality}", saved(colors, "WEBP", quality=quality, method=method), True))
                encoded.append((f"lossy with alpha, quality {quality}", saved(clear, "WEBP", quality=quality, method=method), True))
        for effort in (0, 50, 100):
            encoded.append(("lossless", saved(colors, "WEBP", lossless=True, quality=effort), False))
            encoded.append(("lossless with alpha", saved(clear, "WEBP", lossless=True, quality=effort, exact=True), False))
        for kind, data, lossy in encoded:
            yield Variant("WebP", kind, data, lossy=lossy)
        for base, lossy in ((saved(colors, "WEBP"), True), (saved(colors, "WEBP", lossless=True), False), (saved(clear, "WEBP"), True)):
            shown = by_pillow(base)
            plain = chunks(base)
            still = [part for part in plain if part[0] != b"VP8X"]
            has_alpha = 0x10 if len(still) > 1 else 0
            for kind, data in (
                ("flags without the chunks", extended(base, 0x2C | has_alpha, width, height, [])),
                ("chunks without the flags", extended(base, has_alpha, width, height, [(b"EXIF", b"abc"), (b"XMP ", b"abcd")])),
                ("lower-case chunk", extended(base, 8 | has_alpha, width, height, [(b"Exif", b"abcdef")])),
                ("loose chunks after the pixels", joined([*plain, (b"EXIF", b"abcd"), (b"XMP ", b"abc")])),
                ("unknown chunk before the pixels", joined([*plain[:-1], (b"ABCD", b"xyz"), plain[-1]])),
                ("RIFF size of 0", joined(plain, 0)),
                ("RIFF size too large", joined(plain, len(base) + 1000)),
                ("RIFF size too small", joined(plain, max(4, len(base) // 2))),
                ("data after the end", base + b"trailing" * 9),
                ("no padding", joined([(b"ABCD", b"xyz"), *plain], pad=False) if not has_alpha else base),
            ):
                yield Variant("WebP", kind, data, shown, lossy)
        for lossless in (True, False):
            moving = io.BytesIO()
            clear.save(moving, "WEBP", save_all=True, append_images=[clear.transpose(Image.Transpose.FLIP_LEFT_RIGHT)], duration=80, lossless=lossless)
            yield Variant("WebP", "animated", moving.getvalue(), lossy=not lossless)
        oriented = Image.Exif()
        oriented[0x0112] = 6
        yield Variant("WebP", "orientation", saved(colors, "WEBP", exif=oriented.tobytes(), lossless=True))
