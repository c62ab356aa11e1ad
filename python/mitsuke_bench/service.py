"""The part `service`: uploads and searches of a running server beside the original pipeline, one run."""

from __future__ import annotations

import sys
import threading
import time
from argparse import Namespace
from contextlib import contextmanager
from dataclasses import dataclass

from . import inputs, original, program, server, timing
from .document import number, ratio, table

UPLOADS_AT_ONCE = (1, 4)
SEARCHES_AT_ONCE = (1, 8, 32)
# The uploads in flight that keep the encoder busy while latencies are measured.
SATURATING = 4
# The searches whose times give a percentile.
TEXT_TIMES, PICTURE_TIMES = 100, 40

EXPLANATION = """\
Each server is the release program with an empty data directory and the default settings, except for the precision. Clients
run on the same machine. Every upload is a new file and every query a new text. The original pipeline is measured before and after
the servers, and the faster of both counts. Uploads per second are ratios to its pictures, searches to its texts."""


@dataclass
class Measured:
    """The figures of one server."""

    precision: str
    uploads: list[float]
    searches: list[float]
    # The times of searches by text and by picture, in milliseconds.
    idle: tuple[list[float], list[float]]
    busy: tuple[list[float], list[float]]


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    first = original.run(args.original, args.photos, args.seconds, args.trust_remote_code)
    photographs = inputs.photos(args.photos)
    found = {}
    for precision in args.precisions:
        with server.running(args.program, args.model, precision) as client:
            found[precision] = _measure(client, photographs, args.seconds)
    base = original.faster(first, original.run(args.original, args.photos, args.seconds, args.trust_remote_code))
    document = program.manifest(args.model)
    return "\n\n".join([
        f"### {document['model_name']}, {document['vector_dimension']} dimensions", EXPLANATION,
        "**Uploads a second (POST /images)**",
        _rates(found, UPLOADS_AT_ONCE, lambda one: one.uploads, base["pictures"], base["threads"]),
        "**Text searches a second (POST /search/text)**",
        _rates(found, SEARCHES_AT_ONCE, lambda one: one.searches, base["texts"], base["threads"]),
        f"**Time of a search, alone and while {SATURATING} uploads are always in flight, in ms**", _latencies(found),
    ])  # fmt: skip


def _measure(client: server.Client, photographs: list[bytes], seconds: float) -> Measured:
    files, texts = timing.Shared(inputs.uploads(photographs)), timing.Shared(inputs.queries())
    upload = lambda: client.upload(next(files))  # noqa: E731
    search = lambda: client.search(next(texts))  # noqa: E731
    by_picture = lambda: client.search_by_picture(next(files))  # noqa: E731
    used = client.get("/models")["models"][0]["precision"]
    for call in (upload, search, by_picture):
        for _ in range(3):
            call()

    def latencies() -> tuple[list[float], list[float]]:
        return timing.times(search, TEXT_TIMES), timing.times(by_picture, PICTURE_TIMES)

    uploads = [timing.rate(upload, at_once, 2 * seconds) for at_once in UPLOADS_AT_ONCE]
    _say(used, "uploads a second", uploads)
    searches = [timing.rate(search, at_once, seconds) for at_once in SEARCHES_AT_ONCE]
    _say(used, "searches a second", searches)
    before = latencies()
    with _saturated(upload):
        busy = latencies()
    # Half of the idle times stand on either side, so that a change of the machine's speed does not look like one of the load.
    idle = tuple(one + other for one, other in zip(before, latencies()))
    return Measured(_precision(used), uploads, searches, idle, busy)


@contextmanager
def _saturated(upload):
    """Keeps uploads in flight."""
    end, failures = threading.Event(), []

    def work() -> None:
        try:
            while not end.is_set():
                upload()
        except Exception as failure:  # noqa: BLE001 - the caller's thread raises it
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(SATURATING)]
    for thread in threads:
        thread.start()
    # The queue has filled when the first uploads are answered.
    time.sleep(3)
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _rates(found: dict[str, Measured], at_once: tuple[int, ...], pick, base: float, threads: float) -> str:
    in_flight, ratios = [f"{count} in flight" for count in at_once], [f"ratio, {count}" for count in at_once]
    head = ["", "precision, pictures / texts", *in_flight, *ratios]
    # The original takes one item at a time.
    others = ["–"] * (len(at_once) - 1)
    name = f"original pipeline, {threads:.0f} thread{'s' if threads > 1 else ''}"
    rows = [[name, "float32", number(base), *others, "1", *others]]
    for asked, one in found.items():
        rates = pick(one)
        rows.append([f"Mitsuke, `{asked}`", one.precision, *map(number, rates), *(ratio(rate, base) for rate in rates)])
    return table(head, rows)


def _latencies(found: dict[str, Measured]) -> str:
    rows = []
    for asked, one in found.items():
        for kind, name in enumerate(("by text", "by picture")):
            idle, busy = one.idle[kind], one.busy[kind]
            p95 = [timing.percentile(taken, 0.95) for taken in (idle, busy)]
            rows.append([
                f"Mitsuke, `{asked}`, {name}", number(timing.percentile(idle, 0.5)), number(p95[0]),
                number(timing.percentile(busy, 0.5)), number(p95[1]), ratio(p95[1], p95[0]), number(p95[1] - p95[0]),
            ])  # fmt: skip
    return table(["", "idle p50", "idle p95", "beside uploads p50", "p95", "ratio of p95", "difference of p95"], rows)


def _precision(used: object) -> str:
    """Returns the precisions of both towers as the server names them."""
    if isinstance(used, dict):
        return " / ".join(str(used.get(tower)) for tower in ("image", "text"))
    return str(used)


def _say(precision: object, what: str, rates: list[float]) -> None:
    print(f"{_precision(precision)}: {what} {', '.join(map(number, rates))}", file=sys.stderr, flush=True)
