#!/usr/bin/env python3
"""Writes tests/exported_models: what scripts/export_model.py makes of two tiny models with random weights.

One has the interface of Japanese Stable CLIP (SentencePiece, attention mask, position ids), one that of OpenAI's CLIP
(byte-level BPE, nothing but ids). Each comes with cases.json: what the original makes of some texts and of pictures of
tests/golden.
Needs python/requirements-export.txt. The same versions write the same files.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "scripts")]

import check_export  # noqa: E402
from mitsuke_fixtures.random_models import huggingface, japanese  # noqa: E402

SMALL = {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = {**SMALL, "image_size": 32, "patch_size": 8}
TEXTS = ["猫", "夕焼けの海", "ＡＢＣ　１２３", "１０時～１２時", "a photo of a dog", "SNOWY MOUNTAIN", "🍣🍜", "tom &amp; jerry", "",
         "とても長い説明文です。" * 12, "snake_case_name.png", "“curly” ‘quotes’ – and — dashes…"]  # fmt: skip
# Opaque and exactly decoded ones of tests/golden.
PICTURES = ["png_rgb.png", "png_grey.png", "png_square_224.png", "bmp.bmp", "tall.png", "wide.png"]
# Some rules of NFKC, so that the normalizer is used: the whole table would be larger than the model.
RULES = ["FF21\t0041", "FF22\t0042", "FF23\t0043", "FF11\t0031", "FF12\t0032", "FF13\t0033", "3000\t0020", "FF10\t0030"]


def stable_clip(folder: Path) -> None:
    folder.mkdir(parents=True)
    rules = folder / "rules.tsv"
    rules.write_text("\n".join(RULES) + "\n", encoding="utf-8")
    japanese.stable_clip(folder, VISION, SMALL, dimension=16, rules=str(rules), size=400)
    rules.unlink()


def clip(folder: Path) -> None:
    huggingface.clip(folder, size=560, text=SMALL, **VISION)


def main() -> None:
    for name, build, extra in [("exported-japanese", stable_clip, ["--trust-remote-code", "--no-bf16"]), ("exported-clip", clip, [])]:
        out = ROOT / "tests" / "exported_models" / name.removeprefix("exported-")
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / name
            build(source)
            shutil.rmtree(out, ignore_errors=True)
            about = ["--name", name, "--model-version", "1", "--description", "Random weights, for tests.", "--licence", "MIT"]
            status, said = check_export.export(source, out, [*extra, *about])
            if status != 0:
                sys.exit(said)
            check_export.write_cases(source, extra, out, TEXTS, [ROOT / "tests" / "golden" / name for name in PICTURES])
        # The folder it was made from means nothing elsewhere.
        path = out / "model.json"
        manifest = path.read_text(encoding="utf-8").replace(str(source), name)
        path.write_text(manifest, encoding="utf-8")
        assert json.loads(manifest)["export"]["source"] == name
        print(f"{out.relative_to(ROOT)}: {sum(p.stat().st_size for p in out.rglob('*') if p.is_file()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
