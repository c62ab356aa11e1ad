"""Rewrites traced towers, so that they run on a CPU as fast as it multiplies."""
