"""The part `encoders`: `mitsuke bench` beside the original pipeline and ONNX Runtime, same weights, one run."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from . import onnx_runtime, original, program
from .document import number, ratio, table
from .facts import cores

HEAD = (
    "", "precision", "one at a time, /s", "all cores, /s", "ratio to the original", "floor, ms", "share of the floor",
    "lowest cosine",
)  # fmt: skip
TITLES = {"image": "Pictures", "text": "Texts"}


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    first = original.run(args.original, args.photos, args.seconds, args.trust_remote_code)
    rows = _program(args.program, args.model, args.seconds)
    peers = onnx_runtime.run(args.original, args.cache / "onnx", args.seconds, args.trust_remote_code)
    base = original.faster(first, original.run(args.original, args.photos, args.seconds, args.trust_remote_code))
    document, agreements = program.manifest(args.model), program.agreements(args.model)
    said = [f"### {document['model_name']}, {document['vector_dimension']} dimensions", EXPLANATION.format(cores=cores())]
    for tower, title in TITLES.items():
        said.append(f"**{title}**")
        mitsuke = _rows(rows, tower, agreements[tower], base)
        said.append(table(HEAD, [*_original_rows(tower, base), *mitsuke, *_peer_rows(tower, peers, base)]))
    if args.demo is not None:
        said.append(f"### {program.manifest(args.demo)['model_name']}")
        rows, agreements = _program(args.program, args.demo, args.seconds), program.agreements(args.demo)
        for tower, title in TITLES.items():
            said.append(f"**{title}**")
            said.append(table(HEAD, _rows(rows, tower, agreements[tower], None)))
    return "\n\n".join(said)


EXPLANATION = """\
Inputs are prepared beforehand, so that only the tower works. "All cores" is what all workers reach together; one at a time,
an item has the cores of all of them, except that 1 worker stands for one core. The floor is the time of an item's
multiply-adds at the rate at which this machine multiplies large matrices in the same precision with as many threads as there
are workers: the best of several short windows before and after the items. The ratio is that of "all cores" to the original's tower alone (PyTorch float32, its own
number of threads, one item at a time, texts padded to the full length), measured before and after all others; the faster of
both counts. ONNX Runtime's int8 is its dynamic quantization with a scale for each channel; it works on as large batches as
Mitsuke (2 pictures, 8 texts), or on single items where these are faster. The lowest cosine is that with the original's
vectors."""


def _program(path: Path, folder: Path, seconds: float) -> list[tuple[int, str, dict]]:
    """Runs the program with one worker and with one for each core, in each precision of a folder."""
    towers = program.agreements(folder)
    return [
        (count, precision, program.bench(path, folder, precision, count, max(1, round(seconds))))
        for precision in dict.fromkeys([*towers["image"], *towers["text"]])
        for count in sorted({1, cores()})
    ]


def _rows(rows: list[tuple[int, str, dict]], tower: str, agreements: dict[str, float | None], base: dict | None) -> list[list[str]]:
    made = []
    for workers, asked, both in rows:
        figures = both[tower]
        # A tower without a file in the precision runs its full file, which has a row of its own.
        if figures["precision"] != asked:
            continue
        noun = "worker" if workers == 1 else "workers"
        cosine = agreements.get(asked)
        made.append([
            f"Mitsuke, {workers} {noun}", figures["precision"], number(figures["alone"]), number(figures["together"]),
            ratio(figures["together"], base[f"{tower}_tower"]) if base else "–",
            number(figures["floor_ms"]), f"{figures['share']:.0f} %", f"{cosine:.4f}" if cosine else "",
        ])  # fmt: skip
    return made


def _original_rows(tower: str, base: dict) -> list[list[str]]:
    alone, whole = base[f"{tower}_tower"], base["pictures" if tower == "image" else "texts"]
    where = f"{base['threads']:.0f} thread{'s' if base['threads'] > 1 else ''}"
    return [
        [f"original, tower alone, {where}", "float32", number(alone), number(alone), "1", "", "", ""],
        [f"original, whole pipeline, {where}", "float32", number(whole), number(whole), ratio(whole, alone), "", "", ""],
    ]


def _peer_rows(tower: str, peers: list[dict], base: dict) -> list[list[str]]:
    made = []
    for row in peers:
        if row["tower"] != tower:
            continue
        threads = f"{row['threads']} thread{'s' if row['threads'] > 1 else ''}"
        use = f"{row['runs']} runs of {threads}" if row["runs"] > 1 else threads
        alone = number(row["alone"]) if row["runs"] == 1 else "–"
        made.append([
            f"ONNX Runtime, {use}", row["precision"], alone, number(row["together"]),
            ratio(row["together"], base[f"{tower}_tower"]), "", "", f"{row['cosine']:.4f}",
        ])  # fmt: skip
    return made
