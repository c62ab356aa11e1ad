#!/usr/bin/env python3
"""Writes a model folder for Mitsuke from a CLIP-like model, and proves it equal to the original.

    scripts/export_model.py stabilityai/japanese-stable-clip-vit-l-16 models/jsclip --trust-remote-code

Needs pip install -e './python[export]', best in a virtual environment of its own. `scripts/export_model.py --help` says
everything else; models/README.md describes the folder that is written. The code is python/mitsuke_export.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "python"
sys.path.insert(0, str(PROJECT))

if __name__ == "__main__":
    try:
        from mitsuke_export.cli import main

        sys.exit(main())
    except ModuleNotFoundError as missing:
        sys.exit(f"error: the package {missing.name} is missing. Install it: pip install -e '{PROJECT}[export]'")
