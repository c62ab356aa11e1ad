"""The pixels of the reference decoders, in sRGB over white."""

import io
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

# The chromaticities of red, green and blue for the code points of ITU-T H.273, all with the white point D65.
PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


def to_xyz(code: int) -> np.ndarray:
    """Returns the matrix from linear RGB of these primaries to XYZ."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in PRIMARIES[code]]).T
    white = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns * np.linalg.solve(columns, white)


def to_srgb(pixels: np.ndarray, code: int) -> np.ndarray:
    """Converts RGB of other primaries, with the transfer function of sRGB, to sRGB."""
    values = pixels.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ (np.linalg.inv(to_xyz(1)) @ to_xyz(code)).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def tool_of(path: Path) -> str:
    """Returns the reference for a file. avifdec 0.11 does not turn or crop, and does not read all grids, so libheif
    decodes those files."""
    if path.suffix == ".jxl":
        return "djxl"
    turned = re.search("irot|imir|crop|turn|exif|jpeg|tiles", path.name)
    return "avifdec" if path.suffix == ".avif" and not turned else "heif-dec"


def primaries_of(path: Path) -> int:
    """Returns the primaries that a file states by code points. Its name says them."""
    found = re.search(r"primaries(\d+)-|cicp-(\d+)-", path.name)
    return int(found.group(1) or found.group(2)) if found else 1


def decode(path: Path, stored: bool = False) -> np.ndarray:
    """Decodes a file with heif-dec, avifdec or djxl. Colours become sRGB, unless they are asked for as `stored`."""
    tool, primaries = tool_of(path), primaries_of(path)
    target = path.with_name(path.name + f".{tool}.png")
    if not target.exists():
        command = {
            # Mitsuke interpolates chroma, as libheif does if it is asked to, and as Apple and libavif do.
            "heif-dec": ["heif-dec", "-C", "bilinear", path, "-o", target],
            "avifdec": ["avifdec", "-d", "8", path, target],
            "djxl": ["djxl", path, target],
        }[tool]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not target.exists():
        # heif-dec numbers the pictures of a file that holds several.
        target = next(path.parent.glob(f"{path.name}.{tool}-1*.png"))
    with Image.open(target) as picture:
        icc = picture.info.get("icc_profile")
        if picture.mode.startswith("I"):
            picture = Image.fromarray((np.asarray(picture).astype(np.uint32) // 257).astype(np.uint8))
        rgba = picture.convert("RGBA")
    pixels = np.asarray(rgba)
    rgb, alpha = Image.fromarray(pixels[..., :3]), pixels[..., 3:].astype(np.uint32)
    if stored:
        icc, primaries = None, 1
    if icc and icc[16:20] == b"RGB ":
        srgb = ImageCms.createProfile("sRGB")
        rgb = ImageCms.profileToProfile(rgb, ImageCms.ImageCmsProfile(io.BytesIO(icc)), srgb)
    colors = np.asarray(rgb)
    if not icc and primaries in PRIMARIES and primaries != 1:
        colors = to_srgb(colors, primaries)
    if tool == "heif-dec" and "premultiplied" in path.name:
        # heif-dec writes the colours of such files as they are, multiplied by alpha.
        return np.minimum(255, colors.astype(int) + 255 - alpha).astype(np.uint8)
    return ((colors * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
