"""Figures for the model card, measured with the exported folder on pictures and queries that were never trained on."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from . import augment, dataset, features, labels
from .export import MEAN, STD
from .image_tower import SIZE
from .pipeline import Pipeline


def speed(pipeline: Pipeline) -> dict[str, float]:
    """Returns the best time of one encoder call on one thread, in milliseconds, and prints the median too."""
    out = {}
    picture = torch.zeros(1, 3, SIZE, SIZE)
    ids = torch.tensor([pipeline.ids("夕焼けの海と白い砂浜")])
    for name, call in (("picture", lambda: pipeline.images(picture)), ("text", lambda: pipeline.texts(ids))):
        times = []
        with torch.no_grad():
            for _ in range(30):
                began = time.perf_counter()
                call()
                times.append((time.perf_counter() - began) * 1000)
        out[name] = min(times[3:])
        print(f"one {name}: best {min(times[3:]):.1f} ms, median {sorted(times[3:])[13]:.1f} ms")
    return out


def style(pipeline: Pipeline, folders: dataset.Folders, name: str) -> list[float]:
    """Returns the recall of pictures of one emoji style, with their Japanese names as queries."""
    pixels, keys = features.load_style(folders.art, name)
    names, keep = labels.emoji_names(folders.modules), features.main_emoji(folders.art)
    rows = [i for i, key in enumerate(keys) if key in keep]
    pictures = []
    for start in tqdm(range(0, len(rows), 16), desc=name, mininterval=10):
        batch = augment.plain(pixels[rows[start : start + 16]], SIZE)
        pictures.append(pipeline.image_batch((batch - MEAN) / STD))
    texts = torch.stack([pipeline.text(names[keys[i]]) for i in rows])
    result = dataset.recall(texts @ torch.cat(pictures).T)
    print(f"{name}: {len(rows)} pictures, R@1 {result[0]}, R@5 {result[1]}, R@10 {result[2]}")
    return result


def photographs(pipeline: Pipeline, folder: Path, queries: Path) -> dict[str, float]:
    """Returns the figures of everyday queries over the photographs of the test split."""
    wanted = json.loads(queries.read_text())["queries"]
    test = [json.loads(line) for line in (queries.parent / "photo_labels.jsonl").read_text().splitlines() if line]
    names = [e["file"] for e in test if e["split"] == "test" and (folder / e["file"]).exists()]
    pictures = torch.stack([pipeline.image(Image.open(folder / name)) for name in tqdm(names, desc="photographs")])
    ranks = []
    for case in wanted:
        relevant = torch.tensor([name in case["relevant"] for name in names])
        if not relevant.any():
            continue
        order = (pictures @ pipeline.text(case["query"])).argsort(descending=True)
        rank = int(relevant[order].float().argmax())
        ranks.append(rank)
        if rank >= 5:
            print(f"  {case['query']}: first right one at place {rank + 1}, before it {[names[i] for i in order[:3]]}")
    ranks = torch.tensor(ranks).float()
    result = {"success@1": (ranks < 1), "success@5": (ranks < 5), "MRR": 1 / (ranks + 1)}
    result = {key: round(float(value.float().mean()), 3) for key, value in result.items()}
    print(f"photographs: {len(ranks)} queries over {len(names)} pictures, {result}")
    return result
