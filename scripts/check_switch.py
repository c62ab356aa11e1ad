#!/usr/bin/env python3
"""Takes a second model through its whole life on a store of a few thousand
pictures, while searches and uploads go on, and prints what it measured:
register, backfill (killed with kill -9 and resumed), compare, switch, flip back,
retire.

Usage: scripts/check_switch.py [--second FOLDER] [--pictures 2000] [--searchers 2] [--uploads 200] [--flips 20]
It needs target/release/mitsuke (cargo build --release). The second model is the
one of the tests (48 dimensions, made-up weights) unless --second names another
model folder; scripts/export_model.py writes one of any size. The server gets a
free port and temporary folders.

It checks on the way that
  - every search is answered, with the model it names, and finds what that model
    finds (the nearest picture of fixed queries, asked again under each model);
  - every upload is stored, and has embeddings of both models from the backfill on;
  - the kill costs nothing that was embedded, and the backfill goes on by itself;
  - PUT /models/current refuses while pictures are missing, with the counts;
  - retiring is refused for the current model and removes just the other one.
The exit status is 0 when all of it holds.
"""

import argparse
import http.client
import json
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service import REPO, Client, Progress, Server, fail, picture, table

QUERIES = ["猫", "青い車", "赤い丸", "緑の線", "夕焼けの海", "a red circle", "blue sky", "yellow flower"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--second", type=Path, default=REPO / "tests" / "other_models" / "wide",
                        help="folder of the second model (tests/other_models/wide)")
    parser.add_argument("--pictures", type=int, default=2000, help="pictures stored before it comes (2000)")
    parser.add_argument("--uploads", type=int, default=200, help="pictures uploaded during its backfill (200)")
    parser.add_argument("--searchers", type=int, default=2, help="searches in flight all the time (2)")
    parser.add_argument("--flips", type=int, default=20, help="switches there and back (20)")
    options = parser.parse_args()
    if not (options.second / "model.json").is_file():
        fail(f"{options.second} holds no model.json. Write a model folder: scripts/make_tiny_model.py --help")
    if min(options.pictures, options.uploads, options.flips) < 2 or options.searchers < 1:
        fail("give at least 2 pictures, uploads and flips, and 1 searcher.")
    with tempfile.TemporaryDirectory(prefix="mitsuke-models-") as models:
        shutil.copytree(REPO / "models" / "demo", Path(models) / "demo")
        with Server(settings={"MITSUKE_MODELS_DIR": models}) as server:
            life = Life(server, options)
            life.run(Path(models))
            status = server.stop()
            if status != 0:
                life.faults.append(f"after SIGTERM the server ended with status {status}, not 0")
    for fault in life.faults[:20]:
        print("FAULT:", fault)
    print("check_switch: " + (f"{len(life.faults)} faults" if life.faults else "all of it holds"))
    return 1 if life.faults else 0


class Life:
    """The stages, and what goes on meanwhile."""

    def __init__(self, server, options):
        self.server, self.options, self.faults, self.rows = server, options, [], []
        self.lock, self.stop, self.pause = threading.Lock(), threading.Event(), threading.Event()
        self.stage, self.times, self.answers = "", {}, {}
        self.client = Client(server.base)
        self.demo = self.second = None

    def run(self, models):
        print(f"server ready after {self.server.start():.1f} s")
        self.store_pictures()
        searchers = ThreadPoolExecutor(self.options.searchers)
        tasks = [searchers.submit(self.search, n) for n in range(self.options.searchers)]
        try:
            self.timed("demo model only", lambda: time.sleep(10))
            self.register(models)
            self.backfill()
            self.compare()
            self.switch()
            self.retire()
        finally:
            self.stop.set()
            for task in tasks:
                task.result()
            searchers.shutdown()
        table(self.rows)
        print(f"searches: {sum(len(t) for t in self.times.values())} answered while all of this went on")

    def check(self, holds, fault):
        if not holds:
            self.faults.append(fault)

    def model(self, model_id=None):
        return self.client.get(f"/models/{model_id or self.second}").json()

    def store_pictures(self):
        count, progress = self.options.pictures, Progress("stored before the second model", self.options.pictures)
        begin = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda share: self.upload(range(share, count, 8), progress, []), range(8)))
        took = time.monotonic() - begin
        print(f"{count} pictures stored in {took:.0f} s ({count / took:.1f} a second)")

    def upload(self, numbers, progress, seconds):
        client = Client(self.server.base)
        for number in numbers:
            begin = time.monotonic()
            try:
                answer, _ = client.upload(f"switch-{number}.png", picture(number, 96))
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(f"upload {number} was lost: {error!r}")
                continue
            seconds.append(time.monotonic() - begin)
            self.check(answer.status == 201, f"upload {number} was answered with {answer.problem()}")
            progress.step()
        client.close()

    def search(self, first):
        """Searches all the time; the answers are noted by stage."""
        client, number = Client(self.server.base), first
        while not self.stop.is_set():
            if self.pause.is_set():
                client.close()
                time.sleep(0.02)
                continue
            query, stage, begin = QUERIES[number % len(QUERIES)], self.stage, time.monotonic()
            try:
                answer, _ = client.post_json("/search/text", {"query": query, "limit": 5})
            except (OSError, http.client.HTTPException) as error:
                client.close()
                self.check(self.pause.is_set(), f"a search was lost: {error!r}")
                continue
            took = time.monotonic() - begin
            with self.lock:
                self.times.setdefault(stage, []).append(took)
                if answer.status != 200:
                    self.faults.append(f"a search was answered with {answer.problem()}")
                else:
                    self.note(query, stage, answer.json())
            number += 1
        client.close()

    def note(self, query, stage, found):
        """While nothing is uploaded, a model's answer to a query never changes."""
        if not found["hits"]:
            self.faults.append(f"「{query}」 found nothing under model {found['model']['model_id']}")
        elif stage in ("switching", "after"):
            key = (found["model"]["model_id"], query)
            distances = [hit["distance"] for hit in found["hits"]]
            known = self.answers.setdefault(key, distances)
            same = len(known) == len(distances) and all(abs(a - b) < 1e-3 for a, b in zip(known, distances))
            self.check(same, f"「{query}」 under model {key[0]}: {distances}, before {known}")

    def timed(self, stage, work):
        self.stage, begin = stage, time.monotonic()
        result = work()
        took = time.monotonic() - begin
        with self.lock:
            self.rows.append((f"searches: {stage}", list(self.times.get(stage, [])), took))
        return result

    def register(self, models):
        shutil.copytree(self.options.second, models / "second")
        answer = self.client.request("POST", "/models/refresh")
        listed = answer.json()
        self.check(answer.status == 200 and not listed["broken"], f"the refresh was answered with {answer.problem()}")
        second = listed["models"][1]
        self.check(second["state"] == "not_loaded", f"the second model is {second['state']}")
        demo = listed["models"][0]
        self.demo, self.second = demo["model_id"], second["model_id"]
        print(f"registered {second['model_name']}: {second['vector_dimension']} dimensions beside {demo['vector_dimension']}")
        refused = self.put(self.second)
        told = refused.json()
        if told.get("code") != "coverage_incomplete":
            fail(f"an early PUT /models/current was answered with {refused.problem()}")
        print(f"PUT /models/current now: {refused.status} {told['code']}, {told['embedded']} of {told['total']} embedded")

    def put(self, model_id):
        body = json.dumps({"model_id": model_id}).encode()
        return self.client.request("PUT", "/models/current", body, {"Content-Type": "application/json"})

    def backfill(self):
        count, uploads = self.options.pictures, []
        answer = self.client.request("POST", f"/models/{self.second}/backfill")
        self.check(answer.status == 202, f"the backfill was answered with {answer.problem()}")
        self.timed("backfill to its quarter", lambda: self.wait(lambda m: m["embedded"] >= count // 4, every=0.01))
        self.kill()
        extra = range(count, count + self.options.uploads)
        progress = Progress("uploaded during the backfill", len(extra))
        worker = threading.Thread(target=self.upload, args=(extra, progress, uploads))
        begin = time.monotonic()
        worker.start()
        resumed = self.timed("backfill resumed, uploads", lambda: self.wait(lambda m: m["embedded"] == m["total"]))
        worker.join()
        self.rows.append(("uploads: during the backfill", uploads, time.monotonic() - begin))
        rate = (resumed["backfill"] or {}).get("per_second")
        ended = self.wait(lambda m: m["embedded"] == m["total"] and (m["backfill"] or {}).get("state") == "finished")
        self.check(ended["total"] == count + len(extra), f"{ended['total']} images are stored")
        print(f"backfill finished: {ended['embedded']} of {ended['total']} embedded, {ended['failed']} failed, "
              f"{ended['backfill']['embedded']} of them after the kill" + (f", {rate} a second at the end" if rate else ""))
        for model_id in (self.demo, self.second):
            model = self.model(model_id)
            self.check(model["embedded"] == model["total"], f"model {model_id} lacks images: {model}")

    def kill(self):
        self.pause.set()
        before = self.model()["embedded"]
        self.client.close()
        self.server.kill()
        if before >= self.options.pictures:
            fail("the backfill was done before the kill came. Give more --pictures.")
        took = self.server.start()
        self.client = Client(self.server.base)
        after = self.model()
        self.check(after["embedded"] >= before, f"{before} were embedded before the kill, {after['embedded']} after it")
        begin = time.monotonic()
        self.pause.clear()
        self.wait(lambda m: m["embedded"] > after["embedded"] or m["embedded"] == m["total"], every=0.01)
        print(f"kill -9 with {before} embedded; ready again after {took:.1f} s with {after['embedded']}, "
              f"and it goes on by itself {time.monotonic() - begin:.1f} s later")

    def wait(self, done, every=0.2, limit=3600):
        begin = time.monotonic()
        while True:
            model = self.model()
            if done(model):
                return model
            if time.monotonic() - begin > limit:
                fail(f"the backfill does not get on: {model}")
            time.sleep(every)

    def compare(self):
        body = {"queries": QUERIES, "image_ids": [1, 2, 3], "k": 10}
        begin = time.monotonic()
        answer, _ = self.client.post_json(f"/models/{self.second}/compare", body)
        took = time.monotonic() - begin
        self.check(answer.status == 200, f"the comparison was answered with {answer.problem()}")
        told = answer.json()
        overlaps = ", ".join(f"{q['query'] or q['image_id']} {q['overlap']:.1f}" for q in told["queries"])
        self.check(not told["partial"], "the comparison calls a full model partial")
        print(f"compare: mean overlap@10 {told['mean_overlap']:.2f} in {took * 1000:.0f} ms ({overlaps})")

    def switch(self):
        self.timed("switching", self.flip)
        self.check(self.client.get("/models/current").json()["model_id"] == self.demo, "the flip back did not take")

    def flip(self):
        seconds = []
        for turn in range(2 * self.options.flips):
            model_id = (self.second, self.demo)[turn % 2]
            begin = time.monotonic()
            answer = self.put(model_id)
            seconds.append(time.monotonic() - begin)
            self.check(answer.status == 200, f"switch {turn} was answered with {answer.problem()}")
            time.sleep(0.25)
        self.rows.append(("switches, there and back", seconds, sum(seconds)))
        named = {model_id for model_id, _ in self.answers}
        self.check(named == {self.demo, self.second}, f"searches saw the models {named} only")

    def retire(self):
        self.stage = "after"
        refused = self.client.request("DELETE", f"/models/{self.demo}/embeddings")
        self.check(refused.status == 409, f"retiring the current model was answered with {refused.problem()}")
        total, begin = self.model()["total"], time.monotonic()
        answer = self.client.request("DELETE", f"/models/{self.second}/embeddings")
        took = time.monotonic() - begin
        told = answer.json()
        self.check(answer.status == 200 and told["removed"] == total, f"retiring was answered with {answer.problem()}")
        self.check(told["model"]["embedded"] == 0 and not told["model"]["maintained"], f"it is not retired: {told}")
        self.check(self.model(self.demo)["embedded"] == total, "the demo model lost embeddings")
        print(f"retired: {told['removed']} embeddings removed in {took * 1000:.0f} ms; DELETE of the current model's: {refused.status}")
        self.timed("after", lambda: time.sleep(2))


if __name__ == "__main__":
    sys.exit(main())
