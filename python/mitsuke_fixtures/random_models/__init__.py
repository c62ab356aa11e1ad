"""Every family of models built from its configuration with random weights, so that exports are tested without downloads.

`FAMILIES` lists them; each builder writes a folder with the files that the published model has.
"""

from __future__ import annotations

from . import huggingface, japanese, openclip

# Name → (builder of a folder, extra arguments of the exporter).
FAMILIES = {
    "japanese-stable-clip": (japanese.stable_clip, ["--trust-remote-code"]),
    "clip-japanese-base": (japanese.clyp, ["--trust-remote-code"]),
    "rinna-clip": (lambda folder: japanese.rinna(folder, "clip"), []),
    "rinna-cloob": (lambda folder: japanese.rinna(folder, "cloob"), []),
    "openai-clip": (huggingface.clip, []),
    "siglip": (huggingface.siglip, []),
    "siglip2": (huggingface.siglip2, []),
    "chinese-clip": (huggingface.chinese_clip, []),
    "open-clip": (openclip.simple, []),
    "open-clip-letterbox": (openclip.letterbox, []),
    "open-clip-siglip": (openclip.siglip_like, []),
    "llm-jp-clip": (openclip.llm_jp, []),
    "dual-encoder-characters": (lambda folder: huggingface.dual_encoder(folder, "character"), []),
}
