"""The stages of an export. A stage fails unless its result equals the original."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

import torch

from . import corpus, manifest, pictures, preprocessing, probing, text_inputs, token_proof, tokens, towers, variants
from .comparison import Comparison, TextComparison
from .errors import ExportError
from .families import load
from .families.base import Original
from .families.options import Options
from .graph import precisions, rewrite
from .towers import run
from .work import Work

# The lowest cosine with the original that passes.
FLOAT32 = 0.9999
# The lowest cosine between padded and trimmed rows at which a server may leave padding out.
TRIMMED = 0.9999


@dataclass
class Request:
    """The user's choices for one export."""

    about: manifest.About
    options: Options
    bf16: bool
    int8: bool


class Exporter:
    """One export. The original is loaded when a stage first needs it."""

    def __init__(self, request: Request, work: Work):
        self.request, self.work = request, work
        self.source = request.about.source
        self._graphs: dict[str, torch._C.Graph] = {}
        # Full towers are compared on the samples and the references, variants on all texts.
        self.texts = [*corpus.TEXTS, *corpus.SAMPLES, *corpus.REFERENCES]

    @cached_property
    def original(self) -> Original:
        """The loaded original."""
        self.work.say(f"loading {self.source.given}")
        return load(self.source, self.request.options)

    @cached_property
    def pictures(self) -> list:
        """The pictures on which image towers are compared: many for variants, then those for full towers, references last."""
        edge = max(self.original.pixels(pictures.scene(64, 64)).shape[-2:])
        return [*pictures.many(), *pictures.pictures(edge), *pictures.references().values()]

    @cached_property
    def truth(self) -> dict[str, torch.Tensor]:
        """The original's own vectors of the pictures and texts that towers are compared on, in float32."""
        original = self.original
        self.work.say(f"  the original's vectors of {len(self.pictures)} pictures and {len(self.texts)} texts")
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
        image_tower = work.stage("image tower", ["image.pt"], lambda: self.image_tower(settings))
        text_tower = work.stage("text tower", ["text.pt"], lambda: self.text_tower(text))
        reference = work.stage("reference vectors", list(self.reference_files()), self.reference)
        made = {"image": self.variants("image", settings, None), "text": self.variants("text", text, text_tower["padding"])}
        figures = manifest.Figures(settings, text, image_tower, text_tower, made, reference)
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

    def comparison(self, tower: str, settings: dict) -> Comparison:
        """Returns what the modules of a tower are compared with."""
        truth = self.truth[f"{tower}s"]
        if tower == "image":
            pixels = torch.from_numpy(preprocessing.pixels(self.pictures, settings))
            return Comparison("the image tower", [pixels], truth, len(self.pictures) - len(pictures.many()))
        tokenizer = tokens.Tokenizer.from_file(str(self.work.path("tokenizer.json")))
        rows = [text_inputs.ids(one, tokenizer, settings) for one in self.texts]
        return TextComparison(rows, settings, truth, len(self.texts) - len(corpus.TEXTS))

    def graph(self, tower: str, comparison: Comparison) -> torch._C.Graph:
        """Returns the graph of a tower, from which all its files are made."""
        if tower not in self._graphs:
            module = self.original.image if tower == "image" else self.original.text
            self._graphs[tower] = rewrite.frozen(module, comparison.example)
        return self._graphs[tower]

    def full(self, tower: str, comparison: Comparison) -> tuple[torch.jit.ScriptModule, float]:
        """Writes a tower in float32; returns it as it was read back, and its lowest cosine with the original."""
        path = self.work.path(f"{tower}.pt")
        towers.write(precisions.float32(self.graph(tower, comparison)), path)
        module = torch.jit.load(str(path)).eval()
        cosine = comparison.cosine(module)
        self.work.say(f"  lowest cosine with the original {cosine:.7f}")
        if not cosine >= FLOAT32:
            raise ExportError(
                f"the exported {tower} tower does not reproduce the original: cosine {cosine:.6f}, {FLOAT32} is needed. "
                "Nothing was written; please report the model's name."
            )
        return module, cosine

    def image_tower(self, settings: dict) -> dict:
        """Writes the image tower and compares it on the pictures, in several batch sizes."""
        comparison = self.comparison("image", settings)
        _, cosine = self.full("image", comparison)
        return {"cosine": round(cosine, 7), "dimension": comparison.truth.shape[1]}

    def text_tower(self, text: dict) -> dict:
        """Writes the text tower and compares it on the texts, in several batch sizes and lengths."""
        comparison = self.comparison("text", text)
        module, cosine = self.full("text", comparison)
        trimmed = comparison.trimmed(module)
        padding = "longest" if trimmed is not None and trimmed >= TRIMMED else "context_length"
        said = f"cosine {trimmed:.7f} without padding" if trimmed is not None else "it takes its full length only"
        self.work.say(f"  {said}: padding to {padding}")
        return {"cosine": round(min(cosine, trimmed) if padding == "longest" else cosine, 7), "padding": padding}

    def variants(self, tower: str, settings: dict, padding: str | None) -> list[dict]:
        """Writes the variants of a tower and returns their files and figures, the fastest first."""
        work, path = self.work, self.work.path
        stages = []
        if self.request.int8:
            make = lambda graph, file, compared: variants.eight_bits(  # noqa: E731
                graph, path(file), path(f"{tower}.pt"), compared, padding, work.say
            )
            stages.append(("int8", "int8", make))
        if self.request.bf16:
            make_bf16 = lambda graph, file, compared: variants.bfloat16(graph, path(file), compared, padding, work.say)  # noqa: E731
            stages.append(("bf16", "bfloat16", make_bf16))
        found = []
        for short, precision, make in stages:
            file = f"{tower}.{short}.pt"

            def stage(make=make, file=file) -> dict | None:
                comparison = self.comparison(tower, settings)
                return make(self.graph(tower, comparison), file, comparison)

            figures = work.stage(f"{tower} tower in {short}", [file], stage)
            if figures is not None:
                found.append({"file": file, "precision": precision, **figures})
        return found

    def reference_files(self) -> dict:
        """Returns the reference pictures by their file names in the folder."""
        return {f"reference/{name}": picture for name, picture in pictures.references().items()}

    def reference(self) -> dict:
        """Writes the reference pictures and returns the vectors that a server reproduces when it loads the model."""
        for name, picture in self.reference_files().items():
            picture.save(self.work.path(name), optimize=True)
        images = self.truth["images"][-len(self.reference_files()) :]
        return {"texts": _unit(self.truth["texts"][-len(corpus.REFERENCES) :]), "images": _unit(images)}


def _unit(vectors: torch.Tensor) -> list[list[float]]:
    """Returns unit vectors as lists of numbers."""
    unit = torch.nn.functional.normalize(vectors.double(), dim=1)
    if not torch.isfinite(unit).all():
        raise ExportError("the original returns vectors that are not finite numbers.")
    return [[round(float(x), 7) for x in row] for row in unit]
