"""The pictures and texts that are measured with."""

from __future__ import annotations

import io
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

# The number of pictures that are taken in turn.
PICTURES = 12
# Width and height of a large picture.
LARGE = (4000, 3000)
# The text that `mitsuke bench` encodes.
TEXT = "夕焼けの海と白い船"
WORDS = (
    "猫 犬 鳥 魚 馬 空 海 山 川 森 花 桜 雪 雨 風 星 月 太陽 夕焼け 街 駅 電車 車 自転車 道 橋 家 庭 寿司 果物 "
    "赤い屋根 青い車 緑の丘 白い船 黒い犬 大きな木 古い寺 静かな湖 女の子 男の子 家族 帽子 笑顔 浴衣 写真 絵 風景"
).split()


def photos(folder: Path) -> list[bytes]:
    """Returns the first JPEG photographs of a folder."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))[:PICTURES]
    if not paths:
        raise SystemExit(f"error: {folder} holds no .jpg file. Give --photos a folder of photographs.")
    return [path.read_bytes() for path in paths]


def uploads(photographs: list[bytes]) -> Iterator[bytes]:
    """Yields the photographs again and again. Bytes behind the end of a JPEG make each a file that no server knows."""
    for photograph in itertools.cycle(photographs):
        yield photograph + os.urandom(8)


def large(photographs: list[bytes]) -> list[bytes]:
    """Returns photographs enlarged to the size of a camera's pictures: 12 megapixels, about 4 MB."""
    from PIL import Image, ImageFilter

    noise = Image.effect_noise(LARGE, 12).convert("RGB")
    pictures = []
    for photograph in photographs:
        enlarged = Image.open(io.BytesIO(photograph)).convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
        # An enlarged picture has no fine detail, which is what a camera's file mostly consists of.
        detailed = Image.blend(enlarged, noise, 0.12).filter(ImageFilter.SHARPEN)
        written = io.BytesIO()
        detailed.save(written, "JPEG", quality=90)
        pictures.append(written.getvalue())
    return pictures


def queries() -> Iterator[str]:
    """Yields texts of usual length, none of them twice, so that no cache of queries answers."""
    texts = list(itertools.permutations(WORDS, 3))
    random.Random(1).shuffle(texts)
    yield from ("と".join(words) for words in texts)
    raise SystemExit("error: all texts have been used; measure for fewer --seconds.")
