"""Debian's openclipart (public domain). Labels come from its SVG package, pictures from its PNG package."""

from __future__ import annotations

import collections
import html
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

SIZE = 144
# The package is trusted, and a few of its pictures are larger than Pillow's limit.
Image.MAX_IMAGE_PIXELS = None

# Folders of icon themes, arrows and flags, whose labels say nothing about what the pictures show.
_SKIPPED = (
    "shapes/stars", "shapes/arrows", "shapes/jigsaw", "shapes/callouts", "shapes/flowchart", "special",
    "signs_and_symbols/flags", "signs_and_symbols/led", "computer/icons/flat-theme",
    "computer/icons/lemon-theme", "computer/icons/etiquette", "computer/buttons", "unsorted/duplicates",
)  # fmt: skip
# Labels that name a place in the collection instead of a thing.
_EMPTY_WORDS = set(
    "hash unsorted openclipart icon icons appicon symbol symbols signs_and_symbols mapsym simple bordered "
    "desktop shape shapes entertainment recreation geography equipment special clip_art clipart clip art "
    "png svg".split()
)


def _labels(svg: Path) -> tuple[str, list[str]]:
    """Returns title and lower-case words of a drawing's metadata; an empty title where there is none."""
    text = svg.read_text(encoding="utf8", errors="ignore")[:20000]
    found = re.search(r"<dc:title[^>]*>([^<]+)<", text)
    title = html.unescape(found.group(1)).strip() if found else ""
    found = re.search(r"<dc:subject>(.*?)</dc:subject>", text, re.S)
    words = re.findall(r"<rdf:li>([^<]+)<", found.group(1)) if found else []
    return title, [html.unescape(word).strip().lower() for word in words]


def _clean_title(title: str) -> str:
    """Returns a title in lower case without authors, numbers and file-name marks."""
    title = re.sub(r"(?i)clipart by nicu buculei\s*-?|architetto.*|\bby\b.*|[\d_#()]+", " ", title)
    return re.sub(r"\s+", " ", title).strip(" -,.").lower()


def prepare(debian: Path, out: Path) -> None:
    """Writes out/openclipart.rgba and out/openclipart.json ([{key, title, words}]), in the layout of render.mjs."""
    if (out / "openclipart.json").exists():
        return
    png = debian / "openclipart-png/usr/share/openclipart/png"
    svg = debian / "openclipart-svg/usr/share/openclipart/svg"
    rows = []
    for picture in sorted(png.rglob("*.png")):
        name = str(picture.relative_to(png).with_suffix(""))
        if name.startswith(_SKIPPED):
            continue
        drawing = svg / f"{name}.svg"
        title, words = _labels(drawing) if drawing.exists() else ("", [])
        rows.append((picture, name, _clean_title(title), words))
    frequency = collections.Counter(word for row in rows for word in row[3])

    items, pixels = [], []
    for picture, name, title, words in tqdm(rows, desc="openclipart"):
        words = [
            word.replace("_", " ")
            for word in words
            if word not in _EMPTY_WORDS and frequency[word] >= 2 and "architetto" not in word and len(word) > 2
        ]
        if len(title) < 3 and not words:
            continue
        try:
            image = Image.open(picture).convert("RGBA")
        except OSError:
            continue
        box = image.getchannel("A").getbbox()
        if not box:
            continue
        image = image.crop(box)
        image.thumbnail((SIZE, SIZE), Image.LANCZOS)
        canvas = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
        canvas.paste(image, ((SIZE - image.width) // 2, (SIZE - image.height) // 2))
        pixels.append(np.asarray(canvas))
        items.append({"key": name, "title": title if len(title) >= 3 else "", "words": words[:8]})
    np.stack(pixels).tofile(out / "openclipart.rgba")
    (out / "openclipart.json").write_text(json.dumps(items))
