"""Writes tests/exported_models: the exporter's output for two tiny models with random weights.

    python -m mitsuke_fixtures.exported_models

One model has the interface of Japanese Stable CLIP (SentencePiece, attention mask, position ids), the other that of
OpenAI's CLIP (byte-level BPE, ids only). Each comes with cases.json: the original's vectors of some texts and of pictures
of crates/clip/tests/golden. The manifest of clip is written as version 0.1 wrote it, too, to
crates/clip/tests/exported_clip_0.1.json. Needs pip install -e './python[export]'. The weights are seeded. The trained
BPE tokenizer may list equally frequent pairs in another order, so the ids of clip may differ from one run to another.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from mitsuke_export.manifest import dumps

from .paths import EXPORTED_MODELS, GOLDEN, OLDER_MANIFEST
from .random_models import huggingface, japanese
from .random_models.cases import export, write_cases

SMALL = {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = {**SMALL, "image_size": 32, "patch_size": 8}
TEXTS = ["猫", "夕焼けの海", "ＡＢＣ　１２３", "１０時～１２時", "a photo of a dog", "SNOWY MOUNTAIN", "🍣🍜", "tom &amp; jerry", "",
         "とても長い説明文です。" * 12, "snake_case_name.png", "“curly” ‘quotes’ – and — dashes…"]  # fmt: skip
# Pictures of crates/clip/tests/golden that are opaque and that every decoder reads alike.
PICTURES = ["png_rgb.png", "png_grey.png", "png_square_224.png", "bmp.bmp", "tall.png", "wide.png"]
# Some rules of NFKC, so that the normalizer is used. The whole table would be larger than the model.
RULES = ["FF21\t0041", "FF22\t0042", "FF23\t0043", "FF11\t0031", "FF12\t0032", "FF13\t0033", "3000\t0020", "FF10\t0030"]


def stable_clip(folder: Path) -> None:
    """Builds the model with the interface of Japanese Stable CLIP."""
    folder.mkdir(parents=True)
    rules = folder / "rules.tsv"
    rules.write_text("\n".join(RULES) + "\n", encoding="utf-8")
    japanese.stable_clip(folder, VISION, SMALL, dimension=16, rules=str(rules), size=400)
    rules.unlink()


def clip(folder: Path) -> None:
    """Builds the model with the interface of OpenAI's CLIP."""
    huggingface.clip(folder, size=560, text=SMALL, **VISION)


# Name of the folder → (builder, extra arguments of the exporter). Whether towers of this size are faster in 8 bits is left to
# chance, so they have no variant for it.
MODELS = {"japanese": (stable_clip, ["--trust-remote-code", "--no-bf16", "--no-int8"]), "clip": (clip, ["--no-int8"])}


def write(name: str, out: Path) -> None:
    """Builds and exports a model of MODELS, and writes its cases into the same folder."""
    build, extra = MODELS[name]
    title = f"exported-{name}"
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / title
        build(source)
        about = ["--name", title, "--model-version", "1", "--description", "Random weights, for tests.", "--licence", "MIT"]
        status, said = export(source, out, [*extra, *about])
        if status != 0:
            sys.exit(said)
        write_cases(source, extra, out, TEXTS, [GOLDEN / picture for picture in PICTURES])
    # The scratch folder that it was made from is replaced by the model's name.
    path = out / "model.json"
    manifest = path.read_text(encoding="utf-8").replace(str(source), title)
    path.write_text(manifest, encoding="utf-8")
    if json.loads(manifest)["export"]["source"] != title:
        sys.exit(f"{path} does not name {title} as its source")


def as_version_0_1(manifest: dict) -> dict:
    """Returns a manifest with `bf16` in place of `variants`, as version 0.1 wrote it."""
    older = dict(manifest)
    for tower in ("image", "text"):
        older[tower] = {}
        for name, value in manifest[tower].items():
            if name == "variants":
                name, value = "bf16", {key: value[0][key] for key in ("file", "sha256", "agreement")}
            older[tower][name] = value
    return older


def main() -> None:
    """Writes both models anew."""
    for name in MODELS:
        out = EXPORTED_MODELS / name
        shutil.rmtree(out, ignore_errors=True)
        write(name, out)
        if name == "clip":
            written = json.loads((out / "model.json").read_text(encoding="utf-8"))
            OLDER_MANIFEST.write_text(dumps(as_version_0_1(written)), encoding="utf-8")
        print(f"{out}: {sum(p.stat().st_size for p in out.rglob('*') if p.is_file()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
