"""The part `index`: the benchmark of the vector index, read into tables, and other indexes on the same vectors."""

from __future__ import annotations

import re
import tempfile
from argparse import Namespace
from pathlib import Path

from . import index_peers
from .cargo import output
from .document import number, ratio, table

EXPLANATION = """\
The vectors are synthetic and made on the fly (`crates/index/benches/synthetic` says which properties of CLIP embeddings
they imitate): pictures lie in one cone, texts in another, and a text's neighbours are spread widely. `recall` is the share
found of the true 16 nearest, which a comparison with all exact vectors determines, over 200 queries of each kind. Times
are processor time of the one searching thread, without reading the few exact vectors from the store; `read` is the
number of exact vectors read. `1 in 10` is a filter that lets every tenth vector through, `topics` one that lets the
pictures of every tenth topic through; the true nearest are then those among the vectors let through.

Training, saving and loading are wall-clock times; training uses all cores, on threads of low priority. Text searches run one
after another while the index is trained the first time; their median is wall-clock time, too, and that of the same searches
before the training stands beside it. Memory is that of the whole process; after training, the C library keeps some of the
memory of the untrained layout for later allocations. An index scans all codes until it holds 50,000 vectors and uses lists
from then on."""

PEERS = """\
Other indexes, on the same vectors in the same run. Each searches with one thread, and its times are processor time, too.
Indexes of 8-bit codes find 64 candidates, of which the exact vectors are compared; that is part of their times. They are built
with all cores; Mitsuke's build time is its training. Graphs are built within {seconds} s, or have no figures; their vectors have
16 links, and insertions look at 128 candidates (40 from {many:,} vectors on, so that they end in time). Memory is what building
adds without the exact vectors in files, which Mitsuke, faiss IVF and usearch read for their last step; faiss HNSW keeps its
own copy of these."""

SEARCH = re.compile(
    r"^(all scanned|lists)\s+(image|text)\s+filter (.+?)\s+recall ([\d.]+)\s+p50\s+([\d.]+) ms\s+p95\s+([\d.]+) ms\s+vectors read (\d+)"
)
FIGURES = {
    "insert": r"^inserted at ([\d.]+ µs) each",
    "into lists": r"^inserted into lists at ([\d.]+ µs) each",
    "training": r"^lists trained in ([\d.]+ s)",
    "beside searches": r"^lists trained .*, ([\d.]+ s) beside searches",
    "p50 beside training": r"^searches beside training p50 ([\d.]+ ms)",
    "before": r"^searches beside training .* alone ([\d.]+ ms)",
    "memory, codes": r"^inserted at .* memory (\d+ MB)",
    "after training": r"^lists trained .* memory (\d+ MB)",
    "most during training": r"most so far (\d+ MB)",
    "snapshot": r"^snapshot (\d+ MB)",
    "saved": r"saved in ([\d.]+ s)",
    "loaded": r"loaded in ([\d.]+ s)",
}
# The dimension at which other indexes are measured, which is that of most models.
COMPARED = 768
# The least recall of a setting that counts as an answer.
ENOUGH = 0.99


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    printed, comparisons = {}, []
    for size in args.sizes:
        rows, dimension = map(int, size.split("x"))
        name = f"{rows:,} × {dimension}"
        with tempfile.TemporaryDirectory() as folder:
            # Lists are trained whatever the number of vectors is.
            settings = [f"rows={rows}", f"dimension={dimension}", f"exact_below={min(rows, 50_000)}"]
            compared = dimension == COMPARED
            if compared:
                settings.append(f"folder={folder}")
            printed[name] = output(
                ["cargo", "bench", "--locked", "-p", "mitsuke-index", "--bench", "vector_index", "--", *settings]
            )
            if compared:
                found = [row for peer in index_peers.PEERS for row in index_peers.run(peer, Path(folder), args.build_seconds)]
                comparisons.append(f"**{name}**\n\n{comparison(own(printed[name]), found)}")
    said = [EXPLANATION, tables(printed)]
    if comparisons:
        said += [PEERS.format(seconds=number(args.build_seconds), many=index_peers.MANY), *comparisons]
    return "\n\n".join(said)


def tables(printed: dict[str, str]) -> str:
    """Returns the tables of outputs by size."""
    searches, others = [], []
    for size, text in printed.items():
        found = _searches(text)
        if not found:
            raise ValueError(f"the benchmark of the index printed no times of searches:\n{text}")
        searches += [[size, *line] for line in found]
        others.append([size, *(_figure(text, name) or "–" for name in FIGURES)])
    head = ["vectors", "search", "query", "filter", "recall@16", "p50, ms", "p95, ms", "read"]
    return table(head, searches) + "\n\n" + table(["vectors", *FIGURES], others)


def own(text: str) -> list[dict]:
    """Returns the rows of Mitsuke for the comparison, from the output of its benchmark."""
    rows = []
    for stage, setting in (("lists", "the default settings"), ("all scanned", "exact, all codes scanned")):
        kinds = {
            kind: {"recall": float(recall), "p50": float(p50), "p95": float(p95)}
            for found, kind, filtered, recall, p50, p95, _ in _searches(text)
            if (found, filtered) == (stage, "none")
        }
        if len(kinds) == 2:
            build = _figure(text, "training") if stage == "lists" else None
            memory = _figure(text, "after training" if stage == "lists" else "memory, codes")
            rows.append({
                "peer": "**Mitsuke**", "setting": setting, **kinds,
                "build": float(build.split()[0]) if build else 0.0, "memory": float(memory.split()[0]) if memory else 0.0,
            })  # fmt: skip
    return rows


def comparison(mitsuke: list[dict], peers: list[dict]) -> str:
    """Returns the table of all settings, and a line that names the fastest one with enough recall of each index."""
    rows = []
    for row in [*mitsuke, *peers]:
        if "unfinished" in row:
            rows.append([row["peer"], f"not built: {row['unfinished']}", *["–"] * 8])
            continue
        figures = [
            said
            for kind in ("image", "text")
            for said in (f"{row[kind]['recall']:.4f}", number(row[kind]["p50"]), number(row[kind]["p95"]))
        ]
        build = number(row["build"]) if row["build"] else "–"
        rows.append([row["peer"], row["setting"], *figures, build, f"{row['memory']:,.0f}"])
    head = ["index", "setting"]
    head += [f"{kind} {said}" for kind in ("image", "text") for said in ("recall@16", "p50, ms", "p95, ms")]
    return table([*head, "build, s", "memory, MB"], rows) + "\n\n" + _front(mitsuke, peers)


def _front(mitsuke: list[dict], peers: list[dict]) -> str:
    """Returns the fastest settings with enough recall for both kinds of queries, in words."""
    base = _fastest(mitsuke)
    said = []
    for name in dict.fromkeys(row["peer"] for row in peers):
        best = _fastest([row for row in peers if row["peer"] == name])
        if best is None:
            said.append(f"{name} has no such setting")
        elif base is not None:
            times = " and ".join(ratio(best[kind]["p50"], base[kind]["p50"]) for kind in ("image", "text"))
            said.append(f"{name} ({best['setting']}) takes {times} the time of Mitsuke")
    return f"At a recall of at least {ENOUGH} for both kinds of queries (p50 of image and text queries): {'; '.join(said)}."


def _fastest(rows: list[dict]) -> dict | None:
    enough = [row for row in rows if "image" in row and all(row[kind]["recall"] >= ENOUGH for kind in ("image", "text"))]
    return min(enough, key=lambda row: row["image"]["p50"] + row["text"]["p50"], default=None)


def _searches(text: str) -> list[tuple[str, ...]]:
    return [match.groups() for line in text.splitlines() if (match := SEARCH.match(line))]


def _figure(text: str, name: str) -> str | None:
    match = re.search(FIGURES[name], text, re.MULTILINE)
    return match.group(1) if match else None
