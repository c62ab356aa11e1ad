"""JPEG files: every subsampling, progressive or not, with restarts, in grey and in inks, of sizes from 1 to 40."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which

from PIL import Image

from .variant import Variant, by_pillow, grey, picture, saved

SIZES = [(1, 1), (2, 3), (7, 9), (8, 8), (15, 17), (16, 16), (31, 5), (33, 40)]
SAMPLINGS = {"4:4:4": "1x1", "4:2:2": "2x1", "4:2:0": "2x2", "4:1:1": "4x1", "4:4:0": "1x2", "4:1:0": "4x2"}


def variants() -> Iterator[Variant]:
    """Yields the files."""
    for width, height in SIZES:
        made = Image.fromarray(picture(width, height))
        for sampling, quality, progressive, restart in itertools.product(("4:4:4", "4:2:2", "4:2:0"), (30, 75, 98), (False, True), (0, 1)):
            data = saved(made, "JPEG", subsampling=sampling, quality=quality, progressive=progressive, restart_marker_blocks=restart)
            kind = f"{sampling}{', progressive' if progressive else ''}{', restarts' if restart else ''}"
            yield Variant("JPEG", kind, data, lossy=True)
            # Pillow refuses these two.
            shown = by_pillow(data)
            yield Variant("JPEG", "no end marker", data[:-2], shown, lossy=True)
            yield Variant("JPEG", "zeros for the end marker", data[:-2] + bytes(600), shown, lossy=True)
        for quality, progressive in itertools.product((50, 95), (False, True)):
            yield Variant("JPEG", "grey", saved(Image.fromarray(grey(width, height)), "JPEG", quality=quality, progressive=progressive), lossy=True)
            inks = made.convert("CMYK")
            yield Variant("JPEG", "CMYK", saved(inks, "JPEG", quality=quality, progressive=progressive), lossy=True)
            yield Variant("JPEG", "RGB stored as RGB", saved(made, "JPEG", quality=quality, keep_rgb=True), lossy=True)
        for value in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = value
            yield Variant("JPEG", "orientation", saved(made, "JPEG", quality=90, exif=exif.tobytes()), lossy=True)
        if which("cjpeg"):
            yield from of_cjpeg(made)


def of_cjpeg(made: Image.Image) -> Iterator[Variant]:
    """Yields files of libjpeg-turbo's program."""
    with tempfile.TemporaryDirectory() as folder:
        source, scans = Path(folder) / "source.ppm", Path(folder) / "scans.txt"
        made.save(source)
        scans.write_text("0;\n1;\n2;\n")
        for (sampling, factors), more in itertools.product(SAMPLINGS.items(), ((), ("-progressive",), ("-restart", "1"), ("-scans", str(scans)), ("-arithmetic",))):
            command = ["cjpeg", "-quality", "85", "-sample", factors, *more, str(source)]
            run = subprocess.run(command, capture_output=True)
            if run.returncode == 0:
                name = {"-scans": ", separate scans", "-progressive": ", progressive", "-restart": ", restarts", "-arithmetic": ", arithmetic"}.get(more[0] if more else "", "")
                yield Variant("JPEG", f"{sampling}{name}", run.stdout, lossy=True)
