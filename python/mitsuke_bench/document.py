"""Puts the figures of a part into docs/BENCHMARKS.md. Each part owns the lines between its two markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

# The parts in the order in which the document shows them, with their headings.
HEADINGS = {
    "encoders": "Encoders",
    "service": "The service",
    "pictures": "Large pictures",
    "import": "Imports and uploads of many pictures",
    "index": "The vector index",
    "store": "The embedded store",
    "soak": "Uploads and searches of the demo model",
    "gpu": "GPU",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value: float) -> str:
    """Returns a number with three digits."""
    if value < 0:
        return f"−{number(-value)}"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float, base: float) -> str:
    """Returns how many times `base` a value is."""
    return f"{number(value / base)} ×" if base > 0 else "–"


def replaced(document: str, part: str, body: str) -> str:
    """Returns the document with `body` in place of what stood between the markers of a part.

    A part that the document lacks is added at its place among the others.
    """
    begin, end = _markers(part)
    block = f"{begin}\n## {HEADINGS[part]}\n\n{body.strip()}\n{end}\n"
    if begin in document:
        if end not in document.split(begin, 1)[1]:
            raise ValueError(f"the document has the line {begin} without the line {end} below it.")
        pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end) + r"\n", re.DOTALL)
        return pattern.sub(lambda _: block, document, count=1)
    parts = list(HEADINGS)
    for later in parts[parts.index(part) + 1 :]:
        marker = _markers(later)[0]
        if marker in document:
            before, after = document.split(marker, 1)
            return f"{before}{block}\n{marker}{after}"
    return f"{document.rstrip()}\n\n{block}"


def replace(path: Path, part: str, body: str) -> None:
    """Writes the figures of a part into the document."""
    made = replaced(path.read_text(encoding="utf-8"), part, body)
    path.write_text(made, encoding="utf-8")


def _markers(part: str) -> tuple[str, str]:
    return f"<!-- scripts/bench.sh writes this part: {part} -->", f"<!-- end of {part} -->"
