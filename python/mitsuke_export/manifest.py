"""model.json: the manifest of an exported folder, and the licence that a model card states."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .source import Source


@dataclass
class About:
    """The facts about a model that its files do not hold, most of which the user may give."""

    source: Source
    # None takes the name of the source.
    name: str | None
    # None takes the hub's commit, or else the digest of the image tower.
    version: str | None
    # None names the source in a sentence.
    description: str | None
    licence: str


@dataclass
class Figures:
    """The results of an export's stages."""

    # The manifest's preprocessing settings.
    preprocessing: dict
    # The manifest's text settings.
    text: dict
    # {cosine, dimension} of the image tower, {cosine, padding} of the text tower.
    image_tower: dict
    text_tower: dict
    # The variants of "image" and "text" beside float32, the ones to be preferred first: {file, precision, cosine}, and
    # {centred_error, method, kept_float32} where they were measured.
    variants: dict[str, list[dict]]
    # Unit vectors of the reference texts and pictures, in their order.
    reference: dict


def document(
    about: About, figures: Figures, texts: list[str], pictures: list[str], digest: Callable[[str], str]
) -> dict:
    """Returns the manifest, whose format models/README.md describes.

    `texts` and `pictures` (file names) are what the reference vectors belong to. `digest` returns the SHA-256 of a file
    of the folder.
    """
    source = about.source
    image, text = figures.image_tower, figures.text_tower
    return {
        "format": 1,
        "model_name": about.name or source.name,
        "model_version": about.version or (source.revision or digest("image.pt"))[:12],
        "vector_dimension": image["dimension"],
        "licence": about.licence,
        "description": about.description or f"{source.given}, exported for Mitsuke.",
        "image": {
            "file": "image.pt",
            "sha256": digest("image.pt"),
            "stored_precision": "float32",
            **_variants(figures.variants["image"], digest),
            "input_name": "pixel_values",
            **figures.preprocessing,
        },
        "text": {
            "file": "text.pt",
            "sha256": digest("text.pt"),
            "stored_precision": "float32",
            **_variants(figures.variants["text"], digest),
            "tokenizer": {"file": "tokenizer.json", "sha256": digest("tokenizer.json")},
            **figures.text,
            "padding": text["padding"],
        },
        "export": {
            "source": source.given,
            "revision": source.revision,
            "image_agreement": image["cosine"],
            "text_agreement": text["cosine"],
        },
        "reference": {
            "texts": [{"text": t, "vector": v} for t, v in zip(texts, figures.reference["texts"], strict=True)],
            "images": [
                {"file": name, "sha256": digest(name), "vector": v}
                for name, v in zip(pictures, figures.reference["images"], strict=True)
            ],
        },
    }


def _variants(made: list[dict], digest: Callable[[str], str]) -> dict:
    """Returns the manifest's `variants` entry of a tower, or nothing where there is no variant."""
    variants = [
        {
            "file": variant["file"],
            "sha256": digest(variant["file"]),
            "precision": variant["precision"],
            "agreement": variant["cosine"],
            **{name: variant[name] for name in ("centred_error", "method", "kept_float32") if name in variant},
        }
        for variant in made
    ]
    return {"variants": variants} if variants else {}


def dumps(manifest: dict) -> str:
    """Returns the text of model.json. A vector takes one line, so that the file is readable and its diffs are small."""
    indented = json.dumps(manifest, ensure_ascii=False, indent=1)
    one_line = re.sub(r"\[\s+([-\d.,e\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", indented)
    return one_line + "\n"


def files_of(manifest: dict) -> set[str]:
    """Returns the names of every file of a model folder: model.json and the files that it names."""
    named = {"model.json"}

    def walk(value) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("file"), str):
                named.add(value["file"])
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(manifest)
    return named


def licence_of(source: Source) -> str | None:
    """Returns the licence that the model card states, or None without a card or a licence in it."""
    card = source.folder / "README.md" if source.folder else Path()
    if not card.is_file():
        return None
    header = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    if header is None:
        return None
    import yaml

    try:
        facts = yaml.safe_load(header.group(1))
    except yaml.YAMLError:
        return None
    if not isinstance(facts, dict):
        return None
    licence = facts.get("license")
    if licence == "other":
        licence = facts.get("license_name") or "other"
    return str(licence) if licence else None
