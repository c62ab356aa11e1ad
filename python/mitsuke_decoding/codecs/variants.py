"""The files that are compared: every option of the encoders that changes how a file must be decoded."""

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from . import pictures

SIZES = [(64, 64), (161, 121), (257, 130), (33, 47), (320, 240)]
Encode = Callable[[Path], None]


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Inputs:
    """Writes the inputs of the encoders, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def png(self, size: tuple[int, int], seed: int = 0, kind: str = "RGB", orientation=None, icc=None) -> Path:
        name = f"{size[0]}x{size[1]}-{seed}-{kind}-{orientation}-{len(icc or b'')}.png"
        if (path := self.folder / name).exists():
            return path
        picture = pictures.photo(*size, seed)
        picture = pictures.with_alpha(picture) if kind == "RGBA" else picture.convert(kind)
        return pictures.save(picture, path, orientation, icc)

    def png16(self, size: tuple[int, int], seed: int = 0) -> Path:
        path = self.folder / f"{size[0]}x{size[1]}-{seed}-16.png"
        return path if path.exists() else pictures.png16(pictures.photo(*size, seed), path)

    def jpeg(self, size: tuple[int, int], seed: int = 0, kind: str = "RGB", **options) -> Path:
        words = "-".join(f"{key}{value}" for key, value in options.items())
        path = self.folder / f"{size[0]}x{size[1]}-{seed}-{kind}-{words}.jpg"
        if not path.exists():
            exif = pictures.exif(options.pop("orientation", None))
            pictures.photo(*size, seed).convert(kind).save(path, exif=exif, **options)
        return path


def heif(inputs: Inputs, avif: bool) -> Iterator[tuple[str, Encode]]:
    """Returns the variants that heif-enc writes."""
    fast = ["--avif", "-p", "speed=9"] if avif else ["--hevc", "-p", "preset=ultrafast"]

    def encoder(source: Path, *options: object) -> Encode:
        sources = [source] if isinstance(source, Path) else source
        return lambda target: run("heif-enc", *fast, *options, *sources, "-o", target)

    for size, quality, chroma in itertools.product(SIZES, [30, 60, 95], [420, 422, 444]):
        source = inputs.png(size, quality)
        yield f"q{quality}-{chroma}-{size[0]}", encoder(source, "-q", quality, "-p", f"chroma={chroma}")
    for size, depth, chroma in itertools.product(SIZES[1:4], [10, 12], [420, 422, 444]):
        yield f"{depth}bit-{chroma}-{size[0]}", encoder(inputs.png16(size), "-b", depth, "-q", 80, "-p", f"chroma={chroma}")
    for matrix, full, chroma in itertools.product([1, 5, 6, 9], [0, 1], [420, 444]):
        options = ["--matrix_coefficients", matrix, "--full_range_flag", full, "-p", f"chroma={chroma}"]
        yield f"matrix{matrix}-full{full}-{chroma}", encoder(inputs.png(SIZES[1], matrix), "-q", 85, *options)
    for primaries, transfer in [(1, 13), (1, 1), (12, 13), (9, 13), (5, 6), (6, 6), (2, 2)]:
        options = ["--colour_primaries", primaries, "--transfer_characteristic", transfer]
        yield f"primaries{primaries}-{transfer}", encoder(inputs.png(SIZES[4], primaries), "-q", 85, *options)
    for size in SIZES:
        yield f"lossless-{size[0]}", encoder(inputs.png(size, 7), "-L")
        yield f"grey-{size[0]}", encoder(inputs.png(size, 8, "L"), "-q", 80)
        yield f"alpha-{size[0]}", encoder(inputs.png(size, 9, "RGBA"), "-q", 80)
        yield f"premultiplied-{size[0]}", encoder(inputs.png(size, 9, "RGBA"), "-q", 90, "--premultiplied-alpha")
        yield f"thumbnail-{size[0]}", encoder(inputs.png(size, 10), "-t", 32, "-q", 70)
    for size, tile in itertools.product([(320, 240), (517, 389), (1030, 700)], [128, 256, 512]):
        for kind in ["RGB", "RGBA"]:
            yield f"tiles{tile}-{size[0]}-{kind}", encoder(inputs.png(size, tile, kind), "-q", 75, "--cut-tiles", tile)
    for angle, flip in itertools.product([0, 90, 180, 270], [[], ["--flip-h"], ["--flip-v"]]):
        options = ["--rotate-cw", angle, *flip]
        yield f"turn{angle}{''.join(flip)}", encoder(inputs.png(SIZES[1], 11), "-q", 80, *options)
        yield f"turn{angle}{''.join(flip)}-tiles", encoder(inputs.png((517, 389), 12), "-q", 70, "--cut-tiles", 256, *options)
    for orientation in range(1, 9):
        yield f"exif{orientation}", encoder(inputs.png(SIZES[2], 13, orientation=orientation), "-q", 80)
        yield f"jpeg-exif{orientation}", encoder(inputs.jpeg(SIZES[2], 13, orientation=orientation), "-q", 80)
    for name, icc in [("srgb", pictures.srgb_profile()), ("wide", pictures.wide_profile())]:
        yield f"icc-{name}", encoder(inputs.png(SIZES[4], 14, icc=icc), "-q", 85)
        yield f"icc-{name}-alpha", encoder(inputs.png(SIZES[4], 14, "RGBA", icc=icc), "-q", 85)
        yield f"icc-{name}-nclx", encoder(inputs.png(SIZES[4], 14, icc=icc), "-q", 85, "--enable-two-colr-boxes")
    for gop in ["intra-only", "low-delay", "unrestricted"]:
        frames = [inputs.png(SIZES[4], seed) for seed in range(3)]
        yield f"sequence-{gop}", encoder(frames, "-S", "-q", 70, "--gop-structure", gop)
    yield "two-pictures", encoder([inputs.png(SIZES[4], 1), inputs.png(SIZES[1], 2)], "-q", 70)
    if not avif:
        for preset in ["ultrafast", "medium", "slower"]:
            for options in [[], ["-p", "x265:ctu=16"], ["-p", "x265:ctu=32", "-p", "x265:rect=1", "-p", "x265:amp=1"], ["-p", "x265:sao=0"],
                            ["-p", "x265:deblock=-3"], ["-p", "x265:tskip=1"], ["-p", "x265:cu-lossless=1"],
                            ["-p", "x265:scaling-list=default"], ["-p", "x265:slices=3"], ["-p", "x265:wpp=0"], ["-p", "x265:signhide=0"],
                            ["-p", "x265:strong-intra-smoothing=0"], ["-p", "x265:cbqpoffs=6", "-p", "x265:crqpoffs=-6"], ["-p", "x265:aq-mode=3"]]:
                words = "".join(option.removeprefix("x265:") for option in options[1::2])
                source = inputs.png((320, 240), 15)
                yield f"x265-{preset}-{words}", lambda target, source=source, options=options, preset=preset: run(
                    "heif-enc", "--hevc", "-q", 55, "-p", f"preset={preset}", *options, source, "-o", target)


def avifenc(inputs: Inputs) -> Iterator[tuple[str, Encode]]:
    """Returns the variants that avifenc writes."""

    def encoder(source: Path, *options: object) -> Encode:
        sources = [source] if isinstance(source, Path) else source
        return lambda target: run("avifenc", "-s", 8, *options, *sources, target)

    for size, yuv, depth in itertools.product(SIZES, [400, 420, 422, 444], [8, 10, 12]):
        options = ["-y", yuv, "-d", depth, "--min", 10, "--max", 40]
        yield f"avifenc-{yuv}-{depth}bit-{size[0]}", encoder(inputs.png(size, depth), *options)
    for codec, yuv, depth in itertools.product(["aom", "rav1e", "svt"], [420], [8, 10]):
        yield f"avifenc-{codec}-{yuv}-{depth}", encoder(inputs.png((320, 240), 3), "-c", codec, "-y", yuv, "-d", depth)
    for full, depth in itertools.product(["l", "f"], [8, 10, 12]):
        yield f"avifenc-range-{full}-{depth}", encoder(inputs.png(SIZES[1], 4), "-r", full, "-d", depth)
        yield f"avifenc-range-{full}-{depth}-alpha", encoder(inputs.png(SIZES[1], 4, "RGBA"), "-r", full, "-d", depth)
    for cicp in ["1/13/6", "1/13/1", "9/13/9", "12/13/12", "12/13/6", "1/13/8", "2/2/2", "1/13/0", "6/6/6", "1/1/4", "5/13/7"]:
        yield f"avifenc-cicp-{cicp.replace('/', '-')}", encoder(inputs.png((320, 240), 5), "--cicp", cicp, "-y", 444)
    for size in SIZES:
        yield f"avifenc-lossless-{size[0]}", encoder(inputs.png(size, 6), "-l")
        yield f"avifenc-alpha-{size[0]}", encoder(inputs.png(size, 6, "RGBA"))
        yield f"avifenc-premultiplied-{size[0]}", encoder(inputs.png(size, 6, "RGBA"), "-p", "--min", 5, "--max", 20)
    for angle, mirror in itertools.product([None, 0, 1, 2, 3], [None, 0, 1]):
        options = ["--irot", angle] if angle is not None else []
        options += ["--imir", mirror] if mirror is not None else []
        yield f"avifenc-irot{angle}-imir{mirror}", encoder(inputs.png(SIZES[2], 7), *options)
    for crop in ["0,0,100,80", "20,10,64,64", "56,40,104,80"]:
        yield f"avifenc-crop-{crop.replace(',', '-')}", encoder(inputs.png((160, 120), 8), "--crop", crop)
    for grid in ["1x2", "2x2", "4x2"]:
        yield f"avifenc-grid-{grid}", encoder(inputs.png((512, 256), 9), "-g", grid)
        yield f"avifenc-grid-{grid}-alpha", encoder(inputs.png((512, 256), 9, "RGBA"), "-g", grid)
    for tiles in [1, 2]:
        yield f"avifenc-av1-tiles{tiles}", encoder(inputs.png((1030, 700), 10), "--tilerowslog2", tiles, "--tilecolslog2", tiles)
    for grain in [1, 5, 12]:
        yield f"avifenc-grain{grain}", encoder(inputs.png((320, 240), 11), "-a", f"film-grain-test={grain}")
    for alpha in ["RGB", "RGBA"]:
        yield f"avifenc-frames-{alpha}", encoder([inputs.png((320, 240), seed, alpha) for seed in range(3)])
    yield "avifenc-jpeg", encoder(inputs.jpeg((321, 241), 12, orientation=6))
    yield "avifenc-icc", encoder(inputs.png((320, 240), 13, icc=pictures.wide_profile()))


def jxl(inputs: Inputs) -> Iterator[tuple[str, Encode]]:
    """Returns the variants that cjxl writes."""

    def encoder(source: Path, *options: str) -> Encode:
        return lambda target: run("cjxl", source, target, "--num_threads=0", *options)

    for size, distance, modular in itertools.product(SIZES, [0.5, 1, 3, 8], [0, 1]):
        yield f"d{distance}-m{modular}-{size[0]}", encoder(inputs.png(size, int(distance)), "-e", "4", "-d", str(distance), "-m", str(modular))
    for size, effort in itertools.product(SIZES, [1, 3, 7, 9]):
        yield f"lossless-e{effort}-{size[0]}", encoder(inputs.png(size, effort), "-d", "0", "-e", str(effort))
        yield f"d1-e{effort}-{size[0]}", encoder(inputs.png(size, effort), "-d", "1", "-e", str(effort))
    for kind, distance, container in itertools.product(["L", "LA", "RGB", "RGBA"], [0, 1.5], [0, 1]):
        for size in SIZES[:3]:
            source = inputs.png(size, 5, "RGBA" if kind == "RGBA" else kind)
            yield f"{kind}-d{distance}-c{container}-{size[0]}", encoder(source, "-e", "4", "-d", str(distance), f"--container={container}")
    for size, distance in itertools.product(SIZES, [0, 1]):
        yield f"16bit-d{distance}-{size[0]}", encoder(inputs.png16(size), "-e", "4", "-d", str(distance))
        yield f"premultiplied-d{distance}-{size[0]}", encoder(inputs.png(size, 6, "RGBA"), "-d", str(distance), "--premultiply=1")
    for subsampling, progressive, quality, kind in itertools.product([0, 1, 2], [False, True], [60, 95], ["RGB", "L"]):
        source = inputs.jpeg((321, 241), 7, kind, subsampling=subsampling, progressive=progressive, quality=quality)
        yield f"jpeg-{kind}-{subsampling}-{progressive}-{quality}", encoder(source)
    for orientation in range(1, 9):
        yield f"jpeg-exif{orientation}", encoder(inputs.jpeg((161, 121), 8, orientation=orientation))
        yield f"exif{orientation}", encoder(inputs.png((161, 121), 8, orientation=orientation), "-d", "1")
    for options in [["-p"], ["--progressive_ac"], ["--qprogressive_ac"], ["--progressive_dc=1"], ["--progressive_dc=2"], ["--photon_noise=ISO1600"], ["--dots=1"],
                    ["--patches=1", "-e", "8"], ["--resampling=2"], ["--resampling=4"], ["--epf=3"], ["--epf=0"], ["--gaborish=0"],
                    ["--faster_decoding=4"], ["--group_order=1"], ["-d", "0", "-C", "0"], ["-d", "0", "-C", "6"], ["-d", "0", "-C", "20"],
                    ["-d", "0", "-g", "0"], ["-d", "0", "-g", "3"], ["-d", "0", "-P", "15"], ["-d", "0", "-P", "5"], ["-d", "0", "-R", "1"],
                    ["-m", "1", "-d", "2"], ["-m", "1", "--modular_lossy_palette", "--modular_palette_colors=0", "-d", "0"], ["--codestream_level=10"],
                    ["--intensity_target=1000"], ["-x", "color_space=RGB_D65_DCI_Rel_SRG"], ["-x", "color_space=RGB_D65_202_Rel_Lin"],
                    ["--keep_invisible=0"], ["--already_downsampled", "--resampling=2"], ["--ec_resampling=2"]]:
        words = "".join(options).strip("-").replace("=", "")
        yield f"option-{words}", encoder(inputs.png((517, 389), 9), *options)
        yield f"option-{words}-alpha", encoder(inputs.png((321, 243), 9, "RGBA"), *options)
    for name, icc in [("srgb", pictures.srgb_profile()), ("wide", pictures.wide_profile())]:
        for distance in [0, 1]:
            yield f"icc-{name}-d{distance}", encoder(inputs.png((320, 240), 10, icc=icc), "-d", str(distance))
    frames = [pictures.photo(160, 120, seed) for seed in range(3)]
    for name, options in [("gif", {}), ("png", {"default_image": False})]:
        path = inputs.folder / f"animation.{name}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
        yield f"animation-{name}", encoder(path)
        yield f"animation-{name}-lossy", encoder(path, "-d", "2")
    Image.new("RGB", (1, 1), (9, 99, 199)).save(inputs.folder / "dot.png")
    yield "dot", encoder(inputs.folder / "dot.png", "-d", "0")


def variants(inputs: Inputs) -> dict[str, list[tuple[str, Encode]]]:
    """Returns the variants of each format by its extension."""
    return {
        "heic": list(heif(inputs, avif=False)),
        "avif": [*heif(inputs, avif=True), *avifenc(inputs)],
        "jxl": list(jxl(inputs)),
    }
