"""Makes the files that the tests of this repository are held against."""
