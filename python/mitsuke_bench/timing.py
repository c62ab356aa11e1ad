"""Rates, and percentiles of times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Shared(Iterator[Item]):
    """An iterator that several threads take from."""

    def __init__(self, items: Iterator[Item]):
        self._items, self._lock = items, threading.Lock()

    def __next__(self) -> Item:
        with self._lock:
            return next(self._items)


def rate(call: Callable[[], object], at_once: int, seconds: float) -> float:
    """Returns how many calls a second end while `at_once` threads call without a pause.

    Threads begin no call after `seconds`, and the last calls that have begun are waited for.
    """
    counts, failures = [0] * at_once, []
    begin = time.perf_counter()

    def work(thread: int) -> None:
        try:
            while time.perf_counter() - begin < seconds and not failures:
                call()
                counts[thread] += 1
        except BaseException as failure:  # noqa: BLE001 - the caller's thread raises it
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - begin)


def times(call: Callable[[], object], count: int) -> list[float]:
    """Returns the milliseconds of each of `count` calls, one after the other."""
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        call()
        taken.append(1e3 * (time.perf_counter() - begin))
    return taken


def percentile(taken: list[float], share: float) -> float:
    """Returns the time below which this share of the times lies."""
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
