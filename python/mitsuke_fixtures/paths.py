"""The folders of the repository that the makers write to."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE_FILES = ROOT / "crates" / "image" / "tests" / "fixtures"
GOLDEN = ROOT / "crates" / "clip" / "tests" / "golden"
RESIZE_CASES = ROOT / "crates" / "clip" / "tests" / "resize.json"
TINY_MODEL = ROOT / "tests" / "models" / "tiny"
EXPORTED_MODELS = ROOT / "tests" / "exported_models"
OLDER_MANIFEST = ROOT / "crates" / "clip" / "tests" / "exported_clip_0.1.json"
DEMO_MODEL = ROOT / "models" / "demo"
