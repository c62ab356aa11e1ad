"""Running Mitsuke's decoder over files."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from .variant import Pixels

Answer = Pixels | str


def by_mitsuke(program: Path, files: Iterable[bytes]) -> Iterator[Answer]:
    """Yields for each file its pixels, or the name of the refusal (`kind`, `damaged`, `limit`)."""
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        path = Path(folder) / "file"
        for data in files:
            path.write_bytes(data)
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
            answer = process.stdout.readline().decode().split()
            if not answer:
                raise RuntimeError("the program ended")
            if answer[0] != "ok":
                yield answer[0]
                continue
            width, height = int(answer[1]), int(answer[2])
            yield np.frombuffer(process.stdout.read(width * height * 3), np.uint8).reshape(height, width, 3)
        process.stdin.close()
