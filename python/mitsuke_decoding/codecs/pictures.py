"""The pictures that are encoded: one with everything that decoders can get wrong."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
    "A red kite</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def photo(width: int, height: int, seed: int, noise: float = 6.0) -> Image.Image:
    """Returns a picture with gradients, edges, saturated colours, thin lines and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [np.sin(x / (9 + 3 * c) + seed) + np.cos(y / (14 + 4 * c) - c) for c in range(3)]
    pixels = np.stack([128 + 50 * wave for wave in waves], axis=-1)
    pixels[..., 0] += 60 * x / width
    pixels[..., 2] += 60 * y / height
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = random.integers(0, width), random.integers(0, height)
        size = int(random.integers(4, 4 + max(width, height) // 4))
        color = tuple(int(c) for c in random.choice([0, 40, 128, 220, 255], 3))
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((left, top, left + size, top + size), fill=color)
    draw.line((0, 0, width, height), fill=(255, 255, 255), width=2)
    noisy = np.asarray(picture, np.float64) + random.normal(0, noise, (height, width, 1))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def with_alpha(picture: Image.Image) -> Image.Image:
    """Returns the picture with an alpha channel that fades to the right, with a clear corner."""
    width, height = picture.size
    fade = np.tile(np.linspace(255, 20, width), (height, 1))
    fade[: height // 3, : width // 3] = 0
    picture = picture.convert("RGBA")
    picture.putalpha(Image.fromarray(fade.astype(np.uint8)))
    return picture


def exif(orientation: int | None = None) -> bytes:
    """Returns an EXIF structure with a description, and an orientation if one is given."""
    fields = Image.Exif()
    fields[0x010E] = "A red kite"
    if orientation:
        fields[0x0112] = orientation
    return fields.tobytes()


def save(picture: Image.Image, path: Path, orientation: int | None = None, icc: bytes | None = None) -> Path:
    """Writes a PNG with EXIF and XMP, from which the encoders take them."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", XMP)
    picture.save(path, exif=exif(orientation), pnginfo=texts, icc_profile=icc, compress_level=1)
    return path


def save_deep(picture: Image.Image, path: Path) -> Path:
    """Writes a binary PPM of 16 bits, which is shifted a little so that the lower bits count."""
    deep = np.asarray(picture.convert("RGB"), np.uint16) * 257
    deep = np.minimum(deep.astype(np.uint32) + 77, 65535).astype(">u2")
    path.write_bytes(b"P6 %d %d 65535\n" % picture.size + deep.tobytes())
    return path


def png16(picture: Image.Image, path: Path) -> Path:
    """Writes a PNG of 16 bits for each colour."""
    import struct
    import zlib

    deep = (np.asarray(picture.convert("RGB"), np.uint32) * 257 + 77).clip(0, 65535).astype(">u2")
    width, height = picture.size
    rows = b"".join(b"\0" + row.tobytes() for row in deep)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
    return path


def srgb_profile() -> bytes:
    """Returns an ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_profile() -> bytes:
    """Returns an ICC profile with the primaries of Display P3 and a gamma of 2.2."""
    # The profile that LittleCMS makes for sRGB, with other columns in the matrix (D50, from Apple's Display P3).
    data = bytearray(srgb_profile())
    columns = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.15710, 0.06657, 0.78407)}
    count = int.from_bytes(data[128:132], "big")
    for entry in range(count):
        at = 132 + 12 * entry
        if (column := columns.get(bytes(data[at : at + 4]))) is not None:
            start = int.from_bytes(data[at + 4 : at + 8], "big") + 8
            for n, value in enumerate(column):
                data[start + 4 * n : start + 4 * n + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
    ImageCms.ImageCmsProfile(io.BytesIO(bytes(data)))
    return bytes(data)
