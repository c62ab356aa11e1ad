"""The part `pictures`: uploads of a camera's pictures and their first thumbnails, beside another version if one is given."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from . import inputs, server, timing
from .document import number, ratio, table

UPLOADS_AT_ONCE = (1, 4)
THUMBNAIL_TIMES = 60

EXPLANATION = """\
Pictures of 4,000 × 3,000 pixels as JPEG, enlarged from the photographs and each a new file. The server is the release program with an
empty data directory, the demo model and the default settings; clients run on the same machine. A thumbnail (256 pixels) is asked
for once for each image, so that no cache in memory answers."""


@dataclass
class Measured:
    """The figures of one program."""

    uploads: list[float]
    upload_times: list[float]
    thumbnail_times: list[float]


def measure(args: Namespace) -> str:
    """Returns the part as Markdown."""
    pictures = inputs.large(inputs.photos(args.photos))
    programs = {"Mitsuke": args.program}
    if args.before:
        programs = {"the version before": args.before, **programs}
    found = {name: _measure(program, args.demo, pictures, args.seconds) for name, program in programs.items()}
    base = next(iter(found.values()))
    head = [
        "", *(f"uploads a second, {count} in flight" for count in UPLOADS_AT_ONCE), "upload p50, ms",
        "thumbnail p50, ms", "thumbnail p95, ms",
    ]  # fmt: skip
    rows = [
        [
            name, *(f"{number(rate)} ({ratio(rate, before)})" for rate, before in zip(one.uploads, base.uploads)),
            number(timing.percentile(one.upload_times, 0.5)), number(timing.percentile(one.thumbnail_times, 0.5)),
            number(timing.percentile(one.thumbnail_times, 0.95)),
        ]
        for name, one in found.items()
    ]  # fmt: skip
    return f"{EXPLANATION}\n\n{table(head, rows)}"


def _measure(program: Path, model: Path, pictures: list[bytes], seconds: float) -> Measured:
    files = timing.Shared(inputs.uploads(pictures))
    with server.running(program, model, "auto") as client:
        upload = lambda: client.upload(next(files))  # noqa: E731
        for _ in range(3):
            upload()
        uploads = [timing.rate(upload, at_once, seconds) for at_once in UPLOADS_AT_ONCE]
        upload_times = timing.times(upload, 20)
        ids = iter(client.image_ids(THUMBNAIL_TIMES))
        thumbnails = timing.times(lambda: client.thumbnail(next(ids)), THUMBNAIL_TIMES)
    return Measured(uploads, upload_times, thumbnails)
