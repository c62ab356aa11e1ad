#!/usr/bin/env python3
"""Writes mitsuke_client/, a Python package for the API, from its OpenAPI document.

Usage: generate.py [file or address of openapi.json]
The script needs the packages of requirements.txt.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "mitsuke_client"


def main() -> int:
    source = sys.argv[1] if len(sys.argv) > 1 else str(HERE / "../../openapi/openapi.json")
    where = ["--url", source] if source.startswith(("http://", "https://")) else ["--path", source]
    generator = Path(sys.executable).with_name("openapi-python-client")
    subprocess.run(
        [generator, "generate", *where, "--meta", "none", "--config", HERE / "config.yaml",
         "--output-path", PACKAGE, "--overwrite", "--fail-on-warning"],
        check=True,
    )
    add_missing_imports()
    print(f"wrote {PACKAGE.name}/")
    return 0


def add_missing_imports() -> None:
    """Adds the import that openapi-python-client 0.29.1 forgets where a body has two media types."""
    for module in (PACKAGE / "api").rglob("*.py"):
        text = module.read_text("utf-8")
        if "Unset" in text and "import UNSET, Unset" not in text:
            lacking, whole = "from ...types import Response, UNSET\n", "from ...types import Response, UNSET, Unset\n"
            if lacking not in text:
                sys.exit(f"{module} does not import Unset, and lacks the line that this script replaces.")
            module.write_text(text.replace(lacking, whole, 1), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
