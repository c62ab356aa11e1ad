"""Any tokenizer → a `tokenizers` file, and the proof that it gives the same tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from . import pipeline
from .errors import ExportError

# Types of sentencepiece.ModelProto.SentencePiece.Type.
UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 2, 3, 4, 5, 6
# SentencePiece never matches control pieces in a text, `tokenizers` would: they get a name that no text has.
HIDDEN = "\U0010ffff"


def from_sentencepiece(path: Path, dummy_prefix: bool | None = None) -> Tokenizer:
    """A SentencePiece model file (Unigram or BPE), see github.com/google/sentencepiece, sentencepiece_model.proto.

    `dummy_prefix` overrides whether a text begins with a space.
    """
    from sentencepiece import sentencepiece_model_pb2 as proto

    spec = proto.ModelProto()
    spec.ParseFromString(Path(path).read_bytes())
    trainer, rules = spec.trainer_spec, spec.normalizer_spec
    if trainer.treat_whitespace_as_suffix or not rules.escape_whitespaces:
        raise ExportError(f"{path} marks spaces in a way that `tokenizers` has no counterpart for.")
    pieces = [(HIDDEN + p.piece if p.type in (CONTROL, UNUSED) else p.piece, p.score) for p in spec.pieces]
    unknown = next(i for i, p in enumerate(spec.pieces) if p.type == UNKNOWN)
    bytes_known = any(p.type == BYTE for p in spec.pieces)
    # Metaspace makes the mark of every space; the normalizer would have to do it before a text is trimmed.
    if trainer.model_type == trainer.UNIGRAM:
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unknown, byte_fallback=bytes_known))
    elif trainer.model_type == trainer.BPE:
        vocabulary = {piece: i for i, (piece, _) in enumerate(pieces)}
        unk = spec.pieces[unknown].piece
        tokenizer = Tokenizer(
            models.BPE(vocabulary, _merges(spec, vocabulary), unk_token=unk, fuse_unk=True, byte_fallback=bytes_known)
        )
    else:
        raise ExportError(f"{path} is neither a Unigram nor a BPE model.")
    steps = []
    if rules.precompiled_charsmap:
        steps.append(normalizers.Precompiled(rules.precompiled_charsmap))
        if "nfkc" in rules.name:
            # SentencePiece looks a base and its marks up together, Precompiled one by one when they are long
            # (か + ゛, ｶ + ﾞ): composing afterwards makes up for it.
            steps.append(normalizers.NFC())
    if rules.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    prefix = rules.add_dummy_prefix if dummy_prefix is None else dummy_prefix
    scheme = "always" if prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=False)
    tokenizer.decoder = decoders.Metaspace("▁", prepend_scheme=scheme, split=False)
    defined = [p.piece for p in spec.pieces if p.type == USER_DEFINED]
    if defined:
        tokenizer.add_tokens([AddedToken(piece, normalized=True) for piece in defined])
    return tokenizer


def _merges(spec, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """A SentencePiece BPE model ranks pieces; `tokenizers` wants the pairs that make them, best first."""
    score = {p.piece: p.score for p in spec.pieces}
    merges = []
    for piece in spec.pieces:
        if piece.type != 1 or len(piece.piece) < 2:  # 1 is NORMAL
            continue
        pairs = [(piece.piece[:i], piece.piece[i:]) for i in range(1, len(piece.piece))]
        pairs = [pair for pair in pairs if pair[0] in vocabulary and pair[1] in vocabulary]
        pairs.sort(key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
        merges += [(-score[piece.piece], pair) for pair in pairs]
    return [pair for _, pair in sorted(merges, key=lambda merge: merge[0])]


def from_bert_japanese(tokenizer) -> Tokenizer:
    """transformers' BertJapaneseTokenizer without its word segmentation.

    MeCab, Sudachi and Juman++ cut words by a dictionary that a `tokenizers` file cannot hold. Where every character
    is a token of its own, cutting into words changes nothing; else the comparison of tokens will say so.
    """
    lower = [normalizers.Lowercase()] if tokenizer.do_lower_case else []
    if tokenizer.subword_tokenizer_type == "character":
        converted = Tokenizer(models.WordLevel(dict(tokenizer.vocab), unk_token=tokenizer.unk_token))
        converted.normalizer = normalizers.Sequence([normalizers.NFKC(), *lower])
        converted.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")]
        )
        return converted
    if tokenizer.subword_tokenizer_type == "wordpiece":
        converted = Tokenizer(
            models.WordPiece(dict(tokenizer.vocab), unk_token=tokenizer.unk_token, max_input_chars_per_word=100)
        )
        # The word segmenters normalise to NFKC; the basic one cleans as BERT does.
        basic = tokenizer.word_tokenizer_type == "basic"
        first = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=False, strip_accents=tokenizer.do_lower_case, lowercase=False
        )
        converted.normalizer = normalizers.Sequence([first if basic else normalizers.NFKC(), *lower])
        converted.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return converted
    raise ExportError("this tokenizer's subword model has no counterpart in `tokenizers`.")


def from_open_clip(simple) -> Tokenizer:
    """open_clip's SimpleTokenizer: byte-level BPE with `</w>` at the end of words, as OpenAI's CLIP."""
    specials = [simple.decoder[i] for i in simple.all_special_ids]
    tokenizer = Tokenizer(
        models.BPE(dict(simple.encoder), list(simple.bpe_ranks), end_of_word_suffix="</w>", unk_token=specials[-1])
    )
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(words), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def from_transformers(tokenizer) -> Tokenizer:
    """The `tokenizers` file behind a transformers tokenizer, or the nearest that can be made of a slow one."""
    kind = type(tokenizer).__name__
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        copied = Tokenizer.from_str(backend.to_str())
        copied.no_padding()
        copied.no_truncation()
        return copied
    if kind == "BertJapaneseTokenizer":
        return from_bert_japanese(tokenizer)
    vocabulary = Path(getattr(tokenizer, "vocab_file", None) or "")
    if vocabulary.suffix in (".model", ".spm") and vocabulary.is_file():
        # SiglipTokenizer switches the leading space off in its copy and puts one before the text itself.
        return from_sentencepiece(vocabulary, dummy_prefix=True if kind == "SiglipTokenizer" else None)
    from transformers.convert_slow_tokenizer import convert_slow_tokenizer

    try:
        return convert_slow_tokenizer(tokenizer)
    except Exception as cause:
        raise ExportError(f"there is no way to write {kind} as a `tokenizers` file: {cause}") from cause


def frame(encode: Callable[[str], list[int]], bare: Callable[[str], list[int]]) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer puts before and after every text. `encode` gives all ids, `bare` a text's own."""
    for text in ["a photo of a dog", "猫と犬"]:
        whole, own = encode(text), bare(text)
        for start in range(len(whole) - len(own) + 1):
            if own and whole[start : start + len(own)] == own:
                return whole[:start], whole[start + len(own) :]
    raise ExportError("the tokenizer does not put fixed ids around a text's own; such models cannot be exported.")


def prove(
    tokenizer: Tokenizer, settings: dict, original: Callable[[list[str]], dict], texts: list[str], runs: list[str]
) -> tuple[int, int]:
    """Compares the rows that the original makes, filled to the context, with those of the manifest.

    Returns the number of tokens compared and of ties; raises with the first text that differs. A tie is one of `runs`
    that gets the same tokens in another order: SentencePiece adds scores in float32 and `tokenizers` in float64, so
    that of two equally good ways to cut a run of one character they may take different ones.
    """
    compared, ties = _prove(tokenizer, settings, original, texts, False), 0
    for run in runs:
        try:
            compared += _prove(tokenizer, settings, original, [run], False)
        except ExportError:
            compared += _prove(tokenizer, settings, original, [run], True)
            ties += 1
    return compared, ties


def _prove(tokenizer: Tokenizer, settings: dict, original: Callable, texts: list[str], any_order: bool) -> int:
    compared = 0
    for text in texts:
        ids = pipeline.ids(text, tokenizer, settings)
        made = dict(zip(settings["inputs"], pipeline.inputs([ids], settings, trimmed=False)))
        expected = original([text])
        for name, tensor in made.items():
            found, wanted = tensor[0].tolist(), expected[name][0].tolist()
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
