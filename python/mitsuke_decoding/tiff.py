"""TIFF files: every layout, depth and compression that tifffile, Pillow and libtiff's tools write."""

from __future__ import annotations

import io
import itertools
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

from .variant import Pixels, Variant, alpha, by_pillow, eight_bits, grey, in_three, over_white, picture, saved

SIZES = [(1, 1), (7, 9), (16, 16), (33, 21), (40, 24)]
COMPRESSIONS = (None, "zlib", "lzw", "packbits")


def written(samples: Pixels, **options) -> bytes:
    """Returns a file of tifffile."""
    out = io.BytesIO()
    tifffile.imwrite(out, samples, metadata=None, **options)
    return out.getvalue()


def inks(colors: Pixels) -> Pixels:
    """Returns cyan, magenta, yellow and black."""
    black = 255 - colors.max(axis=-1, keepdims=True)
    return np.concatenate([255 - colors - black, black], axis=-1)


def layouts() -> Iterator[tuple[str, dict]]:
    """Yields the ways to divide and to order samples."""
    yield "strips", {}
    yield "strips of 5 rows", {"rowsperstrip": 5}
    yield "tiles", {"tile": (16, 16)}
    yield "big-endian", {"byteorder": ">"}
    yield "BigTIFF", {"bigtiff": True}
    yield "BigTIFF, tiles, big-endian", {"bigtiff": True, "byteorder": ">", "tile": (32, 16)}


def of_tifffile(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds, files and what they show."""
    colors, levels, opacity = picture(width, height), grey(width, height), alpha(width, height)
    opacity[:] = np.maximum(opacity, 3)
    wide, wide_opacity = colors.astype(np.uint16) * 257 ^ 0x33, opacity.astype(np.uint16) * 257
    with_alpha = np.dstack([colors, opacity])
    seen = over_white(colors, opacity)
    multiplied = (with_alpha[..., :3] * (opacity[..., None] / 255.0)).round().astype(np.uint8)
    for (layout, options), compression in itertools.product(layouts(), COMPRESSIONS):
        options = options | {"compression": compression}
        name = f"{compression or 'uncompressed'}, {layout}"
        yield f"RGB, {name}", written(colors, photometric="rgb", **options), colors
        yield f"grey, {name}", written(levels, photometric="minisblack", **options), in_three(levels)
        yield f"WhiteIsZero, {name}", written(255 - levels, photometric="miniswhite", **options), in_three(levels)
        yield f"RGB of 16 bits, {name}", written(wide, photometric="rgb", **options), eight_bits(wide, 16)
        yield f"grey of 16 bits, {name}", written(wide[..., 0], photometric="minisblack", **options), in_three(eight_bits(wide[..., 0], 16))
        planes = np.ascontiguousarray(np.moveaxis(colors, -1, 0))
        yield f"planes, {name}", written(planes, photometric="rgb", planarconfig="separate", **options), colors
        planes = np.ascontiguousarray(np.moveaxis(wide, -1, 0))
        yield f"planes of 16 bits, {name}", written(planes, photometric="rgb", planarconfig="separate", **options), eight_bits(wide, 16)
        yield f"RGB with alpha, {name}", written(with_alpha, photometric="rgb", extrasamples=["unassalpha"], **options), seen
        yield f"RGB with associated alpha, {name}", written(np.dstack([multiplied, opacity]), photometric="rgb", extrasamples=["assocalpha"], **options), (multiplied + (255 - opacity[..., None])).astype(np.uint8)
        yield f"RGB and an unspecified sample, {name}", written(with_alpha, photometric="rgb", extrasamples=["unspecified"], **options), colors
        yield f"grey with alpha, {name}", written(np.dstack([levels, opacity]), photometric="minisblack", extrasamples=["unassalpha"], **options), over_white(in_three(levels), opacity)
        yield f"RGB with alpha, 16 bits, {name}", written(np.dstack([wide, wide_opacity]), photometric="rgb", extrasamples=["unassalpha"], **options), over_white(eight_bits(wide, 16), opacity)
        yield f"CMYK, {name}", written(inks(colors), photometric="separated", **options), np.asarray(Image.fromarray(inks(colors), "CMYK").convert("RGB"))
        table = np.random.default_rng(1).integers(0, 65536, (3, 256), np.uint16)
        yield f"palette, {name}", written(levels, photometric="palette", colormap=table, **options), (table.T >> 8).astype(np.uint8)[levels]
        for kind in (np.float16, np.float32, np.float64):
            bits = np.dtype(kind).itemsize * 8
            yield f"floats of {bits} bits, {name}", written((colors / 255).astype(kind), photometric="rgb", **options), colors
            yield f"grey floats of {bits} bits, {name}", written((levels / 255).astype(kind), photometric="minisblack", **options), in_three(levels)
        if compression in ("zlib", "lzw"):
            predicted = options | {"predictor": 2}
            yield f"RGB, predictor, {name}", written(colors, photometric="rgb", **predicted), colors
            yield f"RGB of 16 bits, predictor, {name}", written(wide, photometric="rgb", **predicted), eight_bits(wide, 16)
            yield f"planes, predictor, {name}", written(np.ascontiguousarray(np.moveaxis(colors, -1, 0)), photometric="rgb", planarconfig="separate", **predicted), colors
            for kind in (np.float16, np.float32, np.float64):
                bits = np.dtype(kind).itemsize * 8
                yield f"floats of {bits} bits, predictor, {name}", written((colors / 255).astype(kind), photometric="rgb", **(options | {"predictor": 3})), colors
    for bits in (2, 4, 6, 10, 12, 14):
        kind = np.uint8 if bits <= 8 else np.uint16
        packed = (wide >> (16 - bits)).astype(kind)
        yield f"RGB of {bits} bits", written(packed, photometric="rgb", bitspersample=bits), eight_bits(packed, bits)
        yield f"grey of {bits} bits", written(packed[..., 0], photometric="minisblack", bitspersample=bits), in_three(eight_bits(packed[..., 0], bits))
    yield "grey of 1 bit", written(levels > 127, photometric="minisblack"), in_three(np.where(levels > 127, 255, 0).astype(np.uint8))
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    to_rgb = ImageCms.buildTransform(lab, ImageCms.createProfile("sRGB"), "LAB", "RGB")
    seen_lab = ImageCms.applyTransform(Image.fromarray(colors), to_lab)
    yield "CIE L*a*b*", written(np.asarray(seen_lab), photometric="cielab"), np.asarray(ImageCms.applyTransform(seen_lab, to_rgb))
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        writer.write(colors, photometric="rgb", metadata=None)
        writer.write(255 - colors, photometric="rgb", metadata=None)
    yield "several pages", pages.getvalue(), colors
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        writer.write((255 - colors)[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(colors, photometric="rgb", metadata=None)
    yield "a smaller version first", pages.getvalue(), colors


def of_other_kinds(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields kinds that are not read."""
    colors = picture(width, height)
    for compression in ("zstd", "lzma", "webp", "jpeg2000"):
        try:
            yield compression, written(colors, photometric="rgb", compression=compression), colors
        except (ImportError, ValueError, RuntimeError):
            continue
    yield "signed samples", written(colors[..., 0].astype(np.int16), photometric="minisblack"), in_three(colors[..., 0])
    yield "whole numbers of 32 bits", written(colors[..., 0].astype(np.uint32), photometric="minisblack"), in_three(colors[..., 0])
    yield "floats beyond 1", written(colors.astype(np.float32), photometric="rgb"), colors


def of_jpeg(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields files whose strips or tiles are JPEG."""
    colors = picture(width, height)
    for quality, options in itertools.product((60, 95), ({}, {"tile": (16, 16)}, {"rowsperstrip": 16})):
        layout = "tiles" if "tile" in options else "strips"
        for name, samples, more in (
            ("RGB", colors, {"photometric": "rgb"}),
            ("grey", colors[..., 0], {"photometric": "minisblack"}),
            ("YCbCr 4:4:4", colors, {"photometric": "ycbcr", "subsampling": (1, 1)}),
            ("YCbCr 4:2:0", colors, {"photometric": "ycbcr", "subsampling": (2, 2)}),
            ("YCbCr 4:2:2", colors, {"photometric": "ycbcr", "subsampling": (2, 1)}),
        ):
            data = written(samples, compression="jpeg", compressionargs={"level": quality}, **more, **options)
            with tifffile.TiffFile(io.BytesIO(data)) as file:
                shown = file.pages[0].asarray()
            yield f"JPEG, {name}, {layout}", data, shown if shown.ndim == 3 else in_three(shown)
        data = written(inks(colors), photometric="separated", compression="jpeg", compressionargs={"level": quality}, **options)
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            yield f"JPEG, CMYK, {layout}", data, np.asarray(Image.fromarray(file.pages[0].asarray(), "CMYK").convert("RGB"))
    # libtiff puts the tables into the directory.
    for quality, made in itertools.product((50, 90), (Image.fromarray(colors), Image.fromarray(colors).convert("L"), Image.fromarray(colors).convert("YCbCr"))):
        data = saved(made, "TIFF", compression="jpeg", quality=quality)
        yield f"JPEG of libtiff, {made.mode}", data, by_pillow(data)


def of_libtiff(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields files that libtiff's tools change from one form to another; nothing of what is seen changes."""
    if not which("tiffcp"):
        return
    colors, levels = picture(width, height), grey(width, height)
    black_and_white = Image.fromarray(levels > 127)
    shown = in_three(np.where(levels > 127, 255, 0).astype(np.uint8))
    clear = Image.fromarray(np.dstack([colors, np.maximum(alpha(width, height), 3)]))
    bases = {
        "RGB": (saved(Image.fromarray(colors), "TIFF"), colors),
        "grey": (saved(Image.fromarray(levels), "TIFF"), in_three(levels)),
        "RGB with alpha": (saved(clear, "TIFF"), by_pillow(saved(clear, "PNG"))),
        "palette": (saved(Image.fromarray(colors).quantize(16), "TIFF"), np.asarray(Image.fromarray(colors).quantize(16).convert("RGB"))),
    }
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one.tif", Path(folder) / "two.tif"

        def converted(data: bytes, *command: str) -> bytes | None:
            one.write_bytes(data)
            two.unlink(missing_ok=True)
            run = subprocess.run([*command, str(one), str(two)], capture_output=True)
            return two.read_bytes() if run.returncode == 0 and two.exists() else None

        for order, compression, extra in itertools.product(
            ("msb2lsb", "lsb2msb"), ("none", "lzw", "lzw:2", "zip", "zip:2", "packbits"), ((), ("-r", "3"), ("-t", "-w", "16", "-l", "16"), ("-p", "separate"), ("-B",), ("-8",))
        ):
            for name, (base, seen) in bases.items():
                if data := converted(base, "tiffcp", "-f", order, "-c", compression, *extra):
                    yield f"{name}, tiffcp -f {order} -c {compression}", data, seen
        for order, compression, rows in itertools.product(("msb2lsb", "lsb2msb"), ("none", "g3:1d", "g3:2d", "g3:1d:fill", "g3:2d:fill", "g4", "lzw", "packbits"), ("1", "7", "1000")):
            for photometric in (0, 1):
                base = saved(black_and_white, "TIFF", tiffinfo={262: photometric})
                seen = by_pillow(base)
                if data := converted(base, "tiffcp", "-f", order, "-r", rows, "-c", compression):
                    yield f"black and white, tiffcp -f {order} -c {compression}", data, seen
    for compression in ("tiff_ccitt", "group3", "group4"):
        yield f"black and white, {compression}", saved(black_and_white, "TIFF", compression=compression), shown


def of_orientations(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields files that are stored turned."""
    colors = picture(width, height)
    turns = {1: colors, 2: colors[:, ::-1], 3: colors[::-1, ::-1], 4: colors[::-1], 6: np.rot90(colors, 3), 8: np.rot90(colors)}
    for value, shown in turns.items():
        for big in (False, True):
            data = written(colors, photometric="rgb", bigtiff=big, extratags=[(274, "H", 1, value, True)])
            yield "orientation" + (", BigTIFF" if big else ""), data, np.ascontiguousarray(shown)


def plain(tags: dict[int, tuple[int, list[int]]], data: bytes) -> bytes:
    """Returns a file of one strip. A tag has a type (3 for short, 4 for long) and numbers; one without numbers is left out."""
    values = {tag: entry for tag, entry in sorted(tags.items()) if entry[1]}
    start = 8 + len(data) + len(data) % 2
    extra_at, entries, extra = start + 2 + 12 * len(values) + 4, b"", b""
    for tag, (kind, numbers) in values.items():
        value = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(value) > 4:
            value, extra = struct.pack("<I", extra_at + len(extra)), extra + value
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + value.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", start) + data + bytes(len(data) % 2) + struct.pack("<H", len(values)) + entries + bytes(4) + extra


def of_rgb(colors: Pixels) -> dict[int, tuple[int, list[int]]]:
    """Returns the tags of an uncompressed RGB picture."""
    height, width = colors.shape[:2]
    return {256: (4, [width]), 257: (4, [height]), 258: (3, [8, 8, 8]), 259: (3, [1]), 262: (3, [2]), 273: (4, [8]), 277: (3, [3]), 278: (4, [height]), 279: (4, [colors.size])}


def of_careless_writers(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields uncompressed files whose directory says less than it should."""
    colors = picture(width, height)
    for kind, tags in (
        ("no byte counts", {279: (4, [])}),
        ("byte counts of 0", {279: (4, [0])}),
        ("no rows per strip", {278: (4, [])}),
        ("rows per strip of 2^32 - 1", {278: (4, [2**32 - 1])}),
        ("no photometric interpretation", {262: (3, [])}),
        ("one number for the bits of all samples", {258: (3, [8])}),
    ):
        yield kind, plain(of_rgb(colors) | tags, colors.tobytes()), colors


def of_ycbcr(width: int, height: int) -> Iterator[tuple[str, bytes, Pixels]]:
    """Yields files whose chroma is stored once for several pixels."""
    made = picture(width, height)
    for across, down in itertools.product((1, 2, 4), repeat=2):
        padding = ((0, -height % down), (0, -width % across), (0, 0))
        ycc = np.asarray(Image.fromarray(np.pad(made, padding, "edge")).convert("YCbCr"))
        blocks = ycc.reshape(ycc.shape[0] // down, down, ycc.shape[1] // across, across, 3).swapaxes(1, 2)
        lumas = blocks[..., 0].reshape(*blocks.shape[:2], -1)
        chromas = blocks[..., 1:].mean(axis=(2, 3)).round().astype(np.uint8)
        data = np.concatenate([lumas, chromas], axis=-1).tobytes()
        spread = np.repeat(np.repeat(chromas, down, 0), across, 1)
        shown = np.dstack([ycc[..., 0], spread])[:height, :width].astype(float)
        y, cb, cr = shown[..., 0], shown[..., 1] - 128, shown[..., 2] - 128
        rgb = np.dstack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]).clip(0, 255).round().astype(np.uint8)
        for name, number, pack in (("uncompressed", 1, bytes), ("lzw", 5, imagecodecs.lzw_encode), ("zlib", 8, imagecodecs.zlib_encode), ("packbits", 32773, imagecodecs.packbits_encode)):
            packed = pack(data)
            tags = of_rgb(made) | {259: (3, [number]), 262: (3, [6]), 279: (4, [len(packed)]), 530: (3, [across, down])}
            yield f"YCbCr of {across} × {down}, {name}", plain(tags, packed), rgb


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for width, height in SIZES:
        for make in (of_tifffile, of_other_kinds, of_libtiff, of_ycbcr, of_orientations, of_careless_writers):
            for kind, data, shown in make(width, height):
                # Two good conversions differ where L*a*b* of 8 bits leaves the colors of a screen.
                yield Variant("TIFF", kind, data, shown, lossy=kind == "CIE L*a*b*")
        for kind, data, shown in of_jpeg(width, height):
            yield Variant("TIFF", kind, data, shown, lossy=True)
