"""Converts tokenizers of other libraries to `tokenizers` files."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from .errors import ExportError

# Values of sentencepiece.ModelProto.SentencePiece.Type.
UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 2, 3, 4, 5, 6
# SentencePiece never matches control pieces in a text, but `tokenizers` would. This prefix gives them a name that no text
# contains.
HIDDEN = "\U0010ffff"


def from_sentencepiece(path: Path, dummy_prefix: bool | None = None) -> Tokenizer:
    """Converts a SentencePiece model file (Unigram or BPE; the format is google/sentencepiece's sentencepiece_model.proto).

    `dummy_prefix` overrides the file on whether a space is put before a text.
    """
    from sentencepiece import sentencepiece_model_pb2 as proto

    spec = proto.ModelProto()
    spec.ParseFromString(Path(path).read_bytes())
    trainer, rules = spec.trainer_spec, spec.normalizer_spec
    if trainer.treat_whitespace_as_suffix or not rules.escape_whitespaces:
        raise ExportError(f"{path} marks spaces in a way that has no counterpart in `tokenizers`.")
    pieces = [(HIDDEN + p.piece if p.type in (CONTROL, UNUSED) else p.piece, p.score) for p in spec.pieces]
    unknown = next(i for i, p in enumerate(spec.pieces) if p.type == UNKNOWN)
    bytes_known = any(p.type == BYTE for p in spec.pieces)
    # Metaspace turns every space into its mark after the text is trimmed; a normalizer would have to do it before.
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
            # SentencePiece looks up a base together with its marks; Precompiled looks long ones up one by one
            # (か + ゛, ｶ + ﾞ). Composing afterwards gives the same text.
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
    """Returns the pairs of pieces that make the pieces of a SentencePiece BPE model, best first.

    SentencePiece ranks the pieces themselves, `tokenizers` ranks the pairs.
    """
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
    """Converts transformers' BertJapaneseTokenizer without its word segmentation.

    MeCab, Sudachi and Juman++ cut words by a dictionary that a `tokenizers` file cannot hold. Where every character
    is a token of its own, cutting into words changes nothing; elsewhere the comparison of tokens fails.
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
        # The word segmenters normalise to NFKC; the basic tokenizer cleans as BERT does.
        basic = tokenizer.word_tokenizer_type == "basic"
        first = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=False, strip_accents=tokenizer.do_lower_case, lowercase=False
        )
        converted.normalizer = normalizers.Sequence([first if basic else normalizers.NFKC(), *lower])
        converted.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return converted
    raise ExportError("the subword model of this tokenizer has no counterpart in `tokenizers`.")


def from_open_clip(simple) -> Tokenizer:
    """Converts open_clip's SimpleTokenizer: byte-level BPE with `</w>` at the end of words, as in OpenAI's CLIP."""
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
    """Returns the `tokenizers` tokenizer inside a transformers tokenizer, or converts a slow one as well as it can be."""
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
        raise ExportError(f"{kind} cannot be written as a `tokenizers` file: {cause}") from cause
