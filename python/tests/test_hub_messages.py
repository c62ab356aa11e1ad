"""A failed download tells the user what it means and what to do."""

import pytest

errors = pytest.importorskip("huggingface_hub.errors", reason="huggingface_hub is not installed (pip install -e './python[export]')")
requests = pytest.importorskip("requests", reason="requests is not installed (pip install -e './python[export]')")

from mitsuke_export.source import explain, explain_open_clip  # noqa: E402


def answer(kind: type[Exception], status: int) -> Exception:
    response = requests.Response()
    response.status_code = status
    return kind("refused", response=response)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (answer(errors.GatedRepoError, 403), ["is gated", "accept the licence", "hf auth login", "HF_TOKEN"]),
        (answer(errors.RepositoryNotFoundError, 401), ["private or gated", "hf auth login"]),
        (answer(errors.HfHubHTTPError, 403), ["no access"]),
        (answer(errors.HfHubHTTPError, 503), ["answers 503"]),
        (answer(errors.RevisionNotFoundError, 404), ["no such revision"]),
        (requests.ConnectionError("no route"), ["is not reached", "--local-dir"]),
        (errors.LocalEntryNotFoundError("offline"), ["is not reached"]),
    ],
    ids=["gated", "private or missing", "no access", "server error", "revision", "no network", "offline"],
)
def test_failed_download_is_explained(cause: Exception, words: list[str]) -> None:
    said = str(explain("organisation/model", cause))
    assert [word for word in words if word not in said] == []


def test_other_exceptions_are_not_explained() -> None:
    assert explain("organisation/model", KeyError("bug")) is None


def test_download_of_open_clip_is_explained_by_the_exception_behind_it() -> None:
    try:
        try:
            raise errors.LocalEntryNotFoundError("offline")
        except errors.LocalEntryNotFoundError:
            raise RuntimeError("Failed to download weights")
    except RuntimeError as cause:
        said = str(explain_open_clip("ViT-B-32", "laion2b", cause))
    assert "laion2b of ViT-B-32 cannot be downloaded: the hub is not reached" in said
    assert "open_clip:ViT-B-32:FILE" in said
    assert explain_open_clip("ViT-B-32", "laion2b", RuntimeError("no such tag")) is None
