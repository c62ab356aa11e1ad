"""Makes a model of Japanese Stable CLIP's size and interface with random weights.

    python -m mitsuke_bench.random_model FOLDER

Random weights take as long as trained ones. A model folder is made of it by scripts/export_model.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

VISION = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "image_size": 224, "patch_size": 16,
}  # fmt: skip
TEXT = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 32000,
}  # fmt: skip
DIMENSION = 768


def main() -> None:
    """Writes the model. A folder that is there already is complete, because it is renamed into place."""
    from mitsuke_fixtures.random_models import japanese

    folder = Path(sys.argv[1])
    if folder.exists():
        return
    unfinished = folder.with_name(folder.name + ".unfinished")
    japanese.stable_clip(unfinished, VISION, TEXT, dimension=DIMENSION)
    unfinished.rename(folder)


if __name__ == "__main__":
    main()
