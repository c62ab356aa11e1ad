"""BMP files: every header, depth and compression, and headers that say less than they should."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from .variant import Pixels, Variant, alpha, eight_bits, over_white, picture

SIZES = [(1, 1), (3, 2), (7, 9), (8, 8), (33, 21), (40, 24)]
HEADERS = (12, 40, 52, 56, 64, 108, 124)


def padded(rows: list[bytes]) -> bytes:
    """Returns rows padded to four bytes."""
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


def file(
    size: tuple[int, int],
    bits: int,
    data: bytes,
    *,
    header: int = 40,
    compression: int = 0,
    palette: Pixels | None = None,
    masks: tuple[int, ...] = (),
    top_down: bool = False,
    offset: int | None = None,
    file_size: int | None = None,
) -> bytes:
    """Returns a BMP file."""
    width, height = size
    entries = 0 if palette is None else len(palette)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(data), 2835, 2835, entries, 0)
        if header > 40:
            info = (info + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")[:header]
        else:
            info += struct.pack(f"<{len(masks)}I", *masks)
    table = b"" if palette is None else b"".join(bytes([b, g, r]) + (b"" if header == 12 else b"\0") for r, g, b in palette.tolist())
    start = 14 + len(info) + len(table)
    total = start + len(data) if file_size is None else file_size
    return b"BM" + struct.pack("<IHHI", total, 0, 0, start if offset is None else offset) + info + table + data


def run_lengths(indices: Pixels, bits: int, absolute: bool) -> bytes:
    """Compresses indices, rows from the bottom."""
    out = b""
    for row in indices[::-1].tolist():
        at = 0
        while at < len(row):
            part = row[at : at + 5] if absolute and len(row) - at >= 3 else None
            if part and len(part) >= 3:
                data = bytes(part) if bits == 8 else bytes((a << 4 | b) for a, b in zip(part[::2], [*part[1::2], 0][: len(part[::2])]))
                out += bytes([0, len(part)]) + data + bytes(len(data) % 2)
                at += len(part)
                continue
            length = 1
            while at + length < len(row) and row[at + length] == row[at] and length < 255:
                length += 1
            out += bytes([length, row[at] if bits == 8 else row[at] * 17])
            at += length
        out += b"\0\0"
    return out


def with_palettes(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds, files and what they show."""
    size = (width, height)
    for bits in (1, 2, 4, 8):
        colors = np.random.default_rng(bits).integers(0, 256, (2**bits, 3), np.uint8)
        indices = (picture(width, height)[..., 0] >> (8 - bits)).astype(np.uint8)
        shown = colors[indices]
        bit_rows = (indices[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(height, -1)
        rows = [np.packbits(row).tobytes() for row in bit_rows[::-1]]
        for header in HEADERS:
            yield f"{bits} bits, header of {header}", file(size, bits, padded(rows), header=header, palette=colors), shown
        yield f"{bits} bits, top-down", file(size, bits, padded(rows[::-1]), palette=colors, top_down=True), shown
        yield "offset of 0", file(size, bits, padded(rows), palette=colors, offset=0), shown
        yield "file size of 0", file(size, bits, padded(rows), palette=colors, file_size=0), shown
        yield "last padding missing", file(size, bits, padded(rows)[: len(padded(rows)) - (-len(rows[0]) % 4)], palette=colors), shown
        short = max(1, len(colors) // 2)
        dark = np.concatenate([colors[:short], np.zeros((len(colors) - short, 3), np.uint8)])
        yield f"{bits} bits, short palette", file(size, bits, padded(rows), palette=colors[:short]), dark[indices]
        if bits < 4:
            continue
        for name, absolute in (("runs", False), ("runs and pixels", True)):
            data = run_lengths(indices, bits, absolute)
            compression = 1 if bits == 8 else 2
            yield f"RLE{bits}, {name}", file(size, bits, data + b"\0\1", palette=colors, compression=compression), shown
            yield f"RLE{bits}, no end code", file(size, bits, data, palette=colors, compression=compression), shown
        sparse = np.zeros_like(indices)
        sparse[height - 1 - (height - 1) // 2, width // 2] = 1
        data = bytes([0, 2, width // 2, (height - 1) // 2, 1, 1 if bits == 8 else 17, 0, 1])
        yield f"RLE{bits}, jumps", file(size, bits, data, palette=colors, compression=1 if bits == 8 else 2), colors[sparse]


def with_samples(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds, files and what they show."""
    size, colors, opacity = (width, height), picture(width, height), alpha(width, height)
    opacity[0, 0] = 200
    r, g, b = (colors[..., i].astype(np.uint32) for i in range(3))

    def pack(values: Pixels, kind: str, flip: bool = True) -> bytes:
        return padded([row.astype(kind).tobytes() for row in (values[::-1] if flip else values)])

    for header in HEADERS:
        rows = [row[:, ::-1].tobytes() for row in colors[::-1]]
        yield f"24 bits, header of {header}", file(size, 24, padded(rows), header=header), colors
    yield "24 bits, top-down", file(size, 24, padded(rows[::-1]), top_down=True), colors
    yield "24 bits, offset of 0", file(size, 24, padded(rows), offset=0), colors
    five = np.dstack([eight_bits(c >> 3, 5) for c in (r, g, b)])
    yield "16 bits, 555", file(size, 16, pack(r >> 3 << 10 | g >> 3 << 5 | b >> 3, "<u2")), five
    values = r >> 3 << 11 | g >> 2 << 5 | b >> 3
    shown = np.dstack([eight_bits(r >> 3, 5), eight_bits(g >> 2, 6), eight_bits(b >> 3, 5)])
    for header in (40, 52, 56, 108, 124):
        masks = (0xF800, 0x7E0, 0x1F) + ((0,) if header >= 56 else ())
        yield f"16 bits, 565, header of {header}", file(size, 16, pack(values, "<u2"), header=header, compression=3, masks=masks), shown
    whole = r << 16 | g << 8 | b
    for unused in (0, 255):
        yield "32 bits, unused byte", file(size, 32, pack(whole | np.uint32(unused << 24), "<u4")), colors
    for header in (40, 52, 56, 108, 124):
        masks = (0xFF0000, 0xFF00, 0xFF)
        yield f"32 bits, masks, header of {header}", file(size, 32, pack(whole, "<u4"), header=header, compression=3, masks=masks), colors
        if header >= 56:
            data = pack(whole | opacity.astype(np.uint32) << 24, "<u4")
            seen = over_white(colors, opacity)
            yield f"32 bits, alpha, header of {header}", file(size, 32, data, header=header, compression=3, masks=(*masks, 0xFF000000)), seen
            yield "32 bits, alpha of 0", file(size, 32, pack(whole, "<u4"), header=header, compression=3, masks=(*masks, 0xFF000000)), colors
    swapped = r << 24 | g << 16 | b << 8
    yield "32 bits, other masks", file(size, 32, pack(swapped, "<u4"), compression=3, masks=(0xFF000000, 0xFF0000, 0xFF00)), colors
    ten = (r * 4 + 1) << 20 | (g * 4 + 1) << 10 | (b * 4 + 1)
    yield "32 bits, 10 bits a sample", file(size, 32, pack(ten, "<u4"), compression=3, masks=(0x3FF << 20, 0x3FF << 10, 0x3FF)), np.dstack([eight_bits(c * 4 + 1, 10) for c in (r, g, b)])
    yield "JPEG within", file(size, 0, b"\xff\xd8\xff\xe0", compression=4), colors
    yield "PNG within", file(size, 0, b"\x89PNG", compression=5), colors


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for width, height in SIZES:
        for kind, data, shown in (*with_palettes(width, height), *with_samples(width, height)):
            yield Variant("BMP", kind, data, shown)
