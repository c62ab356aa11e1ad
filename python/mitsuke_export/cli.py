"""The command line of scripts/export_model.py."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from . import manifest
from .errors import ExportError
from .families.options import FAMILIES, Options
from .source import resolve
from .work import Work, own_digest

EPILOG = """\
SOURCE is one of
  organisation/model                a repository of the Hugging Face hub
  folder                            the same files on disk
  open_clip:ARCHITECTURE:WEIGHTS    an architecture of open_clip with a tag or a checkpoint file

Tried families: Japanese Stable CLIP, clip-japanese-base, rinna's CLIP and CLOOB, llm-jp-clip and other checkpoints of
open_clip, OpenAI's CLIP, SigLIP, SigLIP 2 (fixed resolution), Chinese-CLIP.

A run that was stopped goes on where it was: downloads are kept in the hub's cache, finished stages in .OUT.work beside
OUT. OUT appears when everything is proven equal to the original, and not before.
"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments."""
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
    made.add_argument(
        "--family", default="auto", help=f"treat the source as this family instead of looking: {', '.join(FAMILIES)}"
    )
    switch = argparse.BooleanOptionalAction
    made.add_argument("--bf16", action=switch, default=True, help="write variants in bfloat16 that agree (default)")
    made.add_argument("--int8", action=switch, default=True, help="write variants in 8 bits that agree and are faster (default)")
    made.add_argument("--pictures", type=Path, help="with --queries: calibrate relevance on the pictures of this folder")
    made.add_argument("--queries", type=Path, help="lines of a query, a tab, and the names of its right pictures joined by |")
    made.add_argument("--threads", type=int, help="threads of a tensor operation (default: Torch's)")
    made.add_argument("--force", action="store_true", help="replace OUT if it is there")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Runs one export and returns the exit status, which is 0 when OUT was written."""
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
    # Everything that can be refused without Torch is refused first, since Torch takes seconds to import.
    if args.family not in FAMILIES:
        raise ExportError(f"there is no family {args.family}. Give --family one of {', '.join(FAMILIES)}.")
    if out.exists() and not args.force:
        raise ExportError(f"{out} is there already. Give another folder, or --force to replace it.")
    if (args.pictures is None) != (args.queries is None):
        raise ExportError("the calibration of relevance needs both --pictures and --queries.")
    source = resolve(args.source, args.revision)
    licence = args.licence or manifest.licence_of(source)
    if not licence:
        raise ExportError(f"no model card states the licence of {source.given}. Give it with --licence.")
    options = Options(args.family, args.trust_remote_code, args.context_length, args.tokenizer)
    import torch

    from .export import Exporter, Request

    if args.threads:
        torch.set_num_threads(args.threads)
    _quiet()
    key = hashlib.sha256(json.dumps([own_digest(), source.fingerprint(), vars(options)]).encode()).hexdigest()
    work = Work(out.with_name(f".{out.name}.work"), key)
    about = manifest.About(source, args.name, args.model_version, args.description, licence)
    written = Exporter(Request(about, options, args.bf16, args.int8), work).run()
    work.publish(out, manifest.files_of(written))
    if args.pictures:
        from . import calibrate

        try:
            written = {**written, "relevance": calibrate.folder(out, args.pictures, args.queries)}
        except (OSError, ValueError) as cause:
            work.say(f"relevance is left out: {cause}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    work.say(
        f"wrote {out}: {written['model_name']} {written['model_version']}, {written['vector_dimension']} dimensions, "
        f"{size / 1e6:.1f} MB, licence {licence}"
    )
    print(f"Check it with: mitsuke model check {out}")
    return written


def _quiet() -> None:
    """Silences the warnings of libraries about differences that the comparison with the original settles."""
    import logging
    import warnings

    import transformers

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    logging.getLogger("root").setLevel(logging.ERROR)
