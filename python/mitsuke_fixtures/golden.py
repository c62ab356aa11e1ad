"""Writes crates/clip/tests/golden: small pictures and texts with the results of the Python reference.

    python -m mitsuke_fixtures.golden [models/demo]

The tests hold Mitsuke's pipeline in Rust (decoding, preprocessing, tokenizer, encoders) against this table, so it is
made again whenever the model changes. The pictures are drawn by formulas, need no licence, and have the same bytes
every time. Needs pip install -e './python[demo]'.
"""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .paths import DEMO_MODEL, GOLDEN

# Pixels of each picture that the table holds.
SAMPLES = 64


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draws a landscape with gradients, edges, circles and fine stripes, on which ways of resizing differ."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    sky = np.stack([90 + 120 * v, 140 + 60 * v, 230 - 60 * v], -1)
    ground = np.stack([60 + 60 * u, 120 - 30 * u, 50 + 0 * u], -1)
    stripes = 25 * np.sin(x * 0.9 + seed)[..., None] * np.array([1, 1, 0.5])
    hill = 0.6 + 0.12 * np.sin(u * 7 + seed)
    pixels = np.where((v > hill)[..., None], ground + stripes, sky)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)
    size = min(width, height)
    draw.ellipse([width * 0.15, height * 0.1, width * 0.15 + size * 0.25, height * 0.1 + size * 0.25], fill=(255, 190, 40))
    draw.polygon([(width * 0.55, height * 0.75), (width * 0.7, height * 0.4), (width * 0.85, height * 0.75)], fill=(190, 40, 50))
    return image


def with_alpha(image: Image.Image) -> Image.Image:
    """Returns a picture that grows transparent towards its edges."""
    width, height = image.size
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (height / 2))
    image = image.convert("RGBA")
    image.putalpha(Image.fromarray((255 * (1.2 - distance)).clip(0, 255).astype(np.uint8)))
    return image


def picture_cases() -> list[tuple[str, Image.Image, dict]]:
    """Returns (file name, picture, options of Pillow's encoder) of every file that Pillow can write."""
    base = scene(200, 150)
    grey16 = (np.asarray(scene(120, 90, 3).convert("L")).astype(np.uint32) * 257 + np.arange(120)[None] * 3).clip(0, 65535)
    cases = [
        ("jpeg_baseline.jpg", base, {"quality": 90}),
        ("jpeg_progressive.jpg", scene(200, 150, 1), {"quality": 85, "progressive": True}),
        ("jpeg_444.jpg", scene(161, 97, 2), {"quality": 95, "subsampling": 0}),
        ("jpeg_grey.jpg", scene(130, 100, 4).convert("L"), {"quality": 90}),
        ("jpeg_cmyk.jpg", scene(128, 96, 5).convert("CMYK"), {"quality": 95}),
        ("png_rgb.png", scene(150, 200, 6), {}),
        ("png_alpha.png", with_alpha(scene(180, 180, 7)), {}),
        ("png_grey.png", scene(120, 90, 8).convert("L"), {}),
        ("png_grey_alpha.png", with_alpha(scene(90, 120, 9)).convert("LA"), {}),
        ("png_grey16.png", Image.fromarray(grey16.astype(np.uint16)), {}),
        ("png_palette.png", scene(160, 120, 10).quantize(32), {}),
        ("png_palette_alpha.png", with_alpha(scene(120, 120, 11)).quantize(48), {}),
        ("png_bilevel.png", scene(100, 80, 12).convert("1"), {}),
        ("png_square_224.png", scene(224, 224, 13), {}),
        ("gif.gif", scene(140, 110, 14).quantize(64), {}),
        ("webp_lossy.webp", scene(200, 140, 15), {"quality": 85}),
        ("webp_lossless_alpha.webp", with_alpha(scene(120, 100, 16)), {"lossless": True}),
        ("bmp.bmp", scene(90, 60, 17), {}),
        ("tiff_lzw.tif", scene(110, 90, 18), {"compression": "tiff_lzw"}),
        ("tiff_plain.tif", scene(80, 60, 19), {}),
        ("tall.png", scene(40, 600, 20), {}),
        ("wide.png", scene(700, 30, 21), {}),
        ("one_pixel.png", Image.new("RGB", (1, 1), (200, 30, 60)), {}),
        ("two_by_one.png", Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)), {}),
        ("large.jpg", scene(1600, 1067, 22), {"quality": 70}),
    ]
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        # Chroma is kept in full, because JPEG decoders differ in how they enlarge halved chroma.
        options = {"quality": 90, "subsampling": 0, "exif": exif}
        cases.append((f"exif_{orientation}.jpg", scene(120, 80, 23), options))
    return cases


def png_rgb16() -> tuple[bytes, Image.Image]:
    """Returns a 16-bit RGB PNG, which Pillow cannot write, and its 8-bit form.

    Pillow reads such files by dropping the low bytes. The reference is value / 257, rounded.
    """
    import struct
    import zlib

    eight = np.asarray(scene(96, 72, 24)).astype(np.uint32)
    sixteen = (eight * 257 + (np.arange(96)[None, :, None] * 2)).clip(0, 65535).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in sixteen)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 96, 72, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    rounded = (sixteen.astype(np.uint32) + 128) // 257
    return data, Image.fromarray(rounded.astype(np.uint8))


TEXTS = [
    "猫", "犬", "ねこ", "ネコ", "子猫", "夕焼け", "夕焼けの海", "雪の積もった山", "青い車が走っている", "赤い花の写真",
    "お寿司", "ラーメンを食べる人", "夜空に輝く星", "桜並木の下を歩く家族", "東京タワーの夜景", "紅葉した森の中の小さな湖",
    "cat", "a photo of a dog", "red car", "Sunset over the sea", "SNOWY MOUNTAIN", "people walking in the rain",
    "🐱", "🍣🍜", "👨‍👩‍👧‍👦", "❤️", "犬 と cat 🐕",
    "ＡＢＣ　１２３", "ﾈｺ", "ｶﾞﾝﾀﾞﾑ", "①㍻㌔", "Ｓｕｎｓｅｔ",
    "  先頭と末尾の空白  ", "改行\nと\tタブ", "全角　空白　だらけ", "", " ", "　", "。", "a",
    "髙橋さんと𠮷野家と﨑", "한국어 텍스트", "Привет мир", "<b>太字</b> &amp; 記号 #タグ @名前 https://example.org/",
    "とても長い説明文です。" * 12,
    "The quick brown fox jumps over the lazy dog and keeps running through the forest until night falls. " * 4,
]  # fmt: skip


def picture_files() -> tuple[dict[str, bytes], dict[str, Image.Image]]:
    """Returns the bytes of every picture file, and the pictures that Pillow cannot read from them."""
    files = {}
    for name, image, options in picture_cases():
        buffer = io.BytesIO()
        extension = name.rsplit(".", 1)[1]
        image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(extension, extension.upper()), **options)
        files[name] = buffer.getvalue()
    files["png_rgb16.png"], rgb16 = png_rgb16()
    return files, {"png_rgb16.png": rgb16}


def sampled(pixels: np.ndarray) -> dict:
    """Returns the means of the channels and some pixels of an input, float32 [3, height, width]."""
    flat = pixels.flatten()
    # A stride that shares no factor with the row length visits rows, columns and channels evenly.
    chosen = [(i * (len(flat) // SAMPLES) + i * 7) % len(flat) for i in range(SAMPLES)]
    return {
        "mean": [round(float(v), 5) for v in pixels.mean((1, 2))],
        "sampled": [{"index": i, "value": round(float(flat[i]), 5)} for i in chosen],
    }


def table(pipeline, files: dict[str, bytes], pictures: dict[str, Image.Image]) -> str:
    """Returns the content of golden.json."""
    images = []
    for name, data in files.items():
        image = pictures.get(name) or Image.open(io.BytesIO(data))
        about = {"file": name, "size": list(image.size), **sampled(pipeline.pixels(image))}
        images.append({**about, "vector": rounded(pipeline.image(image))})
    texts = [{"text": text, "ids": pipeline.ids(text), "vector": rounded(pipeline.text(text))} for text in TEXTS]
    head = {name: pipeline.manifest[name] for name in ("model_name", "model_version")}
    return '{\n"model": %s,\n"images": [\n%s\n],\n"texts": [\n%s\n]\n}\n' % (json.dumps(head), lines(images), lines(texts))


def rounded(vector) -> list[float]:
    """Returns a vector as numbers with six decimals, and raises when one is not finite."""
    numbers = [round(float(v), 6) for v in vector]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("the model gives vectors that are not finite numbers")
    return numbers


def lines(cases: list[dict]) -> str:
    """Returns cases as JSON, one a line."""
    return ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)


def main() -> None:
    """Writes the folder anew; files that are not part of it go."""
    from mitsuke_demo.pipeline import Pipeline

    pipeline = Pipeline(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO_MODEL)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    files, pictures = picture_files()
    for old in GOLDEN.iterdir():
        if old.name not in files and old.name != "golden.json":
            old.unlink()
    for name, data in files.items():
        target = GOLDEN / name
        if not target.exists() or target.read_bytes() != data:
            target.write_bytes(data)
    (GOLDEN / "golden.json").write_text(table(pipeline, files, pictures), encoding="utf-8")
    total = sum(f.stat().st_size for f in GOLDEN.iterdir())
    print(f"{len(files)} pictures, {len(TEXTS)} texts, {total / 1e6:.2f} MB in {GOLDEN}")


if __name__ == "__main__":
    main()
