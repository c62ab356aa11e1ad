"""Options of the test suite."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--mitsuke", type=Path, help="the program with which exported folders are checked (target/debug/mitsuke)"
    )
