"""Tables of results as Markdown."""

from __future__ import annotations

import itertools


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Prints a Markdown table and an empty line."""
    for row in itertools.chain([head, ["---"] * len(head)], rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)
