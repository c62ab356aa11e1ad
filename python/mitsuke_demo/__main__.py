"""Entry point of `python -m mitsuke_demo`."""

import sys

if __name__ == "__main__":
    try:
        from .cli import main
    except ModuleNotFoundError as missing:
        sys.exit(f"error: the package {missing.name} is missing. Install it from the repository root: pip install -e './python[demo]'")
    main()
