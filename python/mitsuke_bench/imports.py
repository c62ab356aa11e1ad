"""The part `import`: pictures a second of `mitsuke import` by the size of its batches, and of `mitsuke upload`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from . import inputs, server
from .document import number, table

BATCHES = (1, 10, 100, 1_000)
JOBS = (1, 4, 8)
# Pixels of the longer edge.
EDGE = 640

EXPLANATION = """\
{count:,} JPEG pictures of {edge} pixels, made of the photographs and each a new file ({megabytes:.0f} MB). The program is the release
build with an empty data directory for each row, the demo model and the default settings, and everything runs on one machine.
*From an export*: `mitsuke import` of what `mitsuke export --embeddings` wrote, so that nothing is decoded or embedded but the four
pictures of the proof. *From a folder*: `mitsuke import` of the pictures, which are decoded and embedded. *Over HTTP*: `mitsuke upload` of
the same folder to a server. The rate is that of the whole command, with its start, the load of the model and the close of the store."""

NO_ORACLE = """\
There are no rates of an Oracle database: the tests run on a stand-in for its client library, which is no database. The stand-in counts
round trips: 100 images at once with prompt, caption, two tags and one model take about 3 for each image
(`images_at_once_take_few_round_trips_each`), and an upload of one takes 8."""


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    with tempfile.TemporaryDirectory(prefix="mitsuke-bench-") as folder:
        root = Path(folder)
        (root / "models").mkdir()
        (root / "models" / "measured").symlink_to(args.demo.resolve(), target_is_directory=True)
        size = _pictures(root / "pictures", args)
        exported = root / "exported"
        with _store(root) as data:
            _import(args, root, data, root / "pictures", 100)
            with server.running(args.program, args.demo, "auto", data) as client:
                _run(args, root, data, "export", exported, "--embeddings", "--server", f"http://127.0.0.1:{client.port}")
        rows = []
        for batch in BATCHES:
            found = [_rate(args, root, source, batch) for source in (exported, root / "pictures")]
            rows.append([f"{batch:,}", *map(number, found)])
        sent = [[f"{jobs}", number(_upload(args, root, jobs))] for jobs in JOBS]
    said = EXPLANATION.format(count=args.imports, edge=EDGE, megabytes=size / 1e6)
    imports = table(["batch", "from an export, pictures/s", "from a folder, pictures/s"], rows)
    uploads = table(["uploads at once", "over HTTP, pictures/s"], sent)
    return f"{said}\n\n{imports}\n\n{uploads}\n\n{NO_ORACLE}"


def _pictures(folder: Path, args: Namespace) -> int:
    """Writes the pictures, and returns their size in bytes."""
    from PIL import Image

    folder.mkdir()
    small = []
    for photograph in inputs.photos(args.photos):
        picture = Image.open(BytesIO(photograph)).convert("RGB")
        picture.thumbnail((EDGE, EDGE))
        encoded = BytesIO()
        picture.save(encoded, "JPEG", quality=85)
        small.append(encoded.getvalue())
    size, files = 0, inputs.uploads(small)
    for place in range(args.imports):
        size += (folder / f"{place:06}.jpg").write_bytes(next(files))
    return size


def _rate(args: Namespace, root: Path, source: Path, batch: int) -> float:
    """Returns the pictures a second of an import into an empty store."""
    with _store(root) as data:
        return _import(args, root, data, source, batch)


def _import(args: Namespace, root: Path, data: Path, source: Path, batch: int) -> float:
    return _run(args, root, data, "import", source, "--no-log", "--batch", str(batch))


def _upload(args: Namespace, root: Path, jobs: int) -> float:
    """Returns the pictures a second of an upload to a server with an empty store."""
    with _store(root) as data, server.running(args.program, args.demo, "auto", data) as client:
        address = f"http://127.0.0.1:{client.port}"
        return _run(args, root, data, "upload", root / "pictures", "--no-log", "--jobs", str(jobs), "--server", address)


def _run(args: Namespace, root: Path, data: Path, *command: object) -> float:
    """Runs a command to its end, and returns how many pictures of the measurement it took a second."""
    begin = time.perf_counter()
    settings = {
        "MITSUKE_DATA_DIR": str(data), "MITSUKE_MODELS_DIR": str(root / "models"), "MITSUKE_DEVICE": "cpu",
        "DB_USER": "", "DB_PASSWORD": "", "DB_DSN": "", "RUST_LOG": "error",
    }  # fmt: skip
    done = subprocess.run(
        [str(args.program), *map(str, command)], env={**os.environ, **settings}, cwd=data,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    taken = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"error: `mitsuke {command[0]}` failed:\n{done.stdout}{done.stderr}")
    counted = re.search(r"^ *(\d+) (?:imported|stored|fetched)$", done.stdout, re.MULTILINE)
    if counted is None or int(counted[1]) != args.imports:
        raise SystemExit(f"error: `mitsuke {command[0]}` did not take {args.imports} pictures:\n{done.stdout}")
    print(f"{command[0]}: {args.imports / taken:.1f} pictures/s", file=sys.stderr, flush=True)
    return args.imports / taken


@contextlib.contextmanager
def _store(root: Path) -> Iterator[Path]:
    """Makes an empty data directory, and removes it at the end."""
    with tempfile.TemporaryDirectory(dir=root) as data:
        yield Path(data)
