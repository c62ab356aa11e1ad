"""Exports CLIP-like models as Mitsuke model folders. `cli.py` is the way in; `models/README.md` the format."""
