"""The part `index`: the benchmark of the vector index, read into tables."""

from __future__ import annotations

import re
from argparse import Namespace

from .cargo import output
from .document import table

EXPLANATION = """\
The vectors are synthetic and made on the fly (`crates/index/benches/synthetic` says which properties of CLIP embeddings
they imitate): pictures lie in one cone, texts in another, and a text's neighbours are spread widely. `recall` is the share
found of the true 16 nearest, which a comparison with all exact vectors determines, over 200 queries of each kind. Times
are processor time of the one searching thread, without reading the few exact vectors from the store; `read` is the
number of exact vectors read. Training is processor time of one background thread. Memory is that of the whole process; after
training, the C library keeps some of the memory of the untrained layout for later allocations. Saving and loading are
wall-clock times. An index scans all codes until it holds 200,000 vectors and uses lists from then on; lists are measured
below that number, too."""

SEARCH = re.compile(
    r"^(all scanned|lists)\s+(image|text)\s+recall ([\d.]+)\s+p50\s+([\d.]+) ms\s+p95\s+([\d.]+) ms\s+vectors read (\d+)"
)
FIGURES = {
    "insert": r"^inserted at ([\d.]+ µs) each",
    "into lists": r"^inserted into lists at ([\d.]+ µs) each",
    "training": r"^lists trained in ([\d.]+ s)",
    "memory, codes": r"^inserted at .* memory (\d+ MB)",
    "after training": r"^lists trained .* memory (\d+ MB)",
    "most during training": r"most so far (\d+ MB)",
    "snapshot": r"^snapshot (\d+ MB)",
    "saved": r"saved in ([\d.]+ s)",
    "loaded": r"loaded in ([\d.]+ s)",
}


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    printed = {}
    for size in args.sizes:
        rows, dimension = size.split("x")
        # Lists are trained whatever the number of vectors is.
        settings = [f"rows={rows}", f"dimension={dimension}", f"exact_below={min(int(rows), 200_000)}"]
        printed[f"{int(rows):,} × {dimension}"] = output(
            ["cargo", "bench", "--locked", "-p", "mitsuke-index", "--bench", "vector_index", "--", *settings]
        )
    return f"{EXPLANATION}\n\n{tables(printed)}"


def tables(printed: dict[str, str]) -> str:
    """Returns the tables of outputs by size."""
    searches, others = [], []
    for size, text in printed.items():
        found = [match.groups() for line in text.splitlines() if (match := SEARCH.match(line))]
        if not found:
            raise ValueError(f"the benchmark of the index printed no times of searches:\n{text}")
        searches += [[size, *line] for line in found]
        matches = [re.search(pattern, text, re.MULTILINE) for pattern in FIGURES.values()]
        others.append([size, *(match.group(1) if match else "–" for match in matches)])
    head = ["vectors", "search", "query", "recall@16", "p50, ms", "p95, ms", "read"]
    return table(head, searches) + "\n\n" + table(["vectors", *FIGURES], others)
