"""The command line of scripts/export_model.py."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from .errors import ExportError
from .source import resolve

EPILOG = """\
SOURCE is one of
  organisation/model                a repository of the Hugging Face hub
  folder                            the same files on disk
  open_clip:ARCHITECTURE:WEIGHTS    an architecture of open_clip with a tag or a checkpoint file

Tried families: Japanese Stable CLIP, clip-japanese-base, rinna's CLIP and CLOOB, llm-jp-clip and other checkpoints of
open_clip, OpenAI's CLIP, SigLIP, SigLIP 2 (fixed resolution), Chinese-CLIP.

A run that was stopped goes on where it was: downloads in the hub's cache, finished stages in .OUT.work beside OUT. OUT appears
when everything is proven equal to the original, and not before.
"""


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="export_model.py",
        description="Writes a model folder for Mitsuke and proves it equal to the original.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("source", metavar="SOURCE", help="the model; see below")
    made.add_argument("out", metavar="OUT", type=Path, help="the folder to write, for example models/jsclip")
    made.add_argument("--revision", help="branch, tag or commit of the hub repository (default: the newest)")
    made.add_argument("--trust-remote-code", action="store_true", help="run the Python code that the model brings along")
    made.add_argument("--licence", help="licence, where the model card states none")
    made.add_argument("--name", help="model_name (default: from the source)")
    made.add_argument("--model-version", help="model_version (default: the hub's commit, else a digest of the weights)")
    made.add_argument("--description", help="one sentence for people")
    made.add_argument("--context-length", type=int, help="most tokens of a text (default: what the model was made for)")
    made.add_argument("--tokenizer", help="hub name or folder of the tokenizer, for rinna's models only")
    made.add_argument("--family", default="auto", help="treat the source as this family instead of looking")
    made.add_argument("--no-bf16", action="store_true", help="write no bf16 variants")
    made.add_argument("--threads", type=int, help="threads of a tensor operation (default: Torch's)")
    made.add_argument("--force", action="store_true", help="replace OUT if it is there")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Exports; 0 when OUT was written."""
    args = parser().parse_args(arguments)
    try:
        export(args)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def export(args: argparse.Namespace) -> dict:
    """Runs one export and returns its manifest."""
    out: Path = args.out
    if out.exists() and not args.force:
        raise ExportError(f"{out} is there already. Give another folder, or --force to replace it.")
    # Torch takes seconds to import: the source is looked for first.
    source = resolve(args.source, args.revision)
    import torch

    from .export import Exporter, Request, files_of, licence_of
    from .families import FAMILIES
    from .families.base import Options
    from .work import Work, own_digest

    if args.family not in FAMILIES:
        raise ExportError(f"--family is one of {', '.join(FAMILIES)}.")
    if args.threads:
        torch.set_num_threads(args.threads)
    _quiet()
    licence = args.licence or licence_of(source)
    if not licence:
        raise ExportError(f"no model card states the licence of {source.given}. Give it with --licence.")
    options = Options(args.family, args.trust_remote_code, args.context_length, args.tokenizer)
    key = hashlib.sha256(json.dumps([own_digest(), source.fingerprint(), vars(options)]).encode()).hexdigest()
    work = Work(out.with_name(f".{out.name}.work"), key)
    request = Request(
        source, options, args.name, args.model_version, args.description, licence, not args.no_bf16
    )
    manifest = Exporter(request, work).run()
    work.publish(out, files_of(manifest))
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    work.say(
        f"wrote {out}: {manifest['model_name']} {manifest['model_version']}, {manifest['vector_dimension']} dimensions, "
        f"{size / 1e6:.1f} MB, licence {licence}"
    )
    print(f"Check it with: mitsuke model check {out}")
    return manifest


def _quiet() -> None:
    """Libraries warn of things that the comparison settles."""
    import logging
    import warnings

    import transformers

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    logging.getLogger("root").setLevel(logging.ERROR)
