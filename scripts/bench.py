#!/usr/bin/env python3
"""Measures uploads and searches over HTTP: how many a second and how long each
takes, alone and several at once.

Usage: scripts/bench.py [--url URL] [--key KEY] [--pictures 100] [--searches 300] [--at-once 1,4,16]
Without --url it starts target/release/mitsuke (cargo build --release) on a free
port with a temporary data folder. With --url it UPLOADS test pictures to that
server and removes them at the end. Give it an otherwise idle machine.
"""

import argparse
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import local

from check_load import QUERIES, remove
from service import Client, Progress, Server, fail, multipart, picture, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--key", help="an API key for --url")
    parser.add_argument("--pictures", type=int, default=100, help="uploads per row (100)")
    parser.add_argument("--searches", type=int, default=300, help="searches per row (300)")
    parser.add_argument("--at-once", default="1,4,16", help="requests in flight, one row each (1,4,16)")
    options = parser.parse_args()
    try:
        options.at_once = [int(n) for n in options.at_once.split(",")]
    except ValueError:
        fail("--at-once takes numbers with commas between them, as in 1,4,16.")
    if min(options.at_once + [options.pictures, options.searches]) < 1:
        fail("all numbers have to be at least 1.")
    if options.url:
        return bench(options, options.url)
    with Server() as server:
        print(f"server ready after {server.start():.1f} s", file=sys.stderr)
        bench(options, server.base)
        server.stop()
    return 0


def bench(options, base):
    mine = local()
    numbers = itertools.count(int(time.time()) * 1000)
    stored, rows = [], []

    def client():
        if not hasattr(mine, "client"):
            mine.client = Client(base, options.key)
        return mine.client

    def measure(what, work, items, at_once):
        """Runs work(item) for all items; a refusal (503) counts as part of its time."""
        progress = Progress(what, len(items))

        def one(item):
            begin = time.monotonic()
            answer, _ = work(item)
            took = time.monotonic() - begin
            if answer.status not in (200, 201):
                fail(f"{what}: the server answered {answer.problem()}")
            progress.step()
            return took, answer

        begin = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            results = list(pool.map(one, items))
        rows.append((what, [took for took, _ in results], time.monotonic() - begin))
        return [answer for _, answer in results]

    def search_text(mode):
        return lambda n: client().post_json("/search/text", {"query": QUERIES[n % len(QUERIES)], "mode": mode})

    def search_picture(data):
        body, kind = multipart([("file", "query.png", "image/png", data)])
        return client().patient("POST", "/search/image", body, {"Content-Type": kind})

    try:
        for at_once in options.at_once:
            pictures = [picture(next(numbers), 320) for _ in range(options.pictures)]
            answers = measure(f"upload, {at_once} at once", lambda data: client().upload("bench.png", data), pictures, at_once)
            stored += [answer.json()["images"][0]["image"]["image_id"] for answer in answers]
        for mode in ("vector", "keyword", "hybrid"):
            for at_once in options.at_once:
                measure(f"text search ({mode}), {at_once} at once", search_text(mode), range(options.searches), at_once)
        for at_once in options.at_once:
            few = [picture(next(numbers), 320) for _ in range(max(1, options.searches // 4))]
            measure(f"picture search, {at_once} at once", search_picture, few, at_once)
        for at_once in options.at_once:
            measure(
                f"more like this, {at_once} at once",
                lambda image_id: client().post_json("/search/image", {"image_id": image_id}),
                (stored * options.searches)[: options.searches], at_once,
            )
    finally:
        if options.url:
            remove(base, options.key, stored)
    table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
