"""Trains models/demo, the model that Mitsuke comes with, from registry packages.

`cli.py` has the steps in their order; models/demo/README.md says what the model was trained on and what it reaches.
"""
