"""Texts that no picture answers, against which relevance is calibrated.

They are drawn by a seeded generator or listed here. The queries of tests/soak/nonsense_queries.tsv, which test the
calibration, are none of them.
"""

from __future__ import annotations

import random

_CONSONANTS = "bcdfghjklmnpqrstvwxz"
_VOWELS = "aeiou"
_HIRAGANA = [chr(c) for c in range(0x3042, 0x3093) if c not in (0x3043, 0x3045, 0x3047, 0x3049, 0x3063)]
_SIGNS = "#&%@!?*~;:=+/\\|<>^_-"

# Matters that no picture shows, and words without a subject.
LISTED = [
    "deferred tax liability", "the central limit theorem", "minutes of the annual general meeting", "segmentation fault",
    "ontological argument", "past participle", "burden of proof", "foreign key constraint", "opportunity cost",
    "your subscription has expired", "monetary policy", "judicial review", "lemma and corollary", "privacy policy update",
    "standard deviation", "garbage collection pause", "moral relativism", "subordinate clause", "power of attorney",
    "dependency injection", "elasticity of demand", "two-factor authentication", "exchange rate risk", "freedom of assembly",
    "mathematical induction", "non-disclosure agreement", "regression coefficient", "stack overflow exception",
    "phenomenology of perception", "adverbial phrase", "limited liability", "race condition", "gross domestic product",
    "invalid credentials", "fiscal year", "due process", "eigenvalue decomposition", "licence agreement",
    "confidence interval", "memory leak", "free will and determinism", "verb conjugation", "breach of contract",
    "load balancing policy", "supply chain resilience", "account verification", "bond yield", "electoral reform",
    "Cauchy sequence", "cookie consent", "null pointer", "ethics", "pluperfect", "liability", "recursion", "surplus",
    "subsidy", "axiom", "warranty", "plausible", "therefore", "nevertheless", "whether or not", "and so on and so forth",
    "in accordance with", "with respect to", "as soon as possible", "not necessarily", "more or less", "it depends",
    "owing to the fact that", "to a certain extent", "rather than", "hereinafter", "per se", "notwithstanding the above",
    "繰延税金資産", "中心極限定理", "定時株主総会の議事録", "例外処理", "存在論的証明", "過去分詞", "立証責任", "外部キー制約", "機会費用",
    "契約の更新手続き", "金融政策", "違憲審査権", "補題と系", "利用規約の変更", "標準偏差", "相続税の基礎控除", "道徳相対主義", "従属節",
    "委任状", "依存関係逆転の原則", "需要の価格弾力性", "二段階認証", "為替リスク", "集会の自由", "数学的帰納法", "秘密保持契約", "回帰係数",
    "確定申告の締切", "現象学", "副詞句", "有限責任", "排他制御", "国内総生産", "認証に失敗しました", "会計年度", "適正手続", "固有値分解",
    "使用許諾", "信頼区間", "雇用保険料率", "自由意志と決定論", "動詞の活用", "契約不履行", "源泉徴収票", "供給網の強靱化", "本人確認書類",
    "国債利回り", "選挙制度改革", "位相空間", "住民税の特別徴収", "議決権", "倫理", "接続助詞", "債務", "再帰", "剰余金", "補助金", "公理",
    "保証", "したがって", "それにもかかわらず", "とはいえ", "などなど", "に基づいて", "に関して", "できるだけ早く", "必ずしも", "多かれ少なかれ",
    "場合による", "という理由で", "ある程度", "むしろ", "以下略", "それ自体", "前述のとおり", "ところが", "なんとなく", "ちなみに", "つまり", "一応",
]  # fmt: skip


# Parts of texts that are put together at random.
_MATTERS_EN = (
    "policy theory method analysis principle regulation obligation hypothesis procedure framework strategy criterion "
    "allocation interpretation requirement implication deficit revenue premium liability asset dividend tariff mandate "
    "legislation jurisdiction compliance sanction treaty doctrine ideology methodology ontology semantics syntax morpheme "
    "theorem corollary variable parameter coefficient integral derivative matrix algorithm protocol interface compiler "
    "runtime exception namespace inheritance encryption latency throughput bandwidth redundancy validity reliability "
    "causality relevance consistency sufficiency necessity possibility tendency attitude competence consensus authority"
).split()
_TRAITS_EN = (
    "annual implicit statutory nominal marginal abstract formal temporary eligible gross net conditional legal cognitive "
    "structural asynchronous binary logical social economic administrative preliminary mutual subsequent arbitrary"
).split()
_MATTERS_JA = (
    "政策 理論 方法 分析 原則 規制 義務 仮定 手続き 枠組み 戦略 基準 配分 解釈 要件 含意 赤字 歳入 保険料 負債 資産 配当 関税 権限 立法 管轄 "
    "遵守 制裁 条約 教義 思想 方法論 意味論 構文 形態素 定理 命題 変数 係数 積分 微分 行列 手順 規約 翻訳 例外 継承 暗号化 遅延 帯域 冗長性 "
    "妥当性 信頼性 因果 整合性 十分性 必要性 可能性 傾向 態度 能力 合意 権威 概念 定義 前提 結論 効率 評価 申請 審査 承認 決議 登記 控除 "
    "給付 年金 金利 為替 会計 監査 契約 責任 制度 改革 統計 推定 回帰"
).split()
_LINKS_EN = (
    "although because therefore whereas hence unless until whether since either neither rather quite merely somewhat "
    "perhaps however moreover otherwise should would might must have been being of by with about into from which that "
    "whose such as than then thus not only but also even so already still yet almost enough too very"
).split()
_LINKS_JA = (
    "しかし だから または および ただし それでも なぜなら したがって つまり もし やはり まったく ほとんど たぶん さらに とても かなり むしろ すなわち "
    "によって について において に対して とともに ので のに けれど ながら ところで 一方 以上 未満 なお もしくは あるいは とすれば かもしれない "
    "ではない である だろう べきだ"
).split()
_ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
_SMALL = "ゃゅょっんー"


def _keys(rng: random.Random) -> str:
    """Returns neighbouring keys."""
    row = rng.choice(_ROWS)
    start = rng.randrange(len(row) - 3)
    part = row[start : start + rng.randint(4, 7)]
    return part[::-1] if rng.random() < 0.3 else part + rng.choice(["", part, " " + part[::-1]])


def _letters(rng: random.Random) -> str:
    words = ["".join(rng.choices(_CONSONANTS + _VOWELS[:2], k=rng.randint(4, 9))) for _ in range(rng.randint(1, 3))]
    return " ".join(words).upper() if rng.random() < 0.1 else " ".join(words)


def _syllables(rng: random.Random) -> str:
    """Returns words that can be pronounced."""

    def syllable() -> str:
        parts = rng.choice(_CONSONANTS), rng.choice(["", "", "r", "l", "h"]), rng.choice(_VOWELS)
        return "".join(parts) + rng.choice(["", "", "n", "rk", "st", "m", "ck", "ll"])

    words = ["".join(syllable() for _ in range(rng.randint(2, 4))) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.3:
        words.insert(0, rng.choice(["the", "a", "of", "some"]))
    return " ".join(words)


def _kana(rng: random.Random) -> str:
    letters = rng.choices(_HIRAGANA, k=rng.randint(4, 10))
    for place in range(1, len(letters)):
        if rng.random() < 0.15:
            letters[place] = rng.choice(_SMALL)
    text = "".join(letters)
    if rng.random() < 0.5:
        text = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ん" else c for c in text)
    return text + rng.choice(["", "", "の術", "する", "式", "的な" + rng.choice(_HIRAGANA) * 2])


def _kanji(rng: random.Random) -> str:
    return "".join(chr(rng.randint(0x4E00, 0x9FA0)) for _ in range(rng.randint(2, 6)))


def _signs(rng: random.Random) -> str:
    return "".join(rng.choices("0123456789" * 2 + _SIGNS + "abcdef.", k=rng.randint(5, 14)))


def _matters(rng: random.Random) -> str:
    """Returns abstract nouns, joined."""
    if rng.random() < 0.5:
        one, other = rng.sample(_MATTERS_JA, 2)
        return rng.choice([one, one + other, f"{one}の{other}", f"{one}と{other}", f"{one}に関する{other}"])
    one, other = rng.sample(_MATTERS_EN, 2)
    return rng.choice([one, f"{rng.choice(_TRAITS_EN)} {one}", f"{one} {other}", f"{one} of the {other}"])


def _links(rng: random.Random) -> str:
    """Returns words without a subject."""
    count = rng.randint(2, 5)
    return "".join(rng.sample(_LINKS_JA, min(count, 3))) if rng.random() < 0.5 else " ".join(rng.sample(_LINKS_EN, count))


def drawn(count: int, seed: int) -> list[str]:
    """Returns `count` drawn texts, which are the same for a seed."""
    rng = random.Random(seed)
    kinds = [_letters, _keys, _syllables, _kana, _syllables, _kana, _kanji, _signs, _matters, _matters, _links]
    return [kinds[number % len(kinds)](rng) for number in range(count)]
