"""A server of the release program with a data directory of its own, and requests to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

# Seconds in which a server has to load its model.
PATIENCE = 180


class Client:
    """Sends requests over one connection for each thread."""

    def __init__(self, port: int):
        self.port, self._local = port, threading.local()

    def get(self, path: str) -> dict:
        """Returns the answer to GET."""
        return self._send("GET", path, b"", "application/json")

    def image_ids(self, count: int) -> list[int]:
        """Returns the ids of the newest images, at least `count` of them."""
        found, cursor = [], ""
        while len(found) < count:
            page = self.get(f"/images?limit=50{cursor}")
            found += [image["image_id"] for image in page["images"]]
            if not page.get("next_cursor"):
                raise RuntimeError(f"{len(found)} images are stored where {count} are needed; measure for more --seconds.")
            cursor = f"&cursor={page['next_cursor']}"
        return found

    def thumbnail(self, image_id: int) -> bytes:
        """Returns the thumbnail of an image."""
        return self._content("GET", f"/images/{image_id}/thumbnail", b"", "application/json")

    def search(self, query: str) -> dict:
        """Searches by text and by vectors alone."""
        body = json.dumps({"query": query, "mode": "vector", "limit": 16}).encode()
        return self._send("POST", "/search/text", body, "application/json")

    def upload(self, photograph: bytes) -> dict:
        """Uploads a picture."""
        return self._send("POST", "/images", *_form(photograph))

    def search_by_picture(self, photograph: bytes) -> dict:
        """Searches by a picture."""
        return self._send("POST", "/search/image", *_form(photograph))

    def _send(self, method: str, path: str, body: bytes, kind: str) -> dict:
        return json.loads(self._content(method, path, body, kind))

    def _content(self, method: str, path: str, body: bytes, kind: str) -> bytes:
        connection = getattr(self._local, "connection", None)
        used = connection is not None
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            # The server closes connections that have been idle.
            if used:
                return self._content(method, path, body, kind)
            raise
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {content.decode(errors='replace')}")
        return content


def _form(photograph: bytes) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photograph + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@contextlib.contextmanager
def running(program: Path, model: Path, precision: str, data: Path | None = None) -> Iterator[Client]:
    """Starts a server that has this one model, and stops it at the end. Its data directory is `data`, or an empty one."""
    with tempfile.TemporaryDirectory() as scratch, socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        models, images = Path(scratch, "models"), Path(scratch, "images")
        models.mkdir()
        images.mkdir()
        (models / "measured").symlink_to(model.resolve(), target_is_directory=True)
        settings = {
            "MITSUKE_BIND": f"127.0.0.1:{port}", "MITSUKE_DATA_DIR": str(data or Path(scratch, "data")), "MITSUKE_IMAGES_DIR": str(images),
            "MITSUKE_MODELS_DIR": str(models), "MITSUKE_PRECISION": precision, "MITSUKE_DEVICE": "cpu",
            "MITSUKE_API_KEYS": "", "DB_USER": "", "DB_PASSWORD": "", "DB_DSN": "", "RUST_LOG": "warn",
        }  # fmt: skip
        log = Path(scratch, "server.log")
        with log.open("wb") as written:
            server = subprocess.Popen(
                [str(program), "serve"], env={**os.environ, **settings}, stdout=written, stderr=subprocess.STDOUT, cwd=scratch
            )
        try:
            client = Client(port)
            _wait(client, server, log)
            yield client
        finally:
            server.terminate()
            server.wait(timeout=60)


def _wait(client: Client, server: subprocess.Popen, log: Path) -> None:
    """Waits until the server is ready."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            client.get("/readyz")
            return
        except (OSError, http.client.HTTPException, RuntimeError):
            pass
        if server.poll() is not None or time.monotonic() > end:
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SystemExit(f"error: the server was not ready within {PATIENCE} seconds:\n{said}")
        time.sleep(0.2)
