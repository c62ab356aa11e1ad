"""Proves that a converted tokenizer gives the tokens of the original one."""

from __future__ import annotations

from typing import Callable

from . import text_inputs
from .errors import ExportError


def frame(encode: Callable[[str], list[int]], bare: Callable[[str], list[int]]) -> tuple[list[int], list[int]]:
    """Returns the ids that a tokenizer puts before and after every text.

    `encode` returns all ids of a text, `bare` those of the text alone.
    """
    for text in ["a photo of a dog", "猫と犬"]:
        whole, own = encode(text), bare(text)
        for start in range(len(whole) - len(own) + 1):
            if own and whole[start : start + len(own)] == own:
                return whole[:start], whole[start + len(own) :]
    raise ExportError("the tokenizer does not put fixed ids around the ids of a text; such models cannot be exported.")


def prove(
    tokenizer, settings: dict, original: Callable[[list[str]], dict], texts: list[str], runs: list[str]
) -> tuple[int, int]:
    """Compares the inputs that the manifest's settings make with those of the original, padded to the context length.

    Returns the number of tokens compared and the number of ties, and raises with the first text that differs. A tie is
    one of `runs` that gets the same tokens in another order: SentencePiece adds scores in float32 and `tokenizers` in
    float64, so that they may cut a run of one character in two ways that are equally good.
    """
    compared, ties = _compare(tokenizer, settings, original, texts, any_order=False), 0
    for run in runs:
        try:
            compared += _compare(tokenizer, settings, original, [run], any_order=False)
        except ExportError:
            compared += _compare(tokenizer, settings, original, [run], any_order=True)
            ties += 1
    return compared, ties


def _compare(tokenizer, settings: dict, original: Callable, texts: list[str], any_order: bool) -> int:
    """Returns the number of tokens of the texts, or raises with the first text whose inputs differ."""
    compared = 0
    for text in texts:
        ids = text_inputs.ids(text, tokenizer, settings)
        converted = dict(zip(settings["inputs"], text_inputs.filled([ids], settings, trimmed=False)))
        expected = original([text])
        for name, rows in converted.items():
            found, wanted = rows[0], [int(i) for i in expected[name][0]]
            if found == wanted or any_order and sorted(found) == sorted(wanted):
                continue
            at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
            raise ExportError(
                f"the tokenizer cannot be converted: {name} differ for the text {text!r} from position {at} on:\n"
                f"  original  {wanted[max(at - 3, 0) : at + 9]}\n"
                f"  converted {found[max(at - 3, 0) : at + 9]}\n"
                "Tokenizers that cut words by a dictionary (MeCab, Sudachi, Juman++) have no `tokenizers` "
                "counterpart; a model with a SentencePiece or BPE tokenizer has."
            )
        compared += len(ids)
    return compared
