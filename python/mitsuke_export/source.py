"""The source of a model (a hub name, a local folder, or an open_clip architecture) and the download of its files."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import ExportError

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# Endings of weights in formats of other frameworks and of copies in other precisions.
LEFT_OUT = (".h5", ".msgpack", ".onnx", ".tflite", ".ot", ".gguf", ".mlmodel", ".bin.index.fp16.json", ".npz")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


@dataclass
class Source:
    """A model whose files are on this machine."""

    # The source as the user wrote it.
    given: str
    # The folder of the files; None for an architecture of open_clip.
    folder: Path | None
    # The commit on the hub.
    revision: str | None = None
    # Architecture and weights (tag or file), for `open_clip:ARCH:WEIGHTS`.
    open_clip: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Returns a short name for model.json."""
        if self.open_clip:
            tag = self.open_clip[1]
            return f"{self.open_clip[0]}-{Path(tag).stem if os.sep in tag else tag}".lower()
        return (self.given.rstrip("/").rsplit("/", 1)[-1] if self.folder is None else self._folder_name()).lower()

    def _folder_name(self) -> str:
        return self.given.split("/")[1] if self.revision else Path(self.given).resolve().name

    def fingerprint(self) -> str:
        """Returns a digest that changes when the source's files do."""
        parts = [self.given, self.revision or "", *(self.open_clip or ())]
        files = []
        if self.folder and not self.revision:
            files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        elif self.open_clip and Path(self.open_clip[1]).is_file():
            files = [Path(self.open_clip[1])]
        for path in files:
            stat = path.stat()
            parts.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def resolve(given: str, revision: str | None) -> Source:
    """Finds the files of a source, and downloads them where they are on the hub."""
    if given.startswith("open_clip:"):
        architecture, _, weights = given.removeprefix("open_clip:").partition(":")
        if not weights:
            raise ExportError(
                f"{given} names no weights. Write open_clip:{architecture}:TAG_OR_FILE; the tags are listed by\n"
                "  python -c 'import open_clip; print(*open_clip.list_pretrained(), sep=\"\\n\")'"
            )
        return Source(given, None, open_clip=(architecture, weights))
    if Path(given).is_dir():
        return Source(given, Path(given).resolve())
    if HUB_NAME.fullmatch(given):
        return _from_hub(given, revision)
    raise ExportError(
        f"{given} is neither a folder nor a name like organisation/model nor open_clip:ARCHITECTURE:WEIGHTS."
    )


def wanted(names: list[str]) -> list[str]:
    """Returns the files of a repository that an export needs: one format of weights, and everything that is small."""
    names = [name for name in names if not name.endswith(LEFT_OUT) and not name.startswith((".", "onnx/", "openvino/"))]
    names = [name for name in names if not re.search(r"(^|/)(tf_|flax_|rust_model)", name)]
    folders = {name.rpartition("/")[0] for name in names if name.endswith(".safetensors")}
    return [
        name
        for name in names
        if name.endswith(".safetensors") or not name.endswith(WEIGHTS) or name.rpartition("/")[0] not in folders
    ]


def _from_hub(name: str, revision: str | None) -> Source:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        about = HfApi().model_info(name, revision=revision)
        files = wanted([sibling.rfilename for sibling in about.siblings])
        # An interrupted download goes on where it stopped.
        folder = snapshot_download(name, revision=about.sha, allow_patterns=files)
        return Source(name, Path(folder), about.sha)
    except Exception as cause:
        problem = explain(name, cause)
        if problem is None:
            raise
    # Without a network, the files of an earlier download serve; where access was refused they do not.
    if problem.offline:
        try:
            folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
            return Source(name, folder, folder.name)
        except (LocalEntryNotFoundError, OSError, ValueError):
            pass
    raise problem


class Unreachable(ExportError):
    """A download that failed. `offline` is set when the hub was not reached at all."""

    def __init__(self, message: str, offline: bool = False):
        super().__init__(message)
        self.offline = offline


def explain(name: str, cause: Exception) -> Unreachable | None:
    """Returns what a failed download means and what to do, or None for an exception of another kind."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{name}"
    steps = (
        f"  1. Log in at {page} (an account is free) and accept the licence shown there.\n"
        "  2. Make an access token that may read gated repositories: https://huggingface.co/settings/tokens\n"
        "  3. Give it to this machine: `hf auth login`, or set HF_TOKEN, and run this command again."
    )
    status = getattr(getattr(cause, "response", None), "status_code", None)
    if isinstance(cause, errors.GatedRepoError):
        return Unreachable(f"{name} is gated: its owner asks you to accept a licence first.\n{steps}")
    if isinstance(cause, errors.RevisionNotFoundError):
        return Unreachable(f"{name} has no such revision. Leave --revision out for the newest.")
    if isinstance(cause, errors.RepositoryNotFoundError) or status in (401, 403, 404):
        return Unreachable(
            f"{name} is not there, or it is private or gated and this machine has no access (the hub does not say "
            f"which). Check the name; if it is right:\n{steps}"
        )
    if is_unreachable(cause):
        return Unreachable(
            f"{name} cannot be downloaded: the hub is not reached ({type(cause).__name__}).\n"
            "Run this where there is a network; or bring the files of the repository into a folder "
            f"(`hf download {name} --local-dir FOLDER` elsewhere) and give the folder instead of the name.",
            offline=True,
        )
    if isinstance(cause, errors.HfHubHTTPError):
        return Unreachable(f"{name} cannot be downloaded: the hub answers {status}. Try again later.", offline=True)
    return None


def is_unreachable(cause: BaseException) -> bool:
    """Tells whether an exception of a download means that the hub was not reached."""
    from huggingface_hub import errors

    offline = (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError)
    # Proxies may answer in place of the hub.
    return isinstance(cause, offline) or type(cause).__module__.split(".")[0] in ("requests", "httpx", "urllib3")


def explain_open_clip(architecture: str, weights: str, cause: BaseException) -> ExportError | None:
    """Returns what a failed download of open_clip means and what to do, or None for an exception of another kind.

    open_clip raises exceptions of its own in place of the hub's.
    """
    seen = cause
    while seen is not None and not is_unreachable(seen):
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return None
    return ExportError(
        f"the weights {weights} of {architecture} cannot be downloaded: the hub is not reached ({type(seen).__name__}).\n"
        f"Run this where there is a network; or bring the checkpoint here and write open_clip:{architecture}:FILE."
    )
