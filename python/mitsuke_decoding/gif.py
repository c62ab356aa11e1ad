"""GIF files: frames smaller and larger than the screen, interlaced, transparent, and without their end."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Iterator
from shutil import which

import numpy as np
from PIL import Image

from .variant import Pixels, Variant, by_pillow, picture, saved

SIZES = [(1, 1), (2, 3), (5, 7), (16, 16), (33, 21), (64, 40)]


def indexed(width: int, height: int, colors: int) -> Image.Image:
    """Returns a picture with a palette."""
    return Image.fromarray(picture(width, height)).quantize(colors)


def codes(indices: bytes, bits: int, clear_each: int, clears: int = 1, end: bool = True) -> bytes:
    """Compresses indices without a dictionary: a clear code before every few of them keeps codes short."""
    clear, width = 1 << bits, bits + 1
    out, value, filled = bytearray(), 0, 0
    stream: list[int] = []
    for i, index in enumerate(indices):
        if i % clear_each == 0:
            stream += [clear] * clears
        stream.append(index)
    if end:
        stream.append(clear + 1)
    for code in stream:
        value |= code << filled
        filled += width
        while filled >= 8:
            out.append(value & 255)
            value, filled = value >> 8, filled - 8
    if filled:
        out.append(value)
    return bytes(out)


def file(
    screen: tuple[int, int],
    frame: tuple[int, int, int, int],
    indices: Pixels,
    palette: bytes,
    bits: int,
    *,
    data: bytes | None = None,
    transparent: int | None = None,
    interlaced: bool = False,
    own_table: bool = False,
    end: bytes = b"\x3b",
    block: int = 255,
) -> bytes:
    """Returns a GIF of one frame."""
    data = codes(indices.tobytes(), max(bits, 2), 2 ** max(bits, 2) - 2) if data is None else data
    out = b"GIF89a" + struct.pack("<HH", *screen)
    out += bytes([0 if own_table else 0x80 | bits - 1, 0, 0]) + (b"" if own_table else palette)
    if transparent is not None:
        out += b"\x21\xf9\x04\x01\0\0" + bytes([transparent, 0])
    out += b"\x2c" + struct.pack("<HHHH", *frame) + bytes([(0x40 if interlaced else 0) | (0x80 | bits - 1 if own_table else 0)])
    out += palette if own_table else b""
    out += bytes([max(bits, 2)]) + b"".join(bytes([len(p)]) + p for p in (data[i : i + block] for i in range(0, len(data), block)))
    return out + b"\0" + end


def of_odd_writers(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds, files and what they show."""
    for bits in (1, 2, 4, 8):
        colors = np.random.default_rng(bits).integers(0, 256, (2**bits, 3), np.uint8)
        indices = (picture(width, height)[..., 0] >> (8 - bits)).astype(np.uint8)
        shown, palette, whole = colors[indices], colors.tobytes(), (0, 0, width, height)
        size, code_bits = (width, height), max(bits, 2)
        yield f"{bits} bits", file(size, whole, indices, palette, bits), shown
        yield "own colour table", file(size, whole, indices, palette, bits, own_table=True), shown
        yield "screen of 0 × 0", file((0, 0), whole, indices, palette, bits), shown
        yield "screen smaller than the frame", file((max(1, width // 2), 1), whole, indices, palette, bits), shown
        yield "no trailer", file(size, whole, indices, palette, bits, end=b""), shown
        yield "no trailer and no end of data", file(size, whole, indices, palette, bits, end=b"")[:-1], shown
        yield "zeros after the trailer", file(size, whole, indices, palette, bits, end=b"\x3b" + bytes(40)), shown
        yield "small blocks", file(size, whole, indices, palette, bits, block=3), shown
        for name, data in (
            ("two clear codes", codes(indices.tobytes(), code_bits, 2**code_bits - 2, clears=2)),
            ("a clear code before each index", codes(indices.tobytes(), code_bits, 1)),
            ("no end code", codes(indices.tobytes(), code_bits, 2**code_bits - 2, end=False)),
            ("data after the end code", codes(indices.tobytes(), code_bits, 2**code_bits - 2) + b"\x11\x22\x33"),
        ):
            yield name, file(size, whole, indices, palette, bits, data=data), shown
        seen = shown.copy()
        seen[indices == indices[0, 0]] = 255
        yield "transparent", file(size, whole, indices, palette, bits, transparent=int(indices[0, 0])), seen
        canvas = np.full((height + 5, width + 4, 3), 255, np.uint8)
        canvas[2 : 2 + height, 3 : 3 + width] = shown
        yield "frame smaller than the screen", file((width + 4, height + 5), (3, 2, width, height), indices, palette, bits), canvas
        rows = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, height, step)]
        yield "interlaced", file(size, whole, indices[rows], palette, bits, interlaced=True), shown


def of_encoders(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    """Yields kinds and files of Pillow and gifsicle."""
    for colors in (2, 4, 17, 256):
        made = indexed(width, height, colors)
        plain = saved(made, "GIF", interlace=0)
        yield "Pillow", plain
        yield "Pillow, interlaced", saved(made, "GIF", interlace=1)
        frames = [indexed(width, height, colors).transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
        moving = io.BytesIO()
        made.save(moving, "GIF", save_all=True, append_images=frames, duration=50)
        yield "animated", moving.getvalue()
        yield "second frame cut off", moving.getvalue()[: len(plain) + 10] if len(frames) else plain
        if which("gifsicle"):
            for options in (["-O3"], ["--interlace"], ["--lossy=80"], ["--careful"]):
                run = subprocess.run(["gifsicle", *options], input=plain, capture_output=True, check=True)
                yield f"gifsicle {options[0]}", run.stdout


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for width, height in SIZES:
        for kind, data, shown in of_odd_writers(width, height):
            yield Variant("GIF", kind, data, shown)
        for kind, data in of_encoders(width, height):
            try:
                shown = by_pillow(data)
            except (OSError, SyntaxError, ValueError):
                continue
            yield Variant("GIF", kind, data, shown)
