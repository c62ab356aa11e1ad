"""Builds every family of models from its configuration with random weights, for scripts/check_export.py."""
