#!/usr/bin/env python3
"""Writes the licences of everything that the program contains.

    packaging/licences.py crates > crates.txt            every Rust crate that is linked into the program
    packaging/licences.py folder DIR... > libtorch.txt   the texts of these folders, as scripts/libtorch.sh keeps them

Equal texts are printed once, under the names of all that have them. `--target TRIPLE` names another platform than this
machine's. A crate without a text of its own is listed with the licence that it names, and with where its source is.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

NAME = re.compile(r"^(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
SOURCE_CODE = {".rs", ".c", ".h", ".py", ".js", ".json", ".toml", ".sh"}
ROOT = "mitsuke"


def texts_below(folder):
    """Returns the licence texts below a folder, as pairs of relative path and text."""
    found = []
    for path in sorted(folder.rglob("*")):
        if NAME.match(path.name) and path.is_file() and path.suffix.lower() not in SOURCE_CODE:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            if text:
                found.append((path.relative_to(folder).as_posix(), text))
    return found


def host_triple():
    """Returns the platform of this machine, as rustc names it."""
    lines = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.removeprefix("host: ") for line in lines if line.startswith("host: "))


def linked_crates(target):
    """Returns the packages that are linked into the program: no macros, no build scripts, no tests."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target or host_triple()]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    members = set(metadata["workspace_members"])
    waiting = [id for id in members if packages[id]["name"] == ROOT]
    linked = set()
    while waiting:
        id = waiting.pop()
        if id in linked or any("proc-macro" in target["kind"] for target in packages[id]["targets"]):
            continue
        linked.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return sorted((packages[id] for id in linked - members), key=lambda p: (p["name"], p["version"]))


def grouped(named_texts):
    """Returns pairs of text and the names that have it, in the order of the first name."""
    groups = {}
    for name, text in named_texts:
        groups.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    return list(groups.values())


def write(head, named_texts):
    print(head)
    for text, names in grouped(named_texts):
        print("\n" + "=" * 80)
        for name in names:
            print(name)
        print("=" * 80 + "\n")
        print(text)


def crates(target):
    rows, named_texts = [], []
    for package in linked_crates(target):
        title = f"{package['name']} {package['version']}"
        texts = texts_below(Path(package["manifest_path"]).parent)
        source = package["repository"] or f"crate {package['name']}"
        rows.append(f"{title}: {package['license'] or 'see its text'}" + ("" if texts else f" (no text; {source})"))
        named_texts += [(f"{title}: {path}", text) for path, text in texts]
    head = "The program contains these Rust crates, each under the licence behind its name.\n\n" + "\n".join(rows)
    write(head, named_texts)


def folders(paths):
    named_texts = []
    for path in map(Path, paths):
        texts = texts_below(path)
        if not texts:
            sys.exit(f"licences: {path} holds no licence text")
        named_texts += texts
    write("The folder lib holds libtorch and the libraries that it needs, under these licences.", named_texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_crates = commands.add_parser("crates")
    of_crates.add_argument("--target", help="platform, as rustc names it")
    of_folder = commands.add_parser("folder")
    of_folder.add_argument("folder", nargs="+")
    arguments = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    if arguments.command == "crates":
        crates(arguments.target)
    else:
        folders(arguments.folder)


if __name__ == "__main__":
    main()
