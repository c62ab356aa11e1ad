"""Preprocessing of pictures, as a manifest prescribes it, and how the exporter finds a processor's settings."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from mitsuke_export import preprocessing, probing
from mitsuke_export.errors import ExportError
from mitsuke_export.pictures import pictures, scene
from mitsuke_fixtures.paths import DEMO_MODEL, GOLDEN

BASE = {"size": {"height": 32, "width": 32}, "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.3, 0.35]}
SETTINGS = [
    {"resize": {"mode": "shortest_edge", "size": 32}, "crop": "center", "interpolation": "bicubic"},
    {"resize": {"mode": "shortest_edge", "size": 36}, "crop": "center_floor", "interpolation": "bilinear"},
    {"resize": {"mode": "exact", "size": 32}, "crop": "none", "interpolation": "bicubic"},
    {"resize": {"mode": "exact", "size": 37}, "crop": "center", "interpolation": "lanczos"},
    {"resize": {"mode": "longest_edge_pad", "size": 32, "fill": [127] * 3}, "crop": "none", "interpolation": "bilinear"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s['resize']['mode']} {s['crop']} {s['interpolation']}")
def test_every_picture_becomes_the_encoders_size(settings: dict) -> None:
    pixels = preprocessing.pixels(pictures(32), {**BASE, **settings})
    assert pixels.shape == (len(pictures(32)), 3, 32, 32)
    assert pixels.dtype == np.float32


def test_pixels_are_scaled_by_mean_and_deviation() -> None:
    settings = {**BASE, **SETTINGS[2]}
    black, white = (preprocessing.pixels([Image.new("RGB", (5, 9), (level,) * 3)], settings)[0] for level in (0, 255))
    assert np.allclose(black[:, 0, 0], [-0.5 / 0.25, -0.4 / 0.3, -0.3 / 0.35])
    assert np.allclose(white[:, 0, 0], [0.5 / 0.25, 0.6 / 0.3, 0.7 / 0.35])
    assert (np.ptp(black, (1, 2)) == 0).all()


@pytest.mark.parametrize(("crop", "left"), [("center", 2), ("center_floor", 1)])
def test_half_pixels_of_a_crop_round_as_the_manifest_says(crop: str, left: int) -> None:
    # The columns are numbered by their red; 35 − 32 leaves 1.5 pixels on either side.
    columns = Image.fromarray(np.stack([np.tile(np.arange(35, dtype=np.uint8), (32, 1))] * 3, -1))
    settings = {**BASE, "resize": {"mode": "shortest_edge", "size": 32}, "crop": crop, "interpolation": "bicubic"}
    assert preprocessing.prepare(columns, settings).getpixel((0, 0))[0] == left


def test_padding_keeps_the_whole_picture_in_the_middle() -> None:
    settings = {**BASE, "resize": {"mode": "longest_edge_pad", "size": 32, "fill": [9, 9, 9]}, "crop": "none", "interpolation": "bicubic"}
    prepared = np.asarray(preprocessing.prepare(Image.new("RGB", (64, 32), (200, 200, 200)), settings))
    assert (prepared[:8] == 9).all()
    assert (prepared[8:24] == 200).all()
    assert (prepared[24:] == 9).all()


def test_unknown_resize_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="stretch is not one of exact"):
        preprocessing.prepare(scene(8, 8), {**BASE, "resize": {"mode": "stretch", "size": 8}, "interpolation": "bicubic"})


def test_alpha_is_composited_over_white() -> None:
    assert preprocessing.to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert preprocessing.to_rgb(Image.new("LA", (1, 1), (100, 255))).getpixel((0, 0)) == (100, 100, 100)


def test_16_bit_grey_is_divided_and_rounded() -> None:
    values = np.array([[0, 128, 129, 257 * 100 + 128, 257 * 100 + 129, 65535]], np.uint16)
    assert np.asarray(preprocessing.to_rgb(Image.fromarray(values)))[0, :, 0].tolist() == [0, 0, 1, 100, 101, 255]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s['resize']['mode']} {s['crop']} {s['interpolation']}")
def test_probing_finds_the_settings_of_a_processor(settings: dict) -> None:
    wanted = {**BASE, **settings}
    hints = {"sizes": [settings["resize"]["size"]], "mean": BASE["mean"], "std": BASE["std"]}
    found, difference = probing.find(lambda picture: preprocessing.pixels([picture], wanted)[0], hints)
    assert difference < 0.01
    # Other settings may do the same to every picture, so the pixels decide.
    assert np.array_equal(preprocessing.pixels(pictures(32), found), preprocessing.pixels(pictures(32), wanted))
    assert (found["mean"], found["std"]) == (BASE["mean"], BASE["std"])


def test_probing_finds_mean_and_deviation_without_hints() -> None:
    wanted = {**BASE, **SETTINGS[0]}
    found, _ = probing.find(lambda picture: preprocessing.pixels([picture], wanted)[0], {})
    assert np.allclose(found["mean"], BASE["mean"], atol=1e-5)
    assert np.allclose(found["std"], BASE["std"], atol=1e-5)


def test_processor_that_no_manifest_describes_is_refused() -> None:
    def mirrored(picture: Image.Image) -> np.ndarray:
        return preprocessing.pixels([ImageOps.mirror(picture)], {**BASE, **SETTINGS[0]})[0]

    with pytest.raises(ExportError, match="no preprocessing that a manifest can describe"):
        probing.find(mirrored, {})


def test_golden_pictures_have_the_pixels_of_the_table() -> None:
    settings = json.loads((DEMO_MODEL / "model.json").read_text(encoding="utf-8"))["image"]
    for case in json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))["images"]:
        if case["file"] == "png_rgb16.png":
            continue  # Pillow cannot read it; see mitsuke_fixtures.golden.
        with Image.open(GOLDEN / case["file"]) as picture:
            opaque = preprocessing.to_rgb(ImageOps.exif_transpose(picture))
        flat = preprocessing.pixels([opaque], settings)[0].flatten()
        for sample in case["sampled"]:
            assert abs(flat[sample["index"]] - sample["value"]) < 1e-4, case["file"]
