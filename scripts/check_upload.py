#!/usr/bin/env python3
"""Uploads 5,000 small pictures with `mitsuke upload`, interrupts it twice (once
with Ctrl-C, once with kill -9), lets it finish, and checks that none is lost and
none is there twice.

Usage: scripts/check_upload.py [--pictures 5000] [--jobs 4] [--seed N]
It needs target/release/mitsuke (cargo build --release) and nothing else: the
server gets a free port and a temporary data folder.

It checks that
  - every run ends with the exit status it promises (130 after Ctrl-C, 0 at the end);
  - every picture is stored exactly once, with the bytes of its file (SHA-256);
  - every sidecar caption arrived;
  - the log names every file as done, with the image that holds it;
  - a further run with the log sends nothing, and one without it sends nothing that
    the server can tell it knows.
The exit status is 0 when all of it holds.
"""

import argparse
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from service import Client, Progress, Server, fail, picture

SIZE = 64
CAPTION_EVERY = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000, help="how many pictures (5000)")
    parser.add_argument("--jobs", type=int, default=4, help="how many are uploaded at once (4)")
    parser.add_argument("--seed", type=int, default=None, help="decides when the interruptions come (random)")
    options = parser.parse_args()
    if options.pictures < 200 or not 1 <= options.jobs <= 64:
        fail("give at least 200 pictures and 1 to 64 jobs.")
    chance, faults = random.Random(options.seed), []
    with tempfile.TemporaryDirectory(prefix="mitsuke-upload-") as folder, Server() as server:
        folder = Path(folder)
        hashes = make_pictures(folder / "in", options.pictures)
        server.start()
        runner = Runner(server, folder, options.jobs)
        first = chance.randint(options.pictures // 5, options.pictures // 3)
        second = chance.randint(options.pictures // 2, options.pictures * 3 // 4)
        faults += interrupt(runner, first, signal.SIGINT, 130)
        faults += interrupt(runner, second, signal.SIGKILL, -signal.SIGKILL)
        faults += runner.finish("to the end", 0)
        faults += check_stored(server, hashes)
        faults += check_log(runner.log, hashes)
        faults += runner.finish("again, with the log", 0, want={"done by an earlier run": options.pictures})
        faults += runner.finish("again, without the log", 0, more=["--no-log"])
        faults += check_stored(server, hashes)
        if server.stop() != 0:
            faults.append("the server did not end cleanly")
    for fault in faults[:20]:
        print("FAULT:", fault)
    if faults:
        print(f"check_upload: {len(faults)} faults")
        return 1
    print(f"check_upload: {options.pictures} pictures, interrupted twice: none lost, none doubled")
    return 0


def make_pictures(folder, count):
    """Pictures in folders of 100, each tenth with a caption; {sha256: caption or None}."""
    hashes, progress = {}, Progress("pictures made", count)
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"写真 {number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = picture(number, SIZE)
        path.write_bytes(data)
        caption = None
        if number % CAPTION_EVERY == 0:
            caption = f"{number} 番の写真"
            path.with_suffix(".txt").write_text(caption + "\n", "utf-8")
        hashes[hashlib.sha256(data).hexdigest()] = (path, caption)
        progress.step()
    if len(hashes) != count:
        fail("two of the made pictures are equal; that is a fault of this script.")
    return hashes


class Runner:
    """Runs `mitsuke upload` on one folder with one log."""

    def __init__(self, server, folder, jobs):
        self.server, self.folder, self.jobs = server, folder, jobs
        self.log = folder / "upload.jsonl"

    def start(self, more=()):
        log = [] if "--no-log" in more else ["--log", self.log]
        command = [self.server.program, "upload", "in", "--server", self.server.base, "--jobs", str(self.jobs), *log, *more]
        self.begin = time.monotonic()
        return subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def done(self):
        """Lines of the log."""
        try:
            return self.log.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def finish(self, what, status, want=None, more=()):
        process = self.start(more)
        out, err = process.communicate()
        seconds = time.monotonic() - self.begin
        print(f"-- {what}: exit status {process.returncode} after {seconds:.1f} s\n{out.rstrip()}")
        faults = []
        if process.returncode != status:
            faults.append(f"{what}: exit status {process.returncode}, not {status}: {err[-500:]}")
        for words, count in (want or {}).items():
            if not re.search(rf"^ *{count} {words}", out, re.MULTILINE):
                faults.append(f"{what}: the summary does not say `{count} {words}`")
        return faults


def interrupt(runner, after, name, status):
    """Runs until the log has that many lines, then sends the signal."""
    process = runner.start()
    while runner.done() < after and process.poll() is None:
        time.sleep(0.01)
    if process.poll() is not None:
        _, err = process.communicate()
        return [f"the upload ended by itself before it was interrupted: {err[-500:]}"]
    process.send_signal(name)
    process.communicate()
    seconds = time.monotonic() - runner.begin
    print(f"-- {signal.Signals(name).name} after {after} lines of the log and {seconds:.1f} s: "
          f"exit status {process.returncode}, {runner.done()} lines")
    return [] if process.returncode == status else [f"after {name} the exit status was {process.returncode}, not {status}"]


def check_stored(server, hashes):
    """Every picture once, with its caption."""
    client = Client(server.base)
    images = list(client.images())
    client.close()
    stored = {image["sha256"]: image for image in images}
    faults = []
    if len(stored) != len(images):
        faults.append(f"{len(images) - len(stored)} pictures are stored twice")
    lost, strange = hashes.keys() - stored.keys(), stored.keys() - hashes.keys()
    if lost or strange:
        faults.append(f"{len(lost)} pictures are lost, {len(strange)} are of unknown origin")
    for sha256, (path, caption) in hashes.items():
        image = stored.get(sha256)
        # The made pictures have a text chunk of their own, which is the caption where there is no sidecar.
        if image and caption and image["caption"] != caption:
            faults.append(f"{path.name} has the caption {image['caption']!r}, not {caption!r}")
        if image and image["file_name"] != path.name:
            faults.append(f"{path.name} is called {image['file_name']!r}")
    print(f"{len(images)} images stored, {len(stored)} different, {len(lost)} lost")
    return faults


def check_log(log, hashes):
    """The log names every file as done. A line that kill -9 cut off is gone, and its file has another."""
    done, broken = set(), 0
    for line in log.read_text("utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            broken += 1
            continue
        if entry["status"] in ("created", "known") and entry["image_id"] > 0:
            done.add(entry["sha256"])
    if done != set(hashes) or broken:
        return [f"the log has {len(done)} of {len(hashes)} files, and {broken} broken lines"]
    return []


if __name__ == "__main__":
    sys.exit(main())
