"""The parts `store` and `soak`: benchmarks whose printed tables are shown as they are."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from argparse import Namespace

from .facts import ROOT


# The head of the table that tests/soak prints: its first column is empty.
HEAD = re.compile(r" {38}count +per s.*$")


def output(command: list[str]) -> str:
    """Runs a command in the repository and returns what it printed, which it shows on standard error, too."""
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
    if running.returncode != 0:
        raise SystemExit(f"error: `{' '.join(command)}` failed (its message is above).")
    return "".join(lines)


def store(args: Namespace) -> str:
    """Returns the part `store` as Markdown."""
    printed = bench("store", f"documents={args.documents}", "dimension=768", "bytes=2000")
    about = (
        f"A store of {args.documents:,} pictures with captions and prompts, and vectors of 768 components. Every insert is a\n"
        "durable transaction, so that its time is mostly that of the disk."
    )
    parts = [f"{about}\n\n```text\n{printed}\n```"]
    for images in args.images:
        about = (
            f"Finding among {images:,} pictures with prompts of 25 parts, captions, tags and folders, and vectors of 256\n"
            "components. The last column is the number of hits, or of all matches of a keyword search and of a count."
        )
        parts.append(f"{about}\n\n```text\n{bench('finding', f'images={images}')}\n```")
    return "\n\n".join(parts)


def bench(name: str, *settings: str) -> str:
    """Returns what a benchmark of the store prints."""
    return output(["cargo", "bench", "--locked", "-p", "mitsuke-store", "--bench", name, "--", *settings]).strip()


def soak(args: Namespace) -> str:
    """Returns the part `soak` as Markdown."""
    about = (
        "The release program with the demo model, over HTTP, on made-up pictures of 320 × 320 pixels (PNG). The settings SOAK_…\n"
        "of scripts/bench.sh change the number of requests and how many are in flight."
    )
    return f"{about}\n\n```text\n{soak_table(output(args.soak))}\n```"


def soak_table(printed: str) -> str:
    """Returns the table in the output of the soak benchmark, without what the test program prints around it."""
    lines = [line.rstrip() for line in printed.splitlines()]
    # The head may follow the name of the test on the same line.
    heads = [(number, match.group()) for number, line in enumerate(lines) if (match := HEAD.search(line))]
    if not heads:
        raise ValueError(f"the soak benchmark printed no table:\n{printed}")
    begin, head = heads[0]
    rows = itertools.takewhile(lambda line: line not in ("", "ok"), lines[begin + 1 :])
    return "\n".join([head, *rows])
