"""The families of models: how each is loaded, tokenizes texts and prepares pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import ExportError
from ..source import Source
from .options import Options

if TYPE_CHECKING:
    from .base import Original


def family_of(source: Source, options: Options) -> str:
    """Returns the name of a model's family, which its files tell unless the user names it."""
    if options.family != "auto":
        return options.family
    if source.open_clip or (source.folder / "open_clip_config.json").is_file():
        return "open_clip"
    path = source.folder / "config.json"
    if not path.is_file():
        raise ExportError(
            f"{source.folder} has neither config.json nor open_clip_config.json. For a checkpoint of open_clip, "
            "write open_clip:ARCHITECTURE:FILE."
        )
    config = json.loads(path.read_text(encoding="utf-8"))
    kind = config.get("model_type", "")
    code = " ".join([kind, *(config.get("architectures") or []), *map(str, (config.get("auto_map") or {}).values())])
    squeezed = code.lower().replace("_", "").replace("-", "")
    if "japanesestableclip" in squeezed or "japanese-stable-clip" in source.given.lower():
        return "japanese-stable-clip"
    if "clyp" in squeezed:
        return "clyp"
    text_kind = (config.get("text_config") or {}).get("model_type", "")
    if kind == "cloob" or (kind == "clip" and text_kind in ("bert", "roberta")):
        return "rinna"
    return "transformers"


def load(source: Source, options: Options) -> Original:
    """Loads the original with the module of its family."""
    family = family_of(source, options)
    if family == "open_clip":
        from .open_clip_models import load as load_family
    elif family in ("japanese-stable-clip", "clyp"):
        from .japanese import load as load_family
    elif family == "rinna":
        from .rinna import load as load_family
    else:
        from .transformers_models import load as load_family
    return load_family(source, options, family)
