"""The command line that scripts/bench.sh calls: measures one part and writes its figures into docs/BENCHMARKS.md."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from . import cargo, document, facts

PACKAGES = ["torch", "transformers", "onnxruntime"]


def encoders(args: argparse.Namespace) -> str:
    """Measures the part `encoders`."""
    from . import encoders as part

    return part.measure(args)


def service(args: argparse.Namespace) -> str:
    """Measures the part `service`."""
    from . import service as part

    return part.measure(args)


def pictures(args: argparse.Namespace) -> str:
    """Measures the part `pictures`."""
    from . import pictures as part

    return part.measure(args)


def imports(args: argparse.Namespace) -> str:
    """Measures the part `import`."""
    from . import imports as part

    return part.measure(args)


def index(args: argparse.Namespace) -> str:
    """Measures the part `index`."""
    from . import index as part

    return part.measure(args)


def gpu(args: argparse.Namespace) -> str:
    """Measures the part `gpu`."""
    from . import gpu as part

    return part.measure(args)


# Part → what measures it, and the Python packages that take part.
PARTS = {
    "encoders": (encoders, PACKAGES),
    "service": (service, PACKAGES[:2]),
    "pictures": (pictures, []),
    "import": (imports, []),
    "index": (index, ["faiss-cpu", "usearch"]),
    "store": (cargo.store, []),
    "soak": (cargo.soak, []),
    "gpu": (gpu, PACKAGES[:2]),
}


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments."""
    made = argparse.ArgumentParser(prog="python -m mitsuke_bench", description=__doc__)
    made.add_argument("part", choices=PARTS)
    made.add_argument("--command", required=True, help="the command as a reader would type it")
    made.add_argument("--document", type=Path, default=facts.ROOT / "docs" / "BENCHMARKS.md")
    made.add_argument("--program", type=Path, help="the release program")
    made.add_argument("--before", type=Path, help="the release program of an earlier version")
    made.add_argument("--model", type=Path, help="model folder made of --original")
    made.add_argument("--original", help="the model as its makers publish it")
    made.add_argument("--trust-remote-code", action="store_true", help="run the Python code that the original brings along")
    made.add_argument("--photos", type=Path, default=facts.ROOT / "images")
    made.add_argument("--demo", type=Path, help="model folder that is measured without an original")
    made.add_argument("--cache", type=Path, help="folder for files that later runs use again")
    made.add_argument("--seconds", type=float, default=8, help="seconds of a measurement")
    made.add_argument("--precisions", nargs="+", default=["auto", "float32"], help="settings of the servers")
    made.add_argument("--sizes", nargs="+", help="sizes of the index, such as 100000x768")
    made.add_argument("--build-seconds", type=float, default=900, help="time for other programs to build an index")
    made.add_argument("--documents", type=int, default=10_000, help="pictures in the store")
    made.add_argument("--images", type=int, nargs="+", default=[200_000], help="pictures in the store that are searched among")
    made.add_argument("--imports", type=int, default=2_000, help="pictures that are imported")
    made.add_argument("--soak", type=shlex.split, help="the command of the soak benchmark")
    return made


def main() -> int:
    """Measures a part and returns the exit status."""
    args = parser().parse_args()
    measure, packages = PARTS[args.part]
    facts.wait_until_idle()
    known = facts.Facts(args.command, packages)
    if not known.idle():
        print(f"warning: the machine is not idle (load {known.load:.2f}); the figures will be too low.", file=sys.stderr)
    body = measure(args)
    document.replace(args.document, args.part, f"{known.text()}\n\n{body}")
    print(f"{args.document} holds the figures of {args.part}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
