"""Makes the files with which the tests of this repository compare Mitsuke.

Each module writes one kind of file and is run as `python -m mitsuke_fixtures.NAME`.
"""
