"""Trains the text head, the illustration head, the class vectors and the photograph head in one space.

Each step draws pictures and texts from all sources and compares every text with every picture (InfoNCE in both
directions). A text usually fits several pictures, more or less well, so the weights of `labels.py` spread the target
over them. Pairs that nobody can judge are left out of the comparison.
"""

from __future__ import annotations

import dataclasses
import math
import random
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from . import trunk
from .dataset import Drawings, StyleTest, Texts, recall
from .image_tower import Head, PhotoHead
from .text_tower import TextHead

DIMENSION = 256


@dataclasses.dataclass
class PhotoSet:
    """Cached features of views of labelled photographs."""

    features: torch.Tensor  # features of the untuned tail, half precision
    index: torch.Tensor  # the photograph (item) that each view was cut from
    weight: torch.Tensor  # sampling weight of each view
    fit: torch.Tensor  # [terms, photographs], see dataset.photo_fit
    leave: torch.Tensor  # [terms, photographs], pairs to leave out


@dataclasses.dataclass
class Settings:
    """How long to train, how much to draw per step, and the rates."""

    minutes: float = 10.0
    drawings: int = 320  # per step
    class_texts: int = 160
    photos: int = 160
    rate: float = 1.2e-3
    photo_weight: float = 1.0
    seed: int = 0


class Models(nn.Module):
    """Everything that is trained."""

    def __init__(self, folders, variant: int, inputs: int):
        super().__init__()
        lite = trunk.load(variant, folders.packages)
        self.text = TextHead(DIMENSION)
        self.drawing = Head(inputs, 768, DIMENSION, dropout=0.3)
        self.photo = PhotoHead(inputs, lite.classifier, DIMENSION)
        self.photo.classifier.requires_grad_(False)
        self.class_vectors = nn.Parameter(torch.zeros(1000, DIMENSION))
        self.log_scale = nn.Parameter(torch.tensor(math.log(15.0)))

    def start_classes(self, texts: Texts) -> None:
        """Sets every class vector to the mean of the vectors of its names."""
        with torch.no_grad():
            for i, item in enumerate(texts.groups["class"]):
                names = [t for t, w in item.terms.items() if w >= 0.8]
                self.class_vectors[i] = self.text(torch.stack([texts.sentence_of(t) for t in names])).mean(0)

    def photo_vectors(self, features: torch.Tensor) -> torch.Tensor:
        """Returns unit vectors of photographs by the class vectors as they are trained now."""
        known = self.photo.classes(features[:, :1280]) @ F.normalize(self.class_vectors, dim=1)
        return F.normalize(F.normalize(known, dim=1) * self.photo.balance + self.photo.correction(features), dim=1)


class Batches:
    """Draws pictures and texts, and says how well they fit."""

    def __init__(self, texts: Texts, drawings: Drawings, photos: PhotoSet | None, settings: Settings):
        self.texts, self.drawings, self.photos, self.settings = texts, drawings, photos, settings
        self.rng = random.Random(settings.seed)
        # One table [terms, emoji | clip-art | classes] holds the weights of all items.
        membership = texts.membership
        self.offsets = {"emoji": 0}
        self.offsets["clipart"] = membership["emoji"].size(1)
        self.offsets["class"] = self.offsets["clipart"] + membership["clipart"].size(1)
        self.table = torch.cat([membership[g] for g in ("emoji", "clipart", "class")], 1).half()
        self.photo_terms = (membership["photo"] > 0).any(1)

    def draw(self):
        """Returns rows of drawings, rows of photographs, and (text number, term or -1, colour or -1) of every text."""
        settings, texts, rng = self.settings, self.texts, self.rng
        rows = torch.multinomial(self.drawings.weight, settings.drawings)
        chosen: list[tuple[int, int, int]] = []
        for group, index, colour in zip(
            self.drawings.group[rows].tolist(), self.drawings.index[rows].tolist(), self.drawings.colour[rows].tolist()
        ):
            text, term = texts.draw("clipart" if group else "emoji", index, rng)
            if text < 0:
                continue
            chosen.append((text, term, -1))
            if colour >= 0 and group == 0 and rng.random() < 0.4:
                coloured = [
                    (t, colour) for t in texts.groups["emoji"][index].terms
                    if (texts.vocabulary.terms[t], colour) in texts.vocabulary.coloured
                ]  # fmt: skip
                if coloured:
                    term = texts.vocabulary.terms[rng.choice(coloured)[0]]
                    chosen.append((rng.choice(texts.vocabulary.coloured[term, colour]), term, colour))
        for _ in range(settings.class_texts):
            chosen.append((*texts.draw("class", rng.randrange(1000), rng), -1))
        for colour in range(12):
            for _ in range(2):
                chosen.append((rng.choice(texts.vocabulary.colour_only[colour]), -1, colour))
        photo_rows = torch.zeros(0, dtype=torch.long)
        if self.photos is not None:
            photo_rows = torch.multinomial(self.photos.weight, settings.photos)
            for index in self.photos.index[photo_rows].tolist():
                for _ in range(1 + (rng.random() < 0.5)):
                    text, term = texts.draw("photo", index, rng)
                    if text >= 0:
                        chosen.append((text, term, -1))
        return rows, photo_rows, torch.tensor(chosen)

    def fits(self, rows, photo_rows, chosen, class_shares):
        """Returns fit weights and pairs to leave out, both [texts, drawings | classes | photographs]."""
        terms, colours = chosen[:, 1], chosen[:, 2]
        drawings = self.drawings
        is_clipart = drawings.group[rows] == 1
        columns = torch.cat(
            [
                drawings.index[rows] + torch.where(is_clipart, self.offsets["clipart"], 0),
                torch.arange(1000) + self.offsets["class"],
            ]
        )
        column_colour = torch.cat([drawings.colour[rows], torch.full((1000,), -1)])
        fit = self.table[terms.clamp(min=0)][:, columns].float()
        fit[terms < 0] = 1.0  # the colour decides on a text that names nothing else
        coloured = (colours >= 0)[:, None]
        unknown = coloured & (column_colour[None] < 0)
        fit = fit * (~coloured | (colours[:, None] == column_colour[None]))
        leave = unknown & (fit == 0)
        if len(photo_rows):
            photo_fit, photo_leave = self._photo_fits(photo_rows, terms, colours, class_shares)
            fit, leave = torch.cat([fit, photo_fit], 1), torch.cat([leave, photo_leave], 1)
        return fit, leave

    def _photo_fits(self, photo_rows, terms, colours, class_shares):
        """Returns fit weights and pairs to leave out, both [texts, photographs]."""
        photographs = self.photos.index[photo_rows]
        named = terms.clamp(min=0)
        fit = self.photos.fit[named][:, photographs].float()
        leave = self.photos.leave[named][:, photographs]
        # A clear ImageNet class makes its terms fit; a possible one keeps its terms from counting as wrong.
        known = self.texts.membership["class"][named] @ class_shares.T
        fit = torch.maximum(fit, torch.where(known > 0.35, known, torch.zeros_like(known)))
        leave = (leave | (known > 0.02)) & (fit == 0)
        # Emoji keywords are loose, so half of them are not counted as wrong for a photograph that lacks them.
        foreign = ~self.photo_terms[named] & (terms >= 0)
        leave |= (fit == 0) & foreign[:, None] & (torch.rand_like(fit) < 0.5)
        # "A red apple" may or may not fit a photograph of apples, so a thing with a colour is left out.
        leave |= ((colours >= 0) & (terms >= 0))[:, None]
        fit = fit * ~((colours >= 0) & (terms >= 0))[:, None]
        # A colour alone fits by the share of the picture that it covers.
        only = (terms < 0).nonzero()[:, 0]
        share = self.photos.features[photo_rows][:, -75:-63].float()[:, colours[only]].T
        fit[only] = (share > 0.3).float() * share
        leave[only] = (share > 0.1) & (share <= 0.3)
        return fit, leave


def contrast(similarity: torch.Tensor, fit: torch.Tensor, leave: torch.Tensor, column_weight: torch.Tensor) -> torch.Tensor:
    """Returns the InfoNCE loss, in both directions, of scaled similarities [texts, pictures].

    Targets are spread by the fit weights; pairs in `leave` do not count; `column_weight` weighs the pictures.
    """
    logits = similarity.masked_fill(leave, -1e4)
    per_column, per_row = fit.sum(0), fit.sum(1)
    used = per_column > 0
    column = -(F.log_softmax(logits[:, used], 0) * fit[:, used] / per_column[used]).sum(0)
    column = (column * column_weight[used]).sum() / column_weight[used].sum()
    used = per_row > 0
    row = -(F.log_softmax(logits[used], 1) * fit[used] / per_row[used, None]).sum(1).mean()
    return 0.6 * column + 0.6 * row


def train(models: Models, texts: Texts, drawings: Drawings, photos: PhotoSet | None, settings: Settings,
          tests: dict[str, StyleTest], report, save: Path) -> None:  # fmt: skip
    """Trains for the minutes of the settings, reports five times, and saves the weights."""
    torch.manual_seed(settings.seed)
    batches = Batches(texts, drawings, photos, settings)
    photo_parameters = list(models.photo.correction.parameters()) + [models.photo.balance]
    groups = [
        {"params": list(models.drawing.parameters()), "lr": settings.rate, "weight_decay": 0.05},
        {"params": list(models.text.parameters()), "lr": settings.rate * 0.7, "weight_decay": 0.02},
        {"params": photo_parameters, "lr": settings.rate * 0.7, "weight_decay": 0.1},
        {"params": [models.class_vectors], "lr": settings.rate * 1.2, "weight_decay": 0.0},
        {"params": [models.log_scale], "lr": 1e-3, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    rates = [group["lr"] for group in groups]
    began, step, total, reported = time.time(), 0, 0.0, 0
    models.train()
    while (done := (time.time() - began) / 60 / settings.minutes) < 1:
        for group, rate in zip(optimiser.param_groups, rates):
            group["lr"] = rate * min(1, (step + 1) / 60) * (0.5 * (1 + math.cos(math.pi * done)) + 0.01)
        rows, photo_rows, chosen = batches.draw()
        features = drawings.features[rows].float()
        features = features * (1 + torch.randn_like(features) * 0.05)
        columns = [F.normalize(models.drawing(features), dim=1), F.normalize(models.class_vectors, dim=1)]
        weights = [torch.ones(len(rows)), torch.full((1000,), 0.25)]
        class_shares = None
        if len(photo_rows):
            photo_features = photos.features[photo_rows].float()
            columns.append(models.photo_vectors(photo_features))
            weights.append(torch.full((len(photo_rows),), settings.photo_weight))
            with torch.no_grad():
                class_shares = models.photo.classes(photo_features[:, :1280])
        fit, leave = batches.fits(rows, photo_rows, chosen, class_shares)
        similarity = models.text(texts.sentences[chosen[:, 0]]) @ torch.cat(columns).T
        loss = contrast(similarity * models.log_scale.exp().clamp(max=60), fit, leave, torch.cat(weights))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], 2.0)
        optimiser.step()
        step += 1
        total += loss.item()
        if done * 5 > reported + 1 or step == 20:
            reported = int(done * 5)
            print(f"{(time.time() - began) / 60:.1f} min, step {step}, loss {total / step:.3f}, "
                  f"scale {models.log_scale.exp().item():.1f}", report(models, tests), flush=True)  # fmt: skip
            models.train()
    models.eval()
    print("done after", step, "steps:", report(models, tests), flush=True)
    torch.save(models.state_dict(), save)


@torch.inference_mode()
def report_styles(models: Models, tests: dict[str, StyleTest]) -> dict[str, list[float]]:
    """Returns the recall over every test style."""
    models.eval()
    out = {}
    for style, test in tests.items():
        pictures = F.normalize(models.drawing(test.features), dim=1)
        out[style] = recall(models.text(test.sentences) @ pictures.T)
    return out


def refine(models: Models, texts: Texts, photos: PhotoSet, steps: int = 700, scale: float = 15.0, seed: int = 1) -> Head:
    """Trains the correction of photographs from scratch and alone, and returns it.

    Text and class vectors stay as they are. Training everything together takes thousands of steps for the drawings,
    and so few photographs are overfitted long before. Class names and emoji words stay among the texts: without them
    the correction drowns what the ImageNet classes know.
    """
    torch.manual_seed(seed)
    batches = Batches(texts, None, photos, Settings(seed=seed))
    rng = batches.rng
    models.eval()
    with torch.no_grad():
        shares = torch.cat([models.photo.classes(p[:, :1280].float()) for p in photos.features.split(2048)])
        known = F.normalize(shares @ F.normalize(models.class_vectors, dim=1), dim=1)
        best_share, best_class = shares.max(1)
    head = Head(photos.features.size(1), 384, DIMENSION, dropout=0.5)
    head.standardise(photos.features[torch.randperm(len(known))[:4000]].float())
    rate = 1e-3
    optimiser = torch.optim.AdamW(head.parameters(), rate, weight_decay=0.1)
    head.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.01)
        rows = torch.multinomial(photos.weight, 192)
        chosen = [(*texts.draw("photo", index, rng), -1) for index in photos.index[rows].tolist()]
        clear = rows[best_share[rows] > 0.3]
        classes = best_class[clear].tolist() + [rng.randrange(1000) for _ in range(64)]
        chosen += [(*texts.draw("class", index, rng), -1) for index in classes]
        emoji = range(len(texts.groups["emoji"]))
        chosen += [(*texts.draw("emoji", index, rng), -1) for index in rng.sample(emoji, 48)]
        chosen += [(rng.choice(texts.vocabulary.colour_only[colour]), -1, colour) for colour in range(12)]
        chosen = torch.tensor([c for c in chosen if c[0] >= 0])
        features = photos.features[rows].float()
        features = features * (1 + 0.05 * torch.randn_like(features))
        pictures = F.normalize(known[rows] + head(features), dim=1)
        fit, leave = batches._photo_fits(rows, chosen[:, 1], chosen[:, 2], shares[rows])
        with torch.no_grad():
            vectors = models.text(texts.sentences[chosen[:, 0]])
        loss = contrast(scale * vectors @ pictures.T, fit, leave, torch.ones(len(rows)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 99:
            print(f"refine: step {step + 1}, loss {loss.item():.3f}", flush=True)
    return head.eval()
