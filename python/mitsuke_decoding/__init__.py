"""Compares Mitsuke's decoding of pictures with that of other programs. scripts/check_decoding.sh runs it."""
