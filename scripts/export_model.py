#!/usr/bin/env python3
"""Writes a model folder for Mitsuke from a CLIP-like model, and proves it equal to the original.

    scripts/export_model.py stabilityai/japanese-stable-clip-vit-l-16 models/jsclip --trust-remote-code

Needs the packages of scripts/export_model/requirements.txt, best in a virtual environment of their own.
`scripts/export_model.py --help` says everything else; models/README.md describes the folder that is written.
"""

import sys
from pathlib import Path

# The package lies beside this file and has its name; a folder wins over a module of the same name.
sys.path.insert(0, str(Path(__file__).resolve().parent))

if __name__ == "__main__":
    try:
        from export_model.cli import main

        sys.exit(main())
    except ModuleNotFoundError as missing:
        requirements = Path(__file__).resolve().parent / "export_model" / "requirements.txt"
        sys.exit(f"error: the package {missing.name} is missing. Install: pip install -r {requirements}")
