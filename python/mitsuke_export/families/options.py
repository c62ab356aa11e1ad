"""The families of models, and the options that decide how an original is loaded."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = ("auto", "transformers", "open_clip", "japanese-stable-clip", "clyp", "rinna")


@dataclass(frozen=True)
class Options:
    """The user's choices on how the original is loaded."""

    # A name of FAMILIES; `auto` lets the files decide.
    family: str = "auto"
    trust_remote_code: bool = False
    # None takes the length that the model was made for.
    context_length: int | None = None
    # Hub name or folder of rinna's tokenizer; None takes the usual one.
    tokenizer: str | None = None
