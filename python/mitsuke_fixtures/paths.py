"""The folders of the repository that the makers write to."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
GOLDEN = ROOT / "tests" / "golden"
TINY_MODEL = ROOT / "tests" / "models" / "tiny"
EXPORTED_MODELS = ROOT / "tests" / "exported_models"
DEMO_MODEL = ROOT / "models" / "demo"
