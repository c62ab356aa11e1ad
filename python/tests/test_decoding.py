"""The files that Mitsuke's decoding is checked with show what they say, and differences are found."""

import pytest

for package in ("numpy", "PIL", "tifffile", "imagecodecs"):
    pytest.importorskip(package, reason=f"{package} is not installed (pip install -e './python[decoding]')")

import numpy as np  # noqa: E402

from mitsuke_decoding import bmp, gif, png, webp  # noqa: E402
from mitsuke_decoding.__main__ import difference  # noqa: E402
from mitsuke_decoding.damage import is_much_wrong  # noqa: E402
from mitsuke_decoding.variant import by_pillow, over_white, picture  # noqa: E402


@pytest.mark.parametrize("module", [png, gif, bmp])
def test_the_known_pixels_are_those_that_pillow_shows(module):
    agree = 0
    for variant in module.variants():
        try:
            shown = by_pillow(variant.data)
        except (OSError, SyntaxError, ValueError):
            # Pillow does not read the file; that is why its pixels are known.
            continue
        agree += difference(shown, variant.expected, lossy=False)[0] == "equal"
    assert agree > 250


def test_a_webp_file_of_chunks_is_read_again():
    data = next(webp.variants()).data
    assert webp.joined(webp.chunks(data)) == data


def test_every_kind_of_a_format_is_made_in_several_sizes():
    sizes = {}
    for variant in bmp.variants():
        sizes.setdefault(variant.kind, set()).add(variant.expected.shape)
    assert all(len(found) > 1 for found in sizes.values())


def test_differences_of_pixels_and_of_size_are_found():
    colors = picture(8, 6)
    assert difference(colors, colors, lossy=False) == ("equal", 0, 0.0)
    other = colors.copy()
    other[0, 0, 0] ^= 64
    assert difference(other, colors, lossy=False)[0] == "different"
    assert difference(other, colors, lossy=True)[0] == "equal"
    assert difference(colors[:5], colors, lossy=True)[0] == "different"


def test_much_is_wrong_when_a_part_of_the_picture_is_another():
    colors = picture(20, 20)
    other = colors.copy()
    other[10:] = 255 - other[10:]
    assert is_much_wrong(other, colors)
    assert not is_much_wrong(colors, colors)


def test_alpha_is_over_white():
    colors = np.full((1, 3, 3), 100, np.uint8)
    opacity = np.array([[0, 128, 255]], np.uint8)
    assert over_white(colors, opacity)[0, :, 0].tolist() == [255, 177, 100]
