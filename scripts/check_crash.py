#!/usr/bin/env python3
"""Kills the server with kill -9 in the middle of an upload of 200 pictures,
starts it again, and checks that nothing it had answered for is lost.

Usage: scripts/check_crash.py [--pictures 200] [--threads 8] [--rounds 1] [--seed N]
It needs target/release/mitsuke (cargo build --release) and nothing else: the
server gets a free port and a temporary data folder.

After every kill it checks that
  - every upload answered with 201 or 200 is there, byte for byte;
  - each of them is found by a search with its own picture;
  - no half picture exists: each listed picture has whole bytes (SHA-256), a
    thumbnail and metadata that agree, also the ones that were never answered;
  - uploading everything again stores each picture once and ends cleanly.
The exit status is 0 when all of it holds.
"""

import argparse
import hashlib
import http.client
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from service import Client, Progress, Server, fail, multipart, picture


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200, help="how many pictures (200)")
    parser.add_argument("--threads", type=int, default=8, help="how many upload at once (8)")
    parser.add_argument("--rounds", type=int, default=1, help="how often all of it is done (1)")
    parser.add_argument("--seed", type=int, default=None, help="decides when the kill comes (random)")
    options = parser.parse_args()
    if options.pictures < 10 or options.threads < 1 or options.rounds < 1:
        fail("give at least 10 pictures, 1 thread and 1 round.")
    chance = random.Random(options.seed)
    faults = []
    for number in range(1, options.rounds + 1):
        if options.rounds > 1:
            print(f"== round {number} of {options.rounds}")
        faults += one_round(options.pictures, options.threads, chance)
    for fault in faults[:20]:
        print("FAULT:", fault)
    if faults:
        print(f"check_crash: {len(faults)} faults")
        return 1
    print("check_crash: nothing answered was lost, and nothing is half there")
    return 0


def one_round(count, threads, chance):
    pictures = [picture(n) for n in range(count)]
    kill_after = chance.randint(count // 4, count * 3 // 4)
    with Server() as server:
        print(f"server ready after {server.start():.1f} s at {server.base}; kill -9 after {kill_after} answers")
        answered, faults = upload_and_kill(server, pictures, threads, kill_after, chance)
        print(f"killed with {len(answered)} of {count} uploads answered")
        print(f"server ready again after {server.start():.1f} s")
        faults += check_answered(server, pictures, answered)
        extra, more = check_whole(server, pictures, answered)
        faults += more
        print(f"{len(answered)} answered pictures checked; {extra} more were stored but not yet answered")
        faults += check_rest(server, pictures, answered)
        status = server.stop()
        if status != 0:
            faults.append(f"after SIGTERM the server ended with status {status}, not 0")
        if faults:
            print("last words of the server:\n" + server.last_words(), file=sys.stderr)
    return faults


def upload_and_kill(server, pictures, threads, kill_after, chance):
    """Uploads from several threads; kills the server once enough are answered."""
    answered, faults = {}, []
    lock, enough, dead = threading.Lock(), threading.Event(), threading.Event()
    progress = Progress("uploaded before the kill", kill_after)

    def upload(share):
        client = Client(server.base)
        for number in share:
            try:
                answer, _ = client.upload(f"crash-{number}.png", pictures[number])
            except (OSError, http.client.HTTPException) as error:
                if not dead.is_set() and server.process.poll() is None and not enough.is_set():
                    faults.append(f"upload {number} broke before the kill: {error}")
                return
            with lock:
                if answer.status == 201:
                    answered[number] = answer.json()["images"][0]["image"]["image_id"]
                    if len(answered) <= kill_after:
                        progress.step()
                    if len(answered) >= kill_after:
                        enough.set()
                else:
                    faults.append(f"upload {number} was answered with {answer.problem()}")
        client.close()

    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(upload, range(first, len(pictures), threads)) for first in range(threads)]
        while not enough.wait(0.1):
            if all(task.done() for task in tasks):
                fail("the uploads ended before the kill. " + "; ".join(faults[:3]))
        time.sleep(chance.uniform(0, 0.05))
        server.kill()
        dead.set()
    for task in tasks:
        task.result()
    return answered, faults


def check_answered(server, pictures, answered):
    """Every answered upload: there, the same bytes, found by its own picture."""
    client, faults = Client(server.base), []
    progress = Progress("checked", len(answered))
    for number, image_id in sorted(answered.items()):
        content = client.get(f"/images/{image_id}/content")
        if content.status != 200:
            faults.append(f"picture {number} ({image_id}) was answered and is lost: {content.problem()}")
        elif content.body != pictures[number]:
            faults.append(f"picture {number} ({image_id}) came back with other bytes")
        else:
            faults += check_found(client, number, image_id, pictures[number])
        progress.step()
    client.close()
    return faults


def check_found(client, number, image_id, data):
    body, kind = multipart([("file", "query.png", "image/png", data)])
    answer, _ = client.patient("POST", "/search/image", body, {"Content-Type": kind})
    if answer.status != 200:
        return [f"the search with picture {number} was answered with {answer.problem()}"]
    hits = answer.json()["hits"]
    if image_id not in [hit["image_id"] for hit in hits]:
        return [f"picture {number} ({image_id}) is not among the {len(hits)} hits of a search with itself"]
    return []


def check_whole(server, pictures, answered):
    """No picture is half there. Returns (stored but not answered, faults)."""
    client, faults = Client(server.base), []
    known = {hashlib.sha256(data).hexdigest() for data in pictures}
    listed = list(client.images())
    for image in listed:
        image_id = image["image_id"]
        meta = client.get(f"/images/{image_id}")
        content = client.get(f"/images/{image_id}/content")
        thumbnail = client.get(f"/images/{image_id}/thumbnail")
        sha256 = hashlib.sha256(content.body).hexdigest()
        for what, answer in (("metadata", meta), ("content", content), ("thumbnail", thumbnail)):
            if answer.status != 200 or not answer.body:
                faults.append(f"the {what} of {image_id} was answered with {answer.problem()}")
        if not sha256 == image["sha256"] or sha256 not in known or len(content.body) != image["bytes"]:
            faults.append(f"{image_id} is no whole picture of this upload")
        if not thumbnail.headers.get("Content-Type", "").startswith("image/"):
            faults.append(f"the thumbnail of {image_id} is no picture")
    ids = [image["image_id"] for image in listed]
    if len(set(ids)) != len(ids) or len({image["sha256"] for image in listed}) != len(ids):
        faults.append("a picture is listed twice")
    for number, image_id in answered.items():
        if image_id not in ids:
            faults.append(f"picture {number} ({image_id}) was answered and is not listed")
    client.close()
    return len(set(ids) - set(answered.values())), faults


def check_rest(server, pictures, answered):
    """Everything once more: the same ids for what was answered, one copy of each."""
    client, faults = Client(server.base), []
    progress = Progress("uploaded again", len(pictures))
    for number, data in enumerate(pictures):
        answer, _ = client.upload(f"crash-{number}.png", data)
        progress.step()
        if answer.status not in (200, 201):
            faults.append(f"the second upload of picture {number} was answered with {answer.problem()}")
            continue
        image_id = answer.json()["images"][0]["image"]["image_id"]
        if number in answered and (answer.status != 200 or image_id != answered[number]):
            faults.append(f"picture {number} got a second copy: {answered[number]}, then {image_id} ({answer.status})")
    stored = len(list(client.images()))
    if stored != len(pictures):
        faults.append(f"{stored} pictures are stored, not {len(pictures)}")
    client.close()
    return faults


if __name__ == "__main__":
    sys.exit(main())
