#!/usr/bin/env python3
"""Uploads pictures, finds them by text and by picture, and handles errors, with the generated client.

Usage: example.py URL PICTURE...      (MITSUKE_API_KEY: the server's key)
"""

from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from mitsuke_client import AuthenticatedClient, Client
from mitsuke_client.api.images import get_image, get_image_thumbnail, upload_images
from mitsuke_client.api.models import list_models
from mitsuke_client.api.search import search, search_by_image, search_by_text
from mitsuke_client.models import (
    FilterRequest, Image, ImageSearchForm, ImageSearchRequest, Mode, ModelList, Problem, QueryLine, SearchResponse,
    TextSearchRequest, UploadForm, UploadResponse,
)
from mitsuke_client.types import File

T = TypeVar("T")


class MitsukeError(Exception):
    """An error of the service, with a stable `code` for programs and a `detail` for people."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail} (request {problem.request_id})")
        self.problem = problem


def ok(answer: object, kind: type[T]) -> T:
    """Returns an answer of the expected type, or raises the problem that came instead."""
    if isinstance(answer, Problem):
        raise MitsukeError(answer)
    if not isinstance(answer, kind):
        raise TypeError(f"the server answered {answer!r}")
    return answer


def file(path: Path) -> File:
    return File(payload=BytesIO(path.read_bytes()), file_name=path.name)


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    url, pictures = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    key = os.environ.get("MITSUKE_API_KEY")
    client = AuthenticatedClient(base_url=url, token=key) if key else Client(base_url=url)

    # ---- upload
    images: list[Image] = []
    for start in range(0, len(pictures), 2):
        files = [file(path) for path in pictures[start:start + 2]]
        uploaded = ok(upload_images.sync(client=client, body=UploadForm(file=files)), UploadResponse)
        for item in uploaded.images:
            if isinstance(item.image, Image):
                images.append(item.image)
                print(f"{item.status}: {item.image.file_name} is image {item.image.image_id}, "
                      f"{item.image.width} × {item.image.height} pixels")

    # ---- search by text
    query = TextSearchRequest(query="夜空の星", mode=Mode.VECTOR, limit=3, filter_=FilterRequest(min_width=1))
    found = ok(search_by_text.sync(client=client, body=query), SearchResponse)
    print(f"夜空の星 ({found.model.model_name}):")
    for hit in found.hits:
        print(f"  {hit.rank}. {hit.file_name}, distance {hit.distance:.3f}")

    line = ok(search.sync(client=client, q="星 -人 has:prompt", limit=3), SearchResponse)
    if isinstance(line.query, QueryLine):
        print(f"read as: {' | '.join(item.written for item in line.query.items)}")

    # ---- search by picture, uploaded and stored
    form = ImageSearchForm(file=[file(pictures[0])], limit=2)
    by_picture = ok(search_by_image.sync(client=client, body=form), SearchResponse)
    print(f"like {pictures[0].name}: {', '.join(hit.file_name for hit in by_picture.hits)}")

    image_id = images[0].image_id
    stored = ImageSearchRequest(image_ids=[image_id], limit=2)
    relatives = ok(search_by_image.sync(client=client, body=stored), SearchResponse)
    print(f"like image {image_id}: {', '.join(hit.file_name for hit in relatives.hits)}")

    # ---- bytes
    thumbnail = get_image_thumbnail.sync_detailed(image_id, client=client, size=128)
    print(f"its thumbnail: {thumbnail.headers['content-type']}, {len(thumbnail.content)} bytes")

    # ---- models
    for model in ok(list_models.sync(client=client), ModelList).models:
        print(f"model {model.model_id}: {model.model_name} {model.model_version}, {model.vector_dimension} dimensions")

    # ---- errors
    try:
        ok(get_image.sync(999_999, client=client), Image)
    except MitsukeError as error:
        if error.problem.code != "image_not_found":
            raise
        print(f"refused as it should be: {error.problem.code}: {error.problem.detail}")
    else:
        raise AssertionError("image 999999 should not be there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
