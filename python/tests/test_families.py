#!/usr/bin/env python3
"""Proves scripts/export_model.py on every family of models, from a made-up original to the Rust program.

    scripts/check_export.py [--only FAMILY …] [--mitsuke target/debug/mitsuke]

No weights are downloaded: each family is built from its configuration with random weights and a tokenizer trained
here, exported as a user would, and then loaded by `mitsuke model check`, which must reproduce what the original
makes of drawn pictures and of a corpus of texts (ids equal, cosine at least 0.9995). Also: models that must be
refused, and a run that is stopped and goes on. Takes a few minutes; needs python/requirements-export.txt, and
fugashi with unidic_lite for the tokenizers that use MeCab.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "scripts")]

from mitsuke_export import cli, corpus, pictures  # noqa: E402
from mitsuke_export.families import load  # noqa: E402
from mitsuke_export.families.base import Options  # noqa: E402
from mitsuke_fixtures.random_models import huggingface, japanese, openclip  # noqa: E402
from mitsuke_export.source import explain, resolve  # noqa: E402
from PIL import Image  # noqa: E402

# name → (how it is built, extra arguments)
FAMILIES = {
    "japanese-stable-clip": (japanese.stable_clip, ["--trust-remote-code"]),
    "clip-japanese-base": (japanese.clyp, ["--trust-remote-code"]),
    "rinna-clip": (lambda folder: japanese.rinna(folder, "clip"), []),
    "rinna-cloob": (lambda folder: japanese.rinna(folder, "cloob"), []),
    "openai-clip": (huggingface.clip, []),
    "siglip": (huggingface.siglip, []),
    "siglip2": (huggingface.siglip2, []),
    "chinese-clip": (huggingface.chinese_clip, []),
    "open-clip": (openclip.simple, []),
    "open-clip-letterbox": (openclip.letterbox, []),
    "open-clip-siglip": (openclip.siglip_like, []),
    "llm-jp-clip": (openclip.llm_jp, []),
    "dual-encoder-characters": (lambda folder: huggingface.dual_encoder(folder, "character"), []),
}


def export(source: Path, out: Path, extra: list[str]) -> tuple[int, str]:
    """Runs the exporter in this process; its exit status and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = cli.main([str(source), str(out), *extra])
    return status, said.getvalue()


def write_cases(
    source: Path, extra: list[str], folder: Path, compared: list[str] = corpus.TEXTS, shown: list[Path] | None = None
) -> tuple[Path, float]:
    """What the original itself makes of pictures and texts; and how alike its different inputs are.

    `shown`: opaque pictures that lie somewhere already; else some are drawn beside the cases.
    """
    import torch

    options = Options(trust_remote_code="--trust-remote-code" in extra)
    original = load(resolve(str(source), None), options)
    folder.mkdir(parents=True, exist_ok=True)
    images, texts = [], []
    edge = max(original.pixels(pictures.scene(64, 64)).shape[-2:])
    if shown is None:
        shown = [folder / f"picture{i}.png" for i in range(len(pictures.pictures(edge)))]
        for path, picture in zip(shown, pictures.pictures(edge)):
            picture.save(path, optimize=True)
    with torch.no_grad():
        for path in shown:
            with Image.open(path) as picture:
                vector = original.image(original.pixels(picture.convert("RGB"))[None])[0]
            images.append({"file": os.path.relpath(path, folder), "vector": rounded(vector)})
        for text in compared:
            rows = original.encode([text])
            vector = (original.own_text or original.text)(*(rows[name] for name in original.text_inputs))[0]
            texts.append({"text": text, "ids": rows["input_ids"][0].tolist(), "vector": rounded(vector)})
    path = folder / "cases.json"
    path.write_text(json.dumps({"images": images, "texts": texts}, ensure_ascii=False), encoding="utf-8")
    return path, max(alike(images), alike([t for t in texts if t["text"] in corpus.SAMPLES or compared is not corpus.TEXTS]))


def rounded(vector) -> list[float]:
    """Digits enough for a comparison of cosines."""
    return [round(float(x), 6) for x in vector]


def alike(cases: list[dict]) -> float:
    """The median cosine of different inputs: near 1 it would prove little that two programs agree."""
    import torch

    unit = torch.nn.functional.normalize(torch.tensor([case["vector"] for case in cases]), dim=1)
    return float((unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)].median())


def check_family(name: str, scratch: Path, mitsuke: Path | None) -> list[str]:
    """Builds, exports and checks one family; what is wrong with it."""
    build, extra = FAMILIES[name]
    source, out = scratch / name / "original", scratch / name / "model"
    began = time.monotonic()
    build(source)
    status, said = export(source, out, extra)
    if status != 0:
        return [f"{name}: the export failed:\n{said}"]
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    cases, likeness = write_cases(source, extra, scratch / name / "cases")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    image, text = manifest["image"], manifest["text"]
    halves = [f"{tower['bf16']['agreement']:.6f}" if "bf16" in tower else "none" for tower in (image, text)]
    print(
        f"{name}: {image['resize']['mode']} {image['interpolation']} crop {image['crop']}; text "
        f"{'+'.join(text['inputs'])} padding {text['padding']} cleaning {','.join(text['cleaning']) or 'none'}; float32 "
        f"{manifest['export']['image_agreement']:.7f}/{manifest['export']['text_agreement']:.7f}, bf16 "
        f"{'/'.join(halves)}; different inputs {likeness:.2f}; {size / 1e6:.2f} MB, {time.monotonic() - began:.1f} s",
        flush=True,
    )
    wrong = [f"{name}: different inputs are too much alike ({likeness:.3f})"] if likeness > 0.97 else []
    for precision in ("float32", "bfloat16"):
        if mitsuke is None or (precision == "bfloat16" and "none" in halves):
            continue
        command = [str(mitsuke), "model", "check", str(out), "--cases", str(cases), "--precision", precision]
        done = subprocess.run(command, capture_output=True, text=True)
        summary = [line for line in done.stdout.splitlines() if "lowest cosine" in line]
        print("  " + precision + ": " + "; ".join(" ".join(line.split()) for line in summary), flush=True)
        if done.returncode != 0:
            wrong.append(f"{name}, {precision}:\n{done.stdout}{done.stderr}")
    return wrong


def check_refusals(scratch: Path) -> list[str]:
    """Models that must not be exported, and what must be said about them."""
    wrong = []

    def refused(what: str, source: Path, extra: list[str], words: list[str]) -> None:
        out = scratch / "refused" / "model"
        status, said = export(source, out, extra)
        missing = [word for word in words if word not in said]
        if status == 0 or out.exists() or missing:
            wrong.append(f"{what}: status {status}, missing {missing} in:\n{said}")
        else:
            print(f"refused {what}: {said.strip().splitlines()[-1][:110]}", flush=True)
        shutil.rmtree(out.with_name(".model.work"), ignore_errors=True)

    pieces = scratch / "refused" / "mecab"
    huggingface.dual_encoder(pieces, "wordpiece")
    refused("a tokenizer that needs MeCab", pieces, [], ["tokenizer cannot be converted", "differ for the text"])
    code = scratch / "refused" / "code"
    japanese.stable_clip(code)
    refused("code without trust", code, [], ["--trust-remote-code", "modeling_japanese_stable_clip.py"])
    (code / "README.md").unlink()
    refused("a model without a licence", code, ["--trust-remote-code"], ["--licence"])
    module = code / "modeling_japanese_stable_clip.py"
    changed = module.read_text(encoding="utf-8").replace("features = self.visual_projection(", "features = self.project(")
    changed += """
    def project(self, output):
        # A choice that depends on values: tracing keeps the one it saw.
        return self.visual_projection(output if int(output[0, 0].abs() * 1000) % 2 else output.flip(-1))
"""
    module.write_text(changed, encoding="utf-8")
    refused(
        "a tower that tracing changes", code, ["--trust-remote-code", "--licence", "mit"], ["does not reproduce the original"]
    )
    return wrong


def check_resume(scratch: Path) -> list[str]:
    """A run that is stopped in the text tower keeps what was finished, and OUT appears only at the end."""
    from mitsuke_export.export import Exporter

    source, out = scratch / "resume" / "original", scratch / "resume" / "model"
    huggingface.clip(source)
    traced, Exporter.text_tower = Exporter.text_tower, None

    def stop(*_):
        raise KeyboardInterrupt

    Exporter.text_tower = stop
    status, said = export(source, out, [])
    Exporter.text_tower = traced
    if status != 130 or out.exists():
        return [f"stopping: status {status}, OUT is there: {out.exists()}\n{said}"]
    status, said = export(source, out, [])
    if status != 0 or "image tower: kept from an earlier run" not in said or out.with_name(".model.work").exists():
        return [f"going on: status {status}\n{said}"]
    print("resume: the finished stages of a stopped run were kept", flush=True)
    return []


def check_messages() -> list[str]:
    """What a person is told when a model is gated, missing or out of reach."""
    import requests
    from huggingface_hub import errors

    def answer(kind, status: int):
        response = requests.Response()
        response.status_code = status
        return kind("refused", response=response)

    wrong = []
    for cause, words in [
        (answer(errors.GatedRepoError, 403), ["is gated", "accept the licence", "hf auth login", "HF_TOKEN"]),
        (answer(errors.RepositoryNotFoundError, 401), ["private or gated", "hf auth login"]),
        (answer(errors.HfHubHTTPError, 403), ["no access"]),
        (answer(errors.HfHubHTTPError, 503), ["answers 503"]),
        (answer(errors.RevisionNotFoundError, 404), ["no such revision"]),
        (requests.ConnectionError("no route"), ["is not reached", "--local-dir"]),
        (errors.LocalEntryNotFoundError("offline"), ["is not reached"]),
    ]:
        said = str(explain("organisation/model", cause))
        missing = [word for word in words if word not in said]
        if missing:
            wrong.append(f"{type(cause).__name__}: {missing} missing in:\n{said}")
    print("messages: gated, private, missing, unreachable are told apart", flush=True)
    return wrong


def check_full_size(scratch: Path, mitsuke: Path | None) -> int:
    """Exports ViT-L/16 with a BERT-base text tower, the size of Japanese Stable CLIP, and says what it takes."""
    import resource

    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
              "image_size": 224, "patch_size": 16}  # fmt: skip
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "vocab_size": 32000}  # fmt: skip
    source, out = scratch / "full-size" / "original", scratch / "full-size" / "model"
    if not (source / "config.json").is_file():
        japanese.stable_clip(source, vision, text, dimension=768)
    shutil.rmtree(out, ignore_errors=True)
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "scripts" / "export_model.py"), str(source), str(out), "--trust-remote-code"]
    if subprocess.run(command).returncode != 0:
        return 1
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"exported in {time.monotonic() - began:.0f} s with at most {peak:.1f} GB of memory")
    for path in sorted(out.glob("*.*")):
        print(f"  {path.name} {path.stat().st_size / 1e6:.1f} MB")
    cases, likeness = write_cases(source, ["--trust-remote-code"], scratch / "full-size" / "cases")
    print(f"different inputs have a median cosine of {likeness:.2f}")
    status = 0
    for precision in ("float32", "bfloat16") if mitsuke else ():
        command = [str(mitsuke), "model", "check", str(out), "--cases", str(cases), "--precision", precision]
        status |= subprocess.run(command).returncode
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*FAMILIES], help="these families, and nothing else")
    parser.add_argument("--mitsuke", type=Path, help="the program (default: built with cargo)")
    parser.add_argument("--python-only", action="store_true", help="leave the Rust half out")
    parser.add_argument(
        "--full-size", action="store_true", help="only Japanese Stable CLIP's real size (2 GB of disk, some minutes)"
    )
    parser.add_argument("--keep", type=Path, help="work here and keep everything")
    args = parser.parse_args()
    mitsuke = None
    if not args.python_only:
        mitsuke = args.mitsuke or ROOT / "target" / "debug" / "mitsuke"
        if args.mitsuke is None:
            subprocess.run(["cargo", "build", "--quiet", "--locked"], cwd=ROOT, check=True)
    wrong = []
    with contextlib.ExitStack() as stack:
        scratch = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if args.full_size:
            return check_full_size(scratch, mitsuke)
        for name in args.only or FAMILIES:
            shutil.rmtree(scratch / name, ignore_errors=True)
            try:
                wrong += check_family(name, scratch, mitsuke)
            except Exception as error:  # One family must not hide the others.
                wrong.append(f"{name}: {type(error).__name__}: {error}")
        if not args.only:
            for folder in ("refused", "resume"):
                shutil.rmtree(scratch / folder, ignore_errors=True)
            wrong += check_refusals(scratch) + check_resume(scratch) + check_messages()
    for problem in wrong:
        print(f"WRONG: {problem}")
    print(f"{len(wrong)} problems" if wrong else "every family is reproduced")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
