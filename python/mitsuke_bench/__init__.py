"""Measures Mitsuke beside the original application's pipeline and ONNX Runtime, and writes docs/BENCHMARKS.md.

scripts/bench.sh runs it.
"""
