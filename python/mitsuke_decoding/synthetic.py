"""ICC profiles of every kind of table, made in code, so that none needs to be found."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])


def profiles() -> Iterator[tuple[str, bytes]]:
    """Yields a name and the bytes of each profile."""
    for space, table, connection, version in itertools.product(
        ("CMYK", "RGB ", "GRAY"), (lut8, lut16, mab), ("Lab ", "XYZ "), (2, 4)
    ):
        # Version 2 has no lutAToBType, and XYZ in 8 bits has no encoding.
        if (table is mab and version == 2) or (table is lut8 and connection == "XYZ "):
            continue
        inputs = {"CMYK": 4, "RGB ": 3, "GRAY": 1}[space]
        tag = table(inputs, 9 if inputs == 4 else 17, lambda samples: encoded(colors(samples, inputs), connection, table is lut16))
        name = f"synthetic {space.strip()} {table.__name__} {connection.strip()} {version}"
        yield name, profile(space, connection, version, {"A2B0": tag})
    for connection, version, black in itertools.product(("Lab ", "XYZ "), (2, 4), (0.0, 0.02)):
        curve = (np.linspace(0, 1, 256) ** 1.6 * (1 - black) + black) * 65535
        tag = b"curv" + bytes(4) + struct.pack(">I", 256) + curve.round().astype(">u2").tobytes()
        yield f"synthetic GRAY curve {connection.strip()} {version} {black}", profile("GRAY", connection, version, {"kTRC": tag})


def colors(samples: np.ndarray, inputs: int) -> np.ndarray:
    """Returns XYZ of samples: an invented device whose black is a dark grey and whose white is that of the PCS."""
    if inputs == 4:
        rgb = (1 - 0.94 * samples[:, :3] * [1, 0.95, 0.9]) * (1 - 0.93 * samples[:, 3:])
    else:
        rgb = 0.02 + 0.98 * np.broadcast_to(samples, (len(samples), 3)) ** 2.0
    matrix = np.array([[0.4361, 0.3851, 0.1430], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7139]])
    return np.clip(rgb, 0.002, 1) @ matrix.T


def encoded(xyz: np.ndarray, connection: str, is_lut16: bool) -> np.ndarray:
    """Returns numbers from 0 to 1 for XYZ in the encoding of the PCS."""
    if connection == "XYZ ":
        return xyz * 32768 / 65535
    f = xyz / D50
    f = np.where(f > (24 / 116) ** 3, np.cbrt(f), f * 841 / 108 + 16 / 116)
    lab = np.stack([1.16 * f[:, 1] - 0.16, (500 * (f[:, 0] - f[:, 1]) + 128) / 255, (200 * (f[:, 1] - f[:, 2]) + 128) / 255], 1)
    return np.clip(lab * (65280 / 65535 if is_lut16 else 1), 0, 1)


def nodes(inputs: int, points: int, values: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns the values at the nodes of a grid over all samples; the last input changes fastest."""
    return values(np.array(list(itertools.product(np.linspace(0, 1, points), repeat=inputs))))


def lut8(inputs: int, points: int, values: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Returns a tag of the type lut8Type."""
    ramp = bytes(range(256))
    table = (nodes(inputs, points, values) * 255).round().astype(np.uint8).tobytes()
    return head(b"mft1", inputs, points) + ramp * inputs + table + ramp * 3


def lut16(inputs: int, points: int, values: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Returns a tag of the type lut16Type whose input curves are not straight."""
    bend = 1.3
    curve = (np.linspace(0, 1, 64) ** bend * 65535).round().astype(">u2").tobytes()
    table = (nodes(inputs, points, lambda samples: values(samples ** (1 / bend))) * 65535).round().astype(">u2").tobytes()
    straight = struct.pack(">HH", 0, 65535)
    return head(b"mft2", inputs, points) + struct.pack(">HH", 64, 2) + curve * inputs + table + straight * 3


def head(kind: bytes, inputs: int, points: int) -> bytes:
    """Returns the beginning of lut8Type and lut16Type, with the matrix that changes nothing."""
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    return kind + bytes(4) + bytes([inputs, 3, points, 0]) + matrix


def mab(inputs: int, points: int, values: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Returns a tag of the type lutAToBType with curves around a table of 16 bits and a matrix."""
    straight = b"curv" + bytes(8)
    gamma = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, round(1.3 * 65536))
    table = nodes(inputs, points, lambda samples: values(samples ** (1 / 1.3))) * 65535
    clut = bytes([points] * inputs).ljust(16, b"\0") + bytes([2, 0, 0, 0]) + table.round().astype(">u2").tobytes()
    clut += bytes(-len(clut) % 4)
    matrix = struct.pack(">12i", *(65536 * (i % 4 == 0 and i < 9) for i in range(12)))
    parts = [straight * 3, matrix, straight * 3, clut, gamma * inputs]
    offsets = [32 + sum(map(len, parts[:i])) for i in range(5)]
    return b"mAB " + bytes(4) + bytes([inputs, 3, 0, 0]) + struct.pack(">5I", *offsets) + b"".join(parts)


def profile(space: str, connection: str, version: int, tags: dict[str, bytes]) -> bytes:
    """Returns a profile of an output device with these tags and those that every profile has."""
    text = b"text" + bytes(4) + b"synthetic\0"
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(D50 * 65536).round().astype(int))
    tags = {"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"s\0" + bytes(78), "cprt": text, "wtpt": white, **tags}
    table, data = b"", b""
    start = 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    size = start + len(data)
    illuminant = struct.pack(">3i", *(D50 * 65536).round().astype(int))
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), version << 24, b"prtr", space.encode(), connection.encode())
    header += bytes(12) + b"acsp" + bytes(28) + illuminant + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + data
