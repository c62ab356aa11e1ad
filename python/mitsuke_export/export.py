"""The stages of an export. A stage fails unless its result equals the original."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

import torch

from . import corpus, manifest, pictures, preprocessing, probing, text_inputs, token_proof, tokens, towers
from .errors import ExportError
from .families import load
from .families.base import Original
from .families.options import Options
from .towers import lowest, run
from .work import Work

# The lowest cosine with the original that passes.
FLOAT32 = 0.9999
# The lowest cosine between padded and trimmed rows at which a server may leave padding out.
TRIMMED = 0.9999
# The lowest cosine of a bf16 variant, which keeps 8 bits of a number; see models/README.md.
BFLOAT16 = 0.999
# The batch sizes in which towers are compared.
BATCHES = (1, 2, 5)


@dataclass
class Request:
    """The user's choices for one export."""

    about: manifest.About
    options: Options
    bf16: bool


class Exporter:
    """One export. The original is loaded when a stage first needs it."""

    def __init__(self, request: Request, work: Work):
        self.request, self.work = request, work
        self.source = request.about.source
        self.texts = [*corpus.SAMPLES, *corpus.REFERENCES]

    @cached_property
    def original(self) -> Original:
        """The loaded original. The bf16 stages convert it in place."""
        self.work.say(f"loading {self.source.given}")
        return load(self.source, self.request.options)

    @cached_property
    def pictures(self) -> list:
        """The pictures on which image towers are compared; the reference pictures come last."""
        edge = max(self.original.pixels(pictures.scene(64, 64)).shape[-2:])
        return [*pictures.pictures(edge), *pictures.references().values()]

    @cached_property
    def truth(self) -> dict[str, torch.Tensor]:
        """The original's own vectors of the pictures and texts that towers are compared on, in float32."""
        original = self.original
        pixels = torch.stack([original.pixels(picture) for picture in self.pictures])
        rows = original.encode(self.texts)
        inputs = [rows[name] for name in original.text_inputs]
        try:
            return {"images": run(original.image, [pixels], 4), "texts": run(original.own_text or original.text, inputs, 4)}
        except (RuntimeError, TypeError, ValueError, AttributeError) as cause:
            raise ExportError(
                f"the original itself does not run with these libraries: {type(cause).__name__}: {cause}\n"
                "Its config.json names the version that it was made with as transformers_version. Install that version "
                "in an environment of its own and run this again."
            ) from cause

    def run(self) -> dict:
        """Runs all stages and returns the manifest, which is written too."""
        work = self.work
        settings = work.stage("preprocessing", [], self.preprocessing)
        text = work.stage("tokenizer", ["tokenizer.json"], self.tokenizer)
        image_tower = work.stage("image tower", ["image.pt"], lambda: self.image_tower(settings, "image.pt", FLOAT32))
        text_tower = work.stage("text tower", ["text.pt"], lambda: self.text_tower(text, "text.pt", FLOAT32))
        reference = work.stage("reference vectors", list(self.reference_files()), self.reference)
        variants = {"image": [], "text": []}
        if self.request.bf16:
            for tower, given in (("image", settings), ("text", text)):
                file = f"{tower}.bf16.pt"
                made = work.stage(f"{tower} tower in bf16", [file], lambda: self.bf16(tower, file, given))
                if made is not None:
                    variants[tower].append({"file": file, "precision": "bfloat16", **made})
        figures = manifest.Figures(settings, text, image_tower, text_tower, variants, reference)
        written = manifest.document(
            self.request.about, figures, corpus.REFERENCES, list(self.reference_files()), work.digest
        )
        work.path("model.json").write_text(manifest.dumps(written), encoding="utf-8")
        return written

    def preprocessing(self) -> dict:
        """Returns the manifest's preprocessing settings, found by what the original's processor does."""
        settings, difference = probing.find(self.original.pixels, self.original.hints)
        self.work.say(
            f"  {settings['resize']} crop {settings['crop']} {settings['interpolation']}; differs from the original's "
            f"pixels by at most {difference:.2f} of 255"
        )
        return settings

    def tokenizer(self) -> dict:
        """Writes tokenizer.json, proves it on the corpus, and returns the manifest's text settings."""
        original = self.original
        settings = {**original.text_settings, "id_offset": 0, "inputs": original.text_inputs}
        path = self.work.path("tokenizer.json")
        document = json.loads(original.tokenizer.to_str())
        # The manifest alone says which special tokens stand around a text.
        document.update(post_processor=None, padding=None, truncation=None)
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        written = tokens.Tokenizer.from_file(str(path))
        compared, ties = token_proof.prove(written, settings, original.encode, corpus.TEXTS, corpus.RUNS)
        said = f", {ties} in another order (ties)" if ties else ""
        self.work.say(f"  {compared} tokens of {len(corpus.TEXTS) + len(corpus.RUNS)} texts are the same{said}")
        return settings

    def image_tower(self, settings: dict, file: str, minimum: float) -> dict:
        """Traces the image tower and compares it on the pictures, in several batch sizes."""
        truth = self.truth["images"]
        pixels = torch.from_numpy(preprocessing.pixels(self.pictures, settings))
        tower = towers.pruned(self.original.image, (pixels[:2],))
        towers.trace(tower, (pixels[:2],), self.work.path(file))
        module = torch.jit.load(str(self.work.path(file))).eval()
        cosine = min(lowest(run(module, [pixels], batch), truth, "the image tower") for batch in BATCHES)
        self.check("image tower", cosine, minimum)
        return {"cosine": round(cosine, 7), "dimension": truth.shape[1]}

    def text_tower(self, text: dict, file: str, minimum: float) -> dict:
        """Traces the text tower and compares it on the texts, in several batch sizes and lengths."""
        truth = self.truth["texts"]
        tokenizer = tokens.Tokenizer.from_file(str(self.work.path("tokenizer.json")))
        rows = [text_inputs.ids(one, tokenizer, text) for one in self.texts]
        full = tensors(rows, text, trimmed=False)
        example = tuple(x[:2] for x in full)
        tower = towers.pruned(self.original.text, example)
        towers.trace(tower, example, self.work.path(file))
        module = torch.jit.load(str(self.work.path(file))).eval()
        cosine = min(lowest(run(module, full, batch), truth, "the text tower") for batch in BATCHES)
        self.check("text tower", cosine, minimum)
        trimmed = self.trimmed(module, rows, text, truth)
        padding = "longest" if trimmed is not None and trimmed >= min(TRIMMED, minimum) else "context_length"
        said = f"cosine {trimmed:.7f} without padding" if trimmed is not None else "it takes its full length only"
        self.work.say(f"  {said}: padding to {padding}")
        return {"cosine": round(min(cosine, trimmed) if padding == "longest" else cosine, 7), "padding": padding}

    def trimmed(self, module, rows: list[list[int]], text: dict, truth: torch.Tensor) -> float | None:
        """Returns the lowest cosine when rows are padded to the longest of their batch only.

        Returns None when the module takes no other length than the one it was traced with.
        """
        cosine = 1.0
        try:
            for batch in BATCHES:
                for begin in range(0, len(rows), batch):
                    part = rows[begin : begin + batch]
                    with torch.no_grad():
                        found = module(*tensors(part, text, trimmed=True))
                    cosine = min(cosine, lowest(found, truth[begin : begin + batch], "the text tower"))
        except RuntimeError:
            # Tracing has written the length into the graph as a number.
            return None
        return cosine

    def check(self, what: str, cosine: float, minimum: float) -> None:
        """Raises unless the lowest cosine of a tower reaches the minimum."""
        self.work.say(f"  lowest cosine with the original {cosine:.7f}")
        if not cosine >= minimum:
            raise ExportError(
                f"the exported {what} does not reproduce the original: cosine {cosine:.6f}, {minimum} is needed. "
                "Nothing was written; please report the model's name."
            )

    def bf16(self, tower: str, file: str, settings: dict) -> dict | None:
        """Makes the bf16 variant of a tower; returns None, and says why, where it fails or differs too much."""
        # The comparison is with the vectors of float32, which have to be there before the weights are converted.
        _ = self.truth
        self.original.convert(torch.bfloat16)
        try:
            make = self.image_tower if tower == "image" else self.text_tower
            return make(settings, file, BFLOAT16)
        except (ExportError, RuntimeError, TypeError) as cause:
            self.work.path(file).unlink(missing_ok=True)
            self.work.say(f"  left out: {str(cause).splitlines()[0]}")
            return None

    def reference_files(self) -> dict:
        """Returns the reference pictures by their file names in the folder."""
        return {f"reference/{name}": picture for name, picture in pictures.references().items()}

    def reference(self) -> dict:
        """Writes the reference pictures and returns the vectors that a server reproduces when it loads the model."""
        for name, picture in self.reference_files().items():
            picture.save(self.work.path(name), optimize=True)
        images = self.truth["images"][-len(self.reference_files()) :]
        return {"texts": _unit(self.truth["texts"][-len(corpus.REFERENCES) :]), "images": _unit(images)}


def tensors(rows: list[list[int]], text: dict, trimmed: bool) -> list[torch.Tensor]:
    """Returns the text tower's int64 [batch, length] inputs in call order."""
    return [torch.tensor(x) for x in text_inputs.filled(rows, text, trimmed)]


def _unit(vectors: torch.Tensor) -> list[list[float]]:
    """Returns unit vectors as lists of numbers."""
    unit = torch.nn.functional.normalize(vectors.double(), dim=1)
    if not torch.isfinite(unit).all():
        raise ExportError("the original returns vectors that are not finite numbers.")
    return [[round(float(x), 7) for x in row] for row in unit]
