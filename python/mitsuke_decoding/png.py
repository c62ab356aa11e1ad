"""PNG files: every colour type and depth, interlaced or not, and files of careless writers."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .variant import Pixels, Variant, alpha, eight_bits, grey, in_three, over_white, picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SIZES = [(1, 1), (3, 2), (7, 9), (8, 8), (33, 21), (40, 24)]


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """Returns a chunk."""
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def packed(rows: Pixels, bits: int, filters: bool) -> bytes:
    """Returns the rows (height × width × channels) with their filter bytes."""
    out = b""
    channels = rows.shape[2]
    step = max(1, channels * bits // 8)
    above = None
    for y, row in enumerate(rows):
        flat = row.reshape(-1).astype(np.uint16)
        if bits == 16:
            line = np.frombuffer(flat.astype(">u2").tobytes(), np.uint8)
        elif bits == 8:
            line = flat.astype(np.uint8)
        else:
            line = np.packbits((flat[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8).reshape(-1))
        kind = y % 3 if filters else 0
        left = np.concatenate([np.zeros(min(step, len(line)), np.uint8), line[:-step]])
        up = np.zeros_like(line) if above is None else above
        out += bytes([kind]) + (line - (0, left, up)[kind]).astype(np.uint8).tobytes()
        above = line
    return out


def scanlines(samples: Pixels, bits: int, interlaced: bool) -> bytes:
    """Returns the data before it is compressed."""
    if not interlaced:
        return packed(samples, bits, True)
    parts = [samples[y::down, x::right] for x, y, right, down in PASSES]
    return b"".join(packed(part, bits, True) for part in parts if part.size)


def header(width: int, height: int, bits: int, color: int, interlaced: bool) -> bytes:
    """Returns the header's chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced)))


def file(samples: Pixels, bits: int, color: int, interlaced: bool = False, before: bytes = b"") -> bytes:
    """Returns a PNG of samples, height × width × channels."""
    height, width = samples.shape[:2]
    data = zlib.compress(scanlines(samples, bits, interlaced))
    return SIGNATURE + header(width, height, bits, color, interlaced) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def of_every_depth(width: int, height: int, interlaced: bool) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds, files and what they show."""
    wide = picture(width, height).astype(np.uint16) * 257 ^ 0x55
    opacity = alpha(width, height)
    for bits in (1, 2, 4, 8, 16):
        levels = wide[..., 0] >> (16 - bits)
        shown = in_three(eight_bits(levels, bits))
        yield f"grey, {bits} bits", file(levels[..., None], bits, 0, interlaced), shown
        key = int(levels[0, 0])
        see_through = over_white(shown, np.where(levels == key, 0, 255).astype(np.uint8))
        yield f"grey, {bits} bits, tRNS", file(levels[..., None], bits, 0, interlaced, chunk(b"tRNS", struct.pack(">H", key))), see_through
        if bits <= 8:
            colors = np.random.default_rng(bits).integers(0, 256, (2**bits, 3), np.uint8)
            table = chunk(b"PLTE", colors.tobytes())
            shown = colors[levels]
            yield f"palette, {bits} bits", file(levels[..., None], bits, 3, interlaced, table), shown
            opacities = np.resize(np.array([0, 255, 128], np.uint8), 2**bits)
            yield f"palette, {bits} bits, tRNS", file(levels[..., None], bits, 3, interlaced, table + chunk(b"tRNS", opacities.tobytes())), over_white(shown, opacities[levels])
    for bits in (8, 16):
        colors = wide >> (16 - bits)
        shown = eight_bits(colors, bits)
        a = opacity if bits == 8 else opacity.astype(np.uint16) * 257
        yield f"RGB, {bits} bits", file(colors, bits, 2, interlaced), shown
        yield f"RGBA, {bits} bits", file(np.dstack([colors, a]), bits, 6, interlaced), over_white(shown, opacity)
        yield f"grey with alpha, {bits} bits", file(np.dstack([colors[..., 0], a]), bits, 4, interlaced), over_white(in_three(shown[..., 0]), opacity)
        key = colors[0, 0]
        hidden = np.where((colors == key).all(axis=-1), 0, 255).astype(np.uint8)
        yield f"RGB, {bits} bits, tRNS", file(colors, bits, 2, interlaced, chunk(b"tRNS", key.astype(">u2").tobytes())), over_white(shown, hidden)


def of_careless_writers(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    """Yields kinds and files, all of which show `picture`."""
    samples = picture(width, height)
    head, data = header(width, height, 8, 2, False), zlib.compress(scanlines(samples, 8, False))
    idat, end = chunk(b"IDAT", data), chunk(b"IEND", b"")
    text = chunk(b"tEXt", b"Comment\0hello")
    yield "wrong checksum of a text", SIGNATURE + head + chunk(b"tEXt", b"Comment\0hello", 1) + idat + end
    yield "wrong checksum of the pixels", SIGNATURE + head + chunk(b"IDAT", data, 12345) + end
    yield "checksums of 0", SIGNATURE + chunk(b"IHDR", head[8:-4], 0) + chunk(b"IDAT", data, 0) + chunk(b"IEND", b"", 0)
    yield "wrong checksum of the end", SIGNATURE + head + idat + chunk(b"IEND", b"", 7)
    yield "wrong Adler-32", SIGNATURE + head + chunk(b"IDAT", data[:-4] + b"\0\0\0\1") + end
    yield "no end", SIGNATURE + head + idat
    yield "no end and no checksum", SIGNATURE + head + idat[:-4]
    yield "no Adler-32", SIGNATURE + head + chunk(b"IDAT", data[:-4]) + end
    yield "data after the end", SIGNATURE + head + idat + end + b"trailing" * 20
    cut = len(data) // 3
    yield "several and empty parts", SIGNATURE + head + b"".join(chunk(b"IDAT", p) for p in (data[:1], b"", data[1:cut], data[cut:], b"")) + end
    yield "parts with a text between", SIGNATURE + head + chunk(b"IDAT", data[:cut]) + text + chunk(b"IDAT", data[cut:]) + end
    yield "too much data", SIGNATURE + head + chunk(b"IDAT", zlib.compress(scanlines(samples, 8, False) + bytes(500))) + end
    yield "two headers", SIGNATURE + head + head + idat + end
    yield "broken profile and text", SIGNATURE + head + chunk(b"iCCP", b"\xff") + chunk(b"zTXt", b"x") + idat + end
    yield "odd chunks", SIGNATURE + head + chunk(b"gAMA", b"") + chunk(b"pHYs", b"1") + chunk(b"abCd", b"") + chunk(b"fcTL", b"") + idat + end
    control = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 10, 0, 0)
    second = struct.pack(">I", 2) + zlib.compress(scanlines(255 - samples, 8, False))
    yield "APNG", SIGNATURE + head + chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", control) + idat + chunk(b"fcTL", b"\0\0\0\1" + control[4:]) + chunk(b"fdAT", second) + end


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for (width, height), interlaced in itertools.product(SIZES, (False, True)):
        for kind, data, shown in of_every_depth(width, height, interlaced):
            yield Variant("PNG", kind + (", interlaced" if interlaced else ""), data, shown)
    for width, height in SIZES:
        for kind, data in of_careless_writers(width, height):
            yield Variant("PNG", kind, data, picture(width, height))
        apple = SIGNATURE + chunk(b"CgBI", b"\x50\x00\x20\x02") + file(np.dstack([picture(width, height), grey(width, height)]), 8, 6)[8:]
        yield Variant("PNG", "CgBI", apple, picture(width, height))
