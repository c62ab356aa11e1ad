"""The facts that stand above all figures: machine, versions, load."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from .document import table

ROOT = Path(__file__).resolve().parents[2]

# Flags of /proc/cpuinfo → the instructions that decide how fast a model runs. x86 first, then Arm.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "amx_tile": "AMX",
    "amx_bf16": "AMX BF16",
    "amx_int8": "AMX INT8",
    "asimddp": "dot products",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
}
# A machine with more of its cores busy than this is not idle.
IDLE = 0.15
# The load falls for some minutes after a build or another part has ended.
PATIENCE = 300


def processor(cpuinfo: str) -> tuple[str, list[str]]:
    """Returns the name of a processor and its instructions, from the text of /proc/cpuinfo."""
    fields = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    name = fields.get("model name") or platform.machine()
    family = [fields.get(key) for key in ("cpu family", "model")]
    if all(family):
        name += f" (family {family[0]}, model {family[1]})"
    return name, [said for flag, said in INSTRUCTIONS.items() if flag in flags]


def machine() -> str:
    """Describes this machine in one line."""
    path = Path("/proc/cpuinfo")
    name, instructions = processor(path.read_text(encoding="utf-8") if path.exists() else "")
    said = [f"{cores()} cores of {name}", ", ".join(instructions)]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        said.append(f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory")
    return "; ".join(part for part in said if part)


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float:
    """Returns the mean number of processes that ran during the last minute."""
    return os.getloadavg()[0]


def wait_until_idle() -> None:
    """Waits until the machine is idle, for some minutes at most."""
    end = time.monotonic() + PATIENCE
    while load() > IDLE * cores() and time.monotonic() < end:
        time.sleep(5)


def versions(packages: list[str]) -> str:
    """Describes the versions of Mitsuke, libtorch and Python packages in one line."""
    commit = _output("git", "rev-parse", "--short=12", "HEAD")
    # The document itself changes with every part.
    changed = " with changes" if _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs") else ""
    script = (ROOT / "scripts" / "libtorch.sh").read_text(encoding="utf-8")
    libtorch = next(line.split("=")[1].split()[0] for line in script.splitlines() if line.startswith("readonly VERSION="))
    said = [f"Mitsuke {commit or 'unknown'}{changed}", f"libtorch {libtorch}"]
    for package in packages:
        try:
            said.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(said)


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class Facts:
    """What is known when a measurement begins. `text` adds what is known when it ends."""

    def __init__(self, command: str, packages: list[str]):
        self.command, self.versions = command, versions(packages)
        self.began, self.load = datetime.now(timezone.utc), load()

    def idle(self) -> bool:
        """Returns whether the machine was idle when the measurement began."""
        return self.load <= IDLE * cores()

    def text(self) -> str:
        """Returns a table of the facts."""
        warning = "" if self.idle() else " (**the machine was not idle when this began**)"
        rows = [
            ("command", f"`{self.command}`"),
            ("date", f"{self.began:%Y-%m-%d %H:%M} UTC"),
            ("machine", machine()),
            ("versions", self.versions),
            ("load", f"{self.load:.2f} at the start{warning}, {load():.2f} at the end, which includes the benchmark"),
        ]
        return table(["", ""], rows)
