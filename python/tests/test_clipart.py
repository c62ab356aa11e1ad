"""Labels of clip-art are read from its metadata."""

from pathlib import Path

import pytest

pytest.importorskip("tqdm", reason="tqdm is not installed (pip install -e './python[test]')")

from mitsuke_demo import clipart  # noqa: E402

SVG = """<svg><metadata><rdf:RDF><dc:title>Tom &amp; Jerry 2</dc:title>
<dc:subject><rdf:Bag><rdf:li>Cat</rdf:li><rdf:li>mouse </rdf:li></rdf:Bag></dc:subject></rdf:RDF></metadata></svg>"""


def test_title_and_words_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(SVG, encoding="utf-8")
    assert clipart._labels(tmp_path / "a.svg") == ("Tom & Jerry 2", ["cat", "mouse"])


def test_drawing_without_metadata_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>", encoding="utf-8")
    assert clipart._labels(tmp_path / "a.svg") == ("", [])


@pytest.mark.parametrize(
    ("title", "cleaned"),
    [("Red_Apple_(02)", "red apple"), ("Cat by someone", "cat"), ("Clipart by Nicu Buculei - horse", "horse"), ("- Tree, ", "tree")],
)
def test_title_loses_authors_and_numbers(title: str, cleaned: str) -> None:
    assert clipart._clean_title(title) == cleaned
