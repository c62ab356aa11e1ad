"""The stages of an export, each of which refuses to finish unless the result equals the original."""

from __future__ import annotations

import gc
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from . import corpus, pictures, pipeline, probing, tokens, towers
from .errors import ExportError
from .families import load
from .families.base import Options, Original
from .source import Source
from .towers import lowest, run
from .work import Work

# Lowest cosine with the original that passes.
FLOAT32 = 0.9999
# Padded and trimmed rows must agree at least so well for a server to leave padding out.
TRIMMED = 0.9999
# bf16 keeps 8 bits of a number. Below this it is left out; see models/README.md.
BFLOAT16 = 0.999
BATCHES = (1, 2, 5)


@dataclass
class Request:
    """What is to be written."""

    source: Source
    options: Options
    name: str | None
    version: str | None
    description: str | None
    licence: str
    bf16: bool


class Exporter:
    """One export; the original is loaded when a stage needs it, and again after it was converted to bf16."""

    def __init__(self, request: Request, work: Work):
        self.request, self.work = request, work
        self.samples = corpus.SAMPLES

    @cached_property
    def original(self) -> Original:
        self.work.say(f"loading {self.request.source.given}")
        return load(self.request.source, self.request.options)

    @cached_property
    def shown(self) -> list:
        """The pictures on which image towers are compared; those of the manifest come last."""
        edge = max(self.original.pixels(pictures.scene(64, 64)).shape[-2:])
        return [*pictures.pictures(edge), *pictures.references().values()]

    @cached_property
    def truth(self) -> dict[str, torch.Tensor]:
        """What the original makes of the pictures and texts that everything is compared on."""
        original = self.original
        pixels = torch.stack([original.pixels(picture) for picture in self.shown])
        rows = original.encode([*self.samples, *corpus.REFERENCES])
        inputs = [rows[name] for name in original.text_inputs]
        try:
            return {"images": run(original.image, [pixels], 4), "texts": run(original.own_text or original.text, inputs, 4)}
        except (RuntimeError, TypeError, ValueError, AttributeError) as cause:
            raise ExportError(
                f"the original itself cannot be run with these libraries: {type(cause).__name__}: {cause}\n"
                "See transformers_version in its config.json for the version that it was made with."
            ) from cause

    def run(self) -> dict:
        """All stages; returns the manifest."""
        work = self.work
        settings = work.stage("preprocessing", [], self.preprocessing)
        text = work.stage("tokenizer", ["tokenizer.json"], self.tokenizer)
        image_figures = work.stage("image tower", ["image.pt"], lambda: self.image_tower(settings, "image.pt", FLOAT32))
        text_figures = work.stage("text tower", ["text.pt"], lambda: self.text_tower(text, "text.pt", FLOAT32))
        reference = work.stage("reference vectors", list(self.reference_files()), self.reference)
        halves = {"image": None, "text": None}
        if self.request.bf16:
            halves = {
                "image": work.stage("image tower in bf16", ["image.bf16.pt"], lambda: self.half("image", settings)),
                "text": work.stage("text tower in bf16", ["text.bf16.pt"], lambda: self.half("text", text)),
            }
        return self.manifest(settings, text, image_figures, text_figures, halves, reference)

    def preprocessing(self) -> dict:
        settings, difference = probing.find(self.original.pixels, self.original.hints)
        self.work.say(
            f"  {settings['resize']} crop {settings['crop']} {settings['interpolation']}; differs from the original's "
            f"pixels by at most {difference:.2f} of 255"
        )
        return settings

    def tokenizer(self) -> dict:
        """Writes tokenizer.json and proves it on the corpus."""
        original = self.original
        settings = {**original.text_settings, "id_offset": 0, "inputs": original.text_inputs}
        path = self.work.path("tokenizer.json")
        document = json.loads(original.tokenizer.to_str())
        # Special tokens around a text are the manifest's matter.
        document.update(post_processor=None, padding=None, truncation=None)
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        written = tokens.Tokenizer.from_file(str(path))
        compared, ties = tokens.prove(written, settings, original.encode, corpus.TEXTS, corpus.RUNS)
        said = f", {ties} in another order (ties)" if ties else ""
        self.work.say(f"  {compared} tokens of {len(corpus.TEXTS) + len(corpus.RUNS)} texts are the same{said}")
        return settings

    def image_tower(self, settings: dict, file: str, minimum: float) -> dict:
        """Traces the image tower and compares it on pictures, in several batch sizes."""
        truth = self.truth["images"]
        pixels = pipeline.pixels(self.shown, settings)
        tower = towers.pruned(self.original.image, (pixels[:2],))
        towers.trace(tower, (pixels[:2],), self.work.path(file))
        module = torch.jit.load(str(self.work.path(file))).eval()
        cosine = min(lowest(run(module, [pixels], batch), truth, "the image tower") for batch in BATCHES)
        self.check("image tower", cosine, minimum)
        return {"cosine": round(cosine, 7), "dimension": truth.shape[1]}

    def text_tower(self, settings: dict, file: str, minimum: float) -> dict:
        """Traces the text tower and compares it in several batch sizes and lengths."""
        truth = self.truth["texts"]
        tokenizer = tokens.Tokenizer.from_file(str(self.work.path("tokenizer.json")))
        rows = [pipeline.ids(text, tokenizer, settings) for text in [*self.samples, *corpus.REFERENCES]]
        full = pipeline.inputs(rows, settings, trimmed=False)
        example = tuple(x[:2] for x in full)
        tower = towers.pruned(self.original.text, example)
        towers.trace(tower, example, self.work.path(file))
        module = torch.jit.load(str(self.work.path(file))).eval()
        cosine = min(lowest(run(module, full, batch), truth, "the text tower") for batch in BATCHES)
        self.check("text tower", cosine, minimum)
        trimmed = self.trimmed(module, rows, settings, truth)
        padding = "longest" if trimmed is not None and trimmed >= min(TRIMMED, minimum) else "context_length"
        said = f"cosine {trimmed:.7f} without padding" if trimmed is not None else "it takes its full length only"
        self.work.say(f"  {said}: padding to {padding}")
        return {"cosine": round(min(cosine, trimmed) if padding == "longest" else cosine, 7), "padding": padding}

    def trimmed(self, module, rows: list[list[int]], settings: dict, truth: torch.Tensor) -> float | None:
        """The lowest cosine when rows are filled only as far as their batch needs; none when that fails."""
        cosine = 1.0
        try:
            for batch in BATCHES:
                for begin in range(0, len(rows), batch):
                    part = rows[begin : begin + batch]
                    with torch.no_grad():
                        found = module(*pipeline.inputs(part, settings, trimmed=True))
                    cosine = min(cosine, lowest(found, truth[begin : begin + batch], "the text tower"))
        except RuntimeError:
            # A length that was written into the graph as a number.
            return None
        return cosine

    def check(self, what: str, cosine: float, minimum: float) -> None:
        self.work.say(f"  lowest cosine with the original {cosine:.7f}")
        if not cosine >= minimum:
            raise ExportError(
                f"the exported {what} does not reproduce the original: cosine {cosine:.6f}, {minimum} is needed. "
                "Nothing was written; please report the model's name."
            )

    def half(self, tower: str, settings: dict) -> dict | None:
        """The bf16 variant of a tower; none, and why, where it cannot be had or differs too much."""
        # The truth stays that of float32.
        _ = self.truth
        self.original.convert(torch.bfloat16)
        file = f"{tower}.bf16.pt"
        try:
            make = self.image_tower if tower == "image" else self.text_tower
            figures = make(settings, file, BFLOAT16)
        except (ExportError, RuntimeError, TypeError) as cause:
            self.work.path(file).unlink(missing_ok=True)
            self.work.say(f"  left out: {str(cause).splitlines()[0]}")
            return None
        return figures

    def reference_files(self) -> dict:
        return {f"reference/{name}": picture for name, picture in pictures.references().items()}

    def reference(self) -> dict:
        """The vectors that a server reproduces when it loads the model; from the original, in float32."""
        for name, picture in self.reference_files().items():
            picture.save(self.work.path(name), optimize=True)
        count = len(corpus.REFERENCES)
        images = self.truth["images"][-len(self.reference_files()) :]
        return {"texts": _unit(self.truth["texts"][-count:]), "images": _unit(images)}

    def release(self) -> None:
        """Forgets the original, which may be large."""
        self.__dict__.pop("original", None)
        gc.collect()

    def manifest(self, image: dict, text: dict, of_image: dict, of_text: dict, halves: dict, reference: dict) -> dict:
        """model.json, see models/README.md."""
        request, work = self.request, self.work
        source = request.source

        def variant(tower: str, full: dict) -> dict:
            figures = halves[tower]
            # A text tower whose bf16 variant cannot be trimmed where float32 can would give other vectors.
            if figures is None or figures.get("padding", full.get("padding")) != full.get("padding"):
                return {}
            file = f"{tower}.bf16.pt"
            return {"bf16": {"file": file, "sha256": work.digest(file), "agreement": figures["cosine"]}}

        written = {
            "format": 1,
            "model_name": request.name or source.name,
            "model_version": request.version
            or (source.revision[:12] if source.revision else work.digest("image.pt")[:12]),
            "vector_dimension": of_image["dimension"],
            "licence": request.licence,
            "description": request.description or f"{source.given}, exported for Mitsuke.",
            "image": {
                "file": "image.pt",
                "sha256": work.digest("image.pt"),
                "stored_precision": "float32",
                **variant("image", of_image),
                "input_name": "pixel_values",
                **image,
            },
            "text": {
                "file": "text.pt",
                "sha256": work.digest("text.pt"),
                "stored_precision": "float32",
                **variant("text", of_text),
                "tokenizer": {"file": "tokenizer.json", "sha256": work.digest("tokenizer.json")},
                **text,
                "padding": of_text["padding"],
            },
            "export": {
                "source": source.given,
                "revision": source.revision,
                "image_agreement": of_image["cosine"],
                "text_agreement": of_text["cosine"],
            },
            "reference": {
                "texts": [{"text": t, "vector": v} for t, v in zip(corpus.REFERENCES, reference["texts"])],
                "images": [
                    {"file": name, "sha256": work.digest(name), "vector": v}
                    for name, v in zip(self.reference_files(), reference["images"])
                ],
            },
        }
        document = json.dumps(written, ensure_ascii=False, indent=1)
        work.path("model.json").write_text(_on_one_line(document) + "\n", encoding="utf-8")
        return written


def files_of(manifest: dict) -> set[str]:
    """Every file that a manifest names, and itself."""
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
    """The licence that the model card states."""
    card = source.folder / "README.md" if source.folder else Path()
    if not card.is_file():
        return None
    parts = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    if parts is None:
        return None
    import yaml

    try:
        about = yaml.safe_load(parts.group(1)) or {}
    except yaml.YAMLError:
        return None
    licence = about.get("license")
    if licence == "other":
        licence = about.get("license_name") or "other"
    return str(licence) if licence else None


def _unit(vectors: torch.Tensor) -> list[list[float]]:
    unit = torch.nn.functional.normalize(vectors.double(), dim=1)
    if not torch.isfinite(unit).all():
        raise ExportError("the original gives vectors that are not finite numbers.")
    return [[round(float(x), 7) for x in row] for row in unit]


def _on_one_line(document: str) -> str:
    """Lists of numbers on a line each."""
    return re.sub(r"\[\s+([-\d.,e\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", document)
