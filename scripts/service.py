"""What the checking scripts of this folder share: a small client of the HTTP
service, a server of one's own to start and stop, and pictures to upload.

Usage: imported by check_crash.py, check_load.py and bench.py; runs nothing.
Python's standard library only.
"""

import colorsys
import http.client
import json
import math
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
import zlib
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def fail(message):
    """Ends the script with a sentence that says what to do."""
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


class Progress:
    """A counter on standard error: in place on a terminal, sparse elsewhere."""

    def __init__(self, label, total):
        self.label, self.total, self.done = label, total, 0
        self.lock, self.terminal = threading.Lock(), sys.stderr.isatty()

    def step(self):
        with self.lock:
            self.done += 1
            if self.terminal:
                end = "\n" if self.done == self.total else ""
                print(f"\r{self.label}: {self.done} of {self.total}", end=end, file=sys.stderr, flush=True)
            elif self.done == self.total or self.done % max(1, self.total // 4) == 0:
                print(f"{self.label}: {self.done} of {self.total}", file=sys.stderr, flush=True)


# ---- pictures --------------------------------------------------------------------


def picture(number, size=160):
    """A PNG file that differs from every other number's in bytes and in looks."""
    chance = random.Random(number)
    ground = [int(255 * c) for c in colorsys.hsv_to_rgb(chance.random(), chance.uniform(0.2, 1), chance.uniform(0.3, 1))]
    shapes = []
    for _ in range(chance.randint(2, 6)):
        colour = [int(255 * c) for c in colorsys.hsv_to_rgb(chance.random(), 0.9, chance.uniform(0.2, 1))]
        shapes.append(
            (chance.choice(("disc", "bar", "box")), chance.uniform(0, size), chance.uniform(0, size),
             chance.uniform(size / 16, size / 3), bytes(colour))
        )
    rows = bytearray()
    for y in range(size):
        row = bytearray(bytes(ground) * size)
        for kind, cx, cy, radius, colour in shapes:
            if abs(y - cy) > radius:
                continue
            half = radius
            if kind == "disc":
                half = math.sqrt(max(0.0, radius * radius - (y - cy) ** 2))
            elif kind == "bar":
                half = size
            left, right = max(0, int(cx - half)), min(size, int(cx + half))
            if right > left:
                row[3 * left : 3 * right] = colour * (right - left)
        rows += b"\0" + row

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    text = f"Comment\0test picture {number}".encode()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", text)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 6)) + chunk(b"IEND", b"")
    )


# ---- the client ------------------------------------------------------------------


class Answer:
    """One HTTP answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """The answer in a few words, for messages."""
        return f"{self.status} {self.body[:300].decode('utf-8', 'replace')}"


class Client:
    """A keep-alive connection to one service; one per thread."""

    def __init__(self, base, key=None, timeout=120):
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            fail(f"'{base}' is no address. Give one like http://127.0.0.1:8080")
        self.kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.host, self.port, self.prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self.key, self.timeout, self.connection = key, timeout, None

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        used = self.connection is not None
        if not used:
            self.connection = self.kind(self.host, self.port, timeout=self.timeout)
        try:
            self.connection.request(method, self.prefix + path, body, headers)
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (http.client.RemoteDisconnected, BrokenPipeError):
            self.close()
            # A server may close a connection that has been idle; what was sent on it then was not read.
            if used and method in ("GET", "PUT", "DELETE"):
                return self.request(method, path, body, headers)
            raise
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def patient(self, method, path, body=None, headers=None, tries=60):
        """As request, but waits and tries again when the service is full (503)."""
        refused = 0
        while True:
            answer = self.request(method, path, body, headers)
            if answer.status != 503 or refused >= tries:
                return answer, refused
            wait = answer.headers.get("Retry-After")
            if wait is None:
                fail("a 503 came without Retry-After; the service promises one.")
            refused += 1
            time.sleep(min(float(wait), 10) * random.uniform(0.8, 1.2))

    def get(self, path):
        return self.request("GET", path)

    def upload(self, name, data):
        """Uploads one picture; returns (answer, how often it was refused with 503)."""
        body, kind = multipart([("file", name, "image/png", data)])
        return self.patient("POST", "/images", body, {"Content-Type": kind})

    def post_json(self, path, value):
        return self.patient("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def images(self):
        """Every registered picture, page by page."""
        cursor = None
        while True:
            query = {"limit": 50, **({"cursor": cursor} if cursor else {})}
            answer = self.get("/images?" + urllib.parse.urlencode(query))
            if answer.status != 200:
                fail(f"GET /images answered {answer.problem()}")
            page = answer.json()
            yield from page["images"]
            cursor = page["next_cursor"]
            if not cursor:
                return

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def multipart(parts):
    """(body, content type) of a form with these (field, file name, type, bytes)."""
    boundary = uuid.uuid4().hex
    body = bytearray()
    for field, name, kind, data in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'.encode()
        body += f"Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return bytes(body), f"multipart/form-data; boundary={boundary}"


# ---- a server of one's own -------------------------------------------------------


class Server:
    """A release server on a free port, with its data in a folder of its own."""

    def __init__(self, data_dir=None, settings=None):
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target"))
        self.program = (REPO / target / "release" / "mitsuke").resolve()
        if not self.program.exists():
            fail(f"{self.program} does not exist. Build it: scripts/libtorch.sh && cargo build --release")
        self.temporary = None
        if data_dir is None:
            self.temporary = tempfile.TemporaryDirectory(prefix="mitsuke-check-")
            data_dir = self.temporary.name
        self.data_dir, self.settings = Path(data_dir), settings or {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.bind = "127.0.0.1:%d" % probe.getsockname()[1]
        self.base = f"http://{self.bind}"
        self.log_path = self.data_dir / "server.log"
        self.process = None

    def start(self):
        """Starts the server and waits until it is ready; returns the seconds."""
        # The caller's settings count, except where the server and its data are.
        environment = {
            **os.environ, "MITSUKE_BIND": self.bind, "MITSUKE_DATA_DIR": str(self.data_dir / "data"),
            "MITSUKE_IMAGES_DIR": "", "MITSUKE_API_KEYS": "", "DB_USER": "", "DB_PASSWORD": "", "DB_DSN": "",
            **self.settings,
        }
        begin = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve"], cwd=REPO, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while True:
            if self.process.poll() is not None:
                fail(f"the server ended with status {self.process.returncode}. Its last words:\n{self.last_words()}")
            if time.monotonic() - begin > 180:
                self.kill()
                fail(f"the server was not ready within 180 s. Its last words:\n{self.last_words()}")
            client = Client(self.base, timeout=5)
            try:
                if client.get("/readyz").status == 200:
                    return time.monotonic() - begin
            except (OSError, http.client.HTTPException):
                pass
            finally:
                client.close()
            time.sleep(0.05)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks the server to end and returns its exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                fail("the server did not end within 60 s of SIGTERM.")
        return self.process.returncode if self.process else None

    def last_words(self):
        try:
            return self.log_path.read_text("utf-8", "replace")[-3000:]
        except OSError:
            return "(no log)"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.temporary:
            self.temporary.cleanup()


# ---- figures ---------------------------------------------------------------------


def quantile(values, share):
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows):
    """Prints rows of (what, list of seconds, wall seconds) as a table."""
    print(f"{'':34}{'count':>7}{'per s':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for what, seconds, wall in rows:
        if not seconds:
            print(f"{what:34}{0:>7}")
            continue
        figures = [1000 * quantile(seconds, s) for s in (0.5, 0.95, 0.99)] + [1000 * max(seconds)]
        print(f"{what:34}{len(seconds):>7}{len(seconds) / wall:>9.1f}" + "".join(f"{f:>9.1f}" for f in figures))
