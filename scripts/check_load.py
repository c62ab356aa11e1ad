#!/usr/bin/env python3
"""Sends 200 searches at once while pictures are being uploaded in bulk, and
checks that none is lost: each gets its hits, or a 503 with Retry-After that is
then obeyed. Prints how long they took.

Usage: scripts/check_load.py [--searches 200] [--pictures 300] [--rounds 3] [--url URL] [--key KEY]
Without --url it starts target/release/mitsuke (cargo build --release) on a free
port with a temporary data folder. With --url it UPLOADS test pictures to that
server and removes them at the end.
The exit status is 0 when no search and no upload was lost.
"""

import argparse
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from service import Client, Progress, Server, fail, picture, table

QUERIES = ["猫", "青い車", "寿司", "赤い丸", "緑の線", "夕焼けの海", "雪の山", "a red circle", "blue sky", "女性"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=200, help="searches sent at once (200)")
    parser.add_argument("--pictures", type=int, default=300, help="pictures uploaded meanwhile (300)")
    parser.add_argument("--uploaders", type=int, default=8, help="uploads in flight at once (8)")
    parser.add_argument("--rounds", type=int, default=3, help="waves of searches, one after the other (3)")
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--key", help="an API key for --url")
    options = parser.parse_args()
    if min(options.searches, options.pictures, options.uploaders, options.rounds) < 1:
        fail("all numbers have to be at least 1.")
    if options.url:
        return load(options, options.url)
    with Server() as server:
        print(f"server ready after {server.start():.1f} s at {server.base}")
        status = load(options, server.base)
        if server.stop() != 0:
            print("FAULT: the server did not end cleanly\n" + server.last_words())
            status = 1
        return status


def load(options, base):
    # The same pictures for everyone would be "known"; the clock makes new ones.
    first = int(time.time()) * 1000
    pictures = [picture(first + n) for n in range(options.pictures)]
    stored, uploads, faults = [], [], []
    refused = {"search": 0, "upload": 0}
    lock, started, stop = threading.Lock(), threading.Event(), threading.Event()

    def upload(share):
        client = Client(base, options.key)
        for number in share:
            if stop.is_set():
                break
            begin = time.monotonic()
            try:
                answer, waits = client.upload(f"load-{number}.png", pictures[number])
            except Exception as error:
                faults.append(f"an upload was lost: {error!r}")
                continue
            with lock:
                refused["upload"] += waits
                if answer.status in (200, 201):
                    stored.append(answer.json()["images"][0]["image"]["image_id"])
                    uploads.append(time.monotonic() - begin)
                else:
                    faults.append(f"an upload was answered with {answer.problem()}")
            started.set()
        client.close()

    def search(number):
        client = Client(base, options.key)
        query = {"query": QUERIES[number % len(QUERIES)], "mode": ("vector", "hybrid", "keyword")[number % 3]}
        gate.wait()
        begin = time.monotonic()
        try:
            answer, waits = client.post_json("/search/text", query)
        except Exception as error:
            faults.append(f"a search was lost: {error!r}")
            return None
        finally:
            client.close()
        took = time.monotonic() - begin
        with lock:
            refused["search"] += waits
            if answer.status != 200 or "hits" not in answer.json():
                faults.append(f"a search was answered with {answer.problem()}")
                return None
        return took

    rows, idle_times = [], []
    client = Client(base, options.key)
    for number in range(20):
        begin = time.monotonic()
        client.post_json("/search/text", {"query": QUERIES[number % len(QUERIES)], "mode": "vector"})
        idle_times.append(time.monotonic() - begin)
    client.close()
    rows.append(("one after the other, idle", idle_times, sum(idle_times)))

    begin_uploads = time.monotonic()
    with ThreadPoolExecutor(options.uploaders) as pool:
        tasks = [
            pool.submit(upload, range(first, options.pictures, options.uploaders)) for first in range(options.uploaders)
        ]
        started.wait(60)
        for wave in range(1, options.rounds + 1):
            gate = threading.Barrier(options.searches)
            before = len(stored)
            begin = time.monotonic()
            with ThreadPoolExecutor(options.searches) as searchers:
                times = list(searchers.map(search, range(options.searches)))
            wall = time.monotonic() - begin
            during = "" if len(stored) < options.pictures else " (uploads done)"
            rows.append((f"wave {wave}: {options.searches} at once{during}", [t for t in times if t is not None], wall))
            print(f"wave {wave}: {sum(t is not None for t in times)} of {options.searches} answered, "
                  f"{len(stored) - before} uploads meanwhile", file=sys.stderr)
        print(f"waiting for the uploads ({len(stored)} of {options.pictures} done)", file=sys.stderr)
        for task in tasks:
            task.result()
    rows.append((f"uploads, {options.uploaders} at once", uploads, time.monotonic() - begin_uploads))

    table(rows)
    print(f"refused with 503 and tried again: {refused['search']} searches, {refused['upload']} uploads")
    if options.url:
        remove(base, options.key, stored)
    for fault in faults[:20]:
        print("FAULT:", fault)
    expected = options.searches * options.rounds
    print(f"check_load: {expected} searches and {options.pictures} uploads, " + (f"{len(faults)} faults" if faults else "none lost"))
    return 1 if faults else 0


def remove(base, key, ids):
    client, progress = Client(base, key), Progress("removed test pictures", len(ids))
    for image_id in ids:
        client.request("DELETE", f"/images/{image_id}")
        progress.step()
    client.close()


if __name__ == "__main__":
    sys.exit(main())
