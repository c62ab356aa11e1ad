"""Other indexes of vectors on the vectors that the benchmark of Mitsuke's index wrote.

    python -m mitsuke_bench.index_peers PEER FOLDER [--seconds N]

prints a JSON array of rows, one for each setting of a search. Each peer runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .facts import ROOT, cores

# The hits of a search, and the candidates of an index of codes whose exact vectors are compared.
HITS, CANDIDATES = 16, 64
# The number of vectors that a graph takes at a time, so that building it can stop.
PORTION = 5_000
# From this many vectors on, graphs look at fewer neighbours of a vector that they insert.
MANY = 500_000


class Data:
    """The vectors, the queries of each kind, and the similarity of the least of their true neighbours."""

    def __init__(self, folder: Path):
        import numpy as np

        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self.queries = {kind: np.load(folder / f"{kind}.npy") for kind in ("image", "text")}
        self.least = {kind: np.load(folder / f"{kind}-least.npy") for kind in self.queries}

    def best(self, query, ids):
        """Returns the best hits among candidates by their exact vectors."""
        import numpy as np

        ids = ids[ids >= 0]
        return ids[np.argsort(-(self.vectors[ids] @ query))[:HITS]]

    def measure(self, search: Callable) -> dict[str, dict]:
        """Searches for all queries, one after another, and returns recall and processor times in ms for each kind."""
        import numpy as np

        found = {}
        for kind, queries in self.queries.items():
            search(queries[0])
            hits, times = 0, []
            for query, least in zip(queries, self.least[kind]):
                begun = time.process_time()
                ids = search(query)
                times.append(1000 * (time.process_time() - begun))
                hits += min(HITS, int((self.vectors[ids[ids >= 0]] @ query >= least - 3e-6).sum()))
            found[kind] = {
                "recall": hits / HITS / len(queries),
                "p50": float(np.percentile(times, 50)), "p95": float(np.percentile(times, 95)),
            }  # fmt: skip
        return found


class Unfinished(Exception):
    """An index was not built within the time allowed."""


def _portions(count: int, seconds: float) -> Iterator[slice]:
    """Yields the parts of the vectors to insert, as long as there is time."""
    begun = time.monotonic()
    for first in range(0, count, PORTION):
        if time.monotonic() - begun > seconds:
            raise Unfinished(f"{first:,} of {count:,} vectors in {seconds:.0f} s")
        yield slice(first, min(first + PORTION, count))


def _construction(count: int) -> int:
    return 128 if count < MANY else 40


def faiss_ivf(data: Data, seconds: float) -> Iterator[tuple[str, Callable]]:
    """faiss's inverted lists of 8-bit codes, the best candidates compared by their exact vectors."""
    import faiss

    count, dimension = data.vectors.shape
    lists = int(4 * math.sqrt(count))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension), dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    sample = data.vectors[:: max(1, count // (40 * lists))]
    index.train(sample)
    for part in _portions(count, math.inf):
        index.add(data.vectors[part])
    yield f"IVF{lists}, SQ8", lambda: faiss.omp_set_num_threads(1)

    def search(query):
        return data.best(query, index.search(query[None], CANDIDATES)[1][0])

    for share in (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2):
        index.nprobe = max(1, round(lists * share))
        yield f"nprobe {index.nprobe}", search


def faiss_hnsw(data: Data, seconds: float) -> Iterator[tuple[str, Callable]]:
    """faiss's graph of exact vectors."""
    import faiss

    count, dimension = data.vectors.shape
    index = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _construction(count)
    for part in _portions(count, seconds):
        index.add(data.vectors[part])
    yield f"HNSW16, efConstruction {_construction(count)}", lambda: faiss.omp_set_num_threads(1)
    for width in (64, 128, 256, 512, 1024, 2048):
        index.hnsw.efSearch = width
        yield f"efSearch {width}", lambda query: index.search(query[None], HITS)[1][0]


def usearch(data: Data, seconds: float) -> Iterator[tuple[str, Callable]]:
    """usearch's graph of int8 codes, the best candidates compared by their exact vectors."""
    import numpy as np
    from usearch.index import Index

    count, dimension = data.vectors.shape
    index = Index(ndim=dimension, metric="ip", dtype="i8", connectivity=16, expansion_add=_construction(count))
    for part in _portions(count, seconds):
        index.add(np.arange(part.start, part.stop), data.vectors[part], threads=cores())
    yield f"i8, connectivity 16, expansion_add {_construction(count)}", lambda: None
    for width in (64, 128, 256, 512, 1024, 2048):
        index.expansion_search = width

        def search(query):
            return data.best(query, index.search(query, CANDIDATES, threads=1).keys.astype(np.int64))

        yield f"expansion_search {width}", search


PEERS = {"faiss IVF": faiss_ivf, "faiss HNSW": faiss_hnsw, "usearch": usearch}


def measured(peer: str, folder: Path, seconds: float) -> list[dict]:
    """Builds the index of a peer with all cores, and searches it with one thread in every setting."""
    data = Data(folder)
    settings = PEERS[peer](data, seconds)
    before, begun = _own_memory(), time.monotonic()
    try:
        built, one_thread = next(settings)
    except Unfinished as stopped:
        return [{"peer": peer, "setting": "", "unfinished": str(stopped)}]
    build = {"build": time.monotonic() - begun, "memory": _own_memory() - before}
    one_thread()
    found = []
    for setting, search in settings:
        found.append({"peer": peer, "setting": f"{built}, {setting}", **build, **data.measure(search)})
        print(found[-1], file=sys.stderr, flush=True)
    return found


def _own_memory() -> float:
    """Returns the memory of this process without mapped files, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon:"))


def run(peer: str, folder: Path, seconds: float) -> list[dict]:
    """Measures a peer in a process of its own."""
    command = [sys.executable, "-m", "mitsuke_bench.index_peers", peer, str(folder), "--seconds", str(seconds)]
    done = subprocess.run(command, cwd=ROOT / "python", stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: the measurement of {peer} failed (its message is above).")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m mitsuke_bench.index_peers")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=900, help="time to build a graph")
    args = parser.parse_args()
    # Searches run on one thread; threads of numpy would count, too.
    os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    print(json.dumps(measured(args.peer, args.folder, args.seconds)))


if __name__ == "__main__":
    main()
