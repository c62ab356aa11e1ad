#!/usr/bin/env python3
"""Measures vector, keyword and hybrid search on labelled queries: how often the
first hit is right (success@1), and the mean reciprocal rank of the first right
hit (MRR). Twice: with the texts that are in the files and their names alone,
and with the descriptions of images/ATTRIBUTION.md as captions.

Usage: scripts/check_hybrid.py [--pictures DIR] [--queries FILE] [--keyword 1.0] [--each]
Starts target/release/mitsuke (cargo build --release) on a free port with a
temporary data folder. A line of FILE is `kind TAB query TAB file|file|…`.
The exit status is 0 when hybrid is at least as good as both legs in both
figures, over all queries.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from service import REPO, Client, Server, fail, multipart

MODES = ("vector", "keyword", "hybrid")
KINDS = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=REPO / "images", help="folder of pictures (images)")
    parser.add_argument("--queries", type=Path, default=REPO / "scripts" / "hybrid_queries.tsv", help="labelled queries")
    parser.add_argument("--keyword", type=float, default=1.0, help="weight of the keyword leg in hybrid mode (1)")
    parser.add_argument("--each", action="store_true", help="print the ranks of each query")
    options = parser.parse_args()
    queries = read_queries(options.queries)
    captions = read_captions(options.pictures / "ATTRIBUTION.md")
    rounds = [("file names and prompts", {})] + ([("captions as well", captions)] if captions else [])
    good = True
    for what, texts in rounds:
        with Server() as server:
            server.start()
            client = Client(server.base)
            names = upload(client, options.pictures, texts)
            unknown = {name for _, _, right in queries for name in right} - names
            if unknown:
                fail(f"{options.queries} names pictures that are not there: {', '.join(sorted(unknown))}")
            print(f"\n{len(names)} pictures, {len(queries)} queries; searched are {what}.")
            good &= report(client, queries, options)
            server.stop()
    return 0 if good else 1


def read_queries(path):
    queries = []
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, query, files = line.split("\t")
            queries.append((kind, query, set(files.split("|"))))
    return queries


def read_captions(path):
    """File name → description, from the table of an ATTRIBUTION.md."""
    if not path.exists():
        return {}
    rows = re.findall(r"^\| (\S+\.(?:jpg|png|webp)) \| ([^|]+) \|", path.read_text("utf-8"), re.MULTILINE)
    return dict(rows)


def upload(client, folder, captions):
    """Registers every picture below a folder; returns their names."""
    names = set()
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in KINDS):
        body, kind = multipart([("file", path.name, KINDS[path.suffix.lower()], path.read_bytes())])
        answer, _ = client.patient("POST", "/images", body, {"Content-Type": kind})
        if answer.status not in (200, 201):
            fail(f"{path.name} was answered with {answer.problem()}")
        image = answer.json()["images"][0]["image"]
        if path.name in captions:
            patch = json.dumps({"caption": captions[path.name]}).encode()
            client.patient("PATCH", f"/images/{image['image_id']}", patch, {"Content-Type": "application/json"})
        names.add(path.name)
    return names


def first_right(client, mode, query, right, options):
    """Rank, from 1, of the first right hit; None without one among the first 100."""
    body = {"query": query, "mode": mode, "limit": 100}
    if mode == "hybrid":
        body["weights"] = {"keyword": options.keyword}
    answer, _ = client.post_json("/search/text", body)
    if answer.status != 200:
        fail(f"{mode} search for {query} answered {answer.problem()}")
    return next((hit["rank"] for hit in answer.json()["hits"] if hit["file_name"] in right), None)


def report(client, queries, options):
    ranks = {}
    for kind, query, right in queries:
        for mode in MODES:
            ranks.setdefault((kind, mode), []).append(first_right(client, mode, query, right, options))
        if options.each:
            print(f"  {kind:8} {query:45} " + " ".join(f"{ranks[kind, mode][-1] or '–':>4}" for mode in MODES))
    kinds = list(dict.fromkeys(kind for kind, _, _ in queries))
    for mode in MODES:
        ranks["all", mode] = [rank for kind in kinds for rank in ranks[kind, mode]]
    print(f"{'':10}{'queries':>8}" + "".join(f"{mode + ' s@1':>13}{'MRR':>7}" for mode in MODES))
    figures = {}
    for kind in [*kinds, "all"]:
        line = f"{kind:10}{len(ranks[kind, 'vector']):>8}"
        for mode in MODES:
            found = ranks[kind, mode]
            success = sum(rank == 1 for rank in found) / len(found)
            reciprocal = sum(1 / rank for rank in found if rank) / len(found)
            figures[kind, mode] = (success, reciprocal)
            line += f"{success:>13.3f}{reciprocal:>7.3f}"
        print(line)
    legs = [figures["all", "vector"], figures["all", "keyword"]]
    return all(figures["all", "hybrid"][n] >= max(leg[n] for leg in legs) for n in (0, 1))


if __name__ == "__main__":
    sys.exit(main())
