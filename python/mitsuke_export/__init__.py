"""Exports CLIP-like models as Mitsuke model folders.

`cli.py` is the command line, `export.py` the stages of an export, and models/README.md the format of the folder.
"""
