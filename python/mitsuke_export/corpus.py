"""Texts on which tokenizers and text towers are compared: Japanese, English, emoji, and what people paste.

They were written for this purpose. No text is mojibake and none spells a special token, because Mitsuke's cleaning
differs there on purpose: text arrives as UTF-8, and a query must not inject control tokens.
"""

TEXTS = [
    "猫", "犬", "ねこ", "ネコ", "子猫が窓辺で眠っている", "夕焼けの海", "雪の積もった山", "青い車が走っている",
    "赤い花の写真", "お寿司", "ラーメンを食べる人", "夜空に輝く星", "桜並木の下を歩く家族", "東京タワーの夜景",
    "紅葉した森の中の小さな湖", "浴衣を着た女性が花火を見上げている", "新幹線と富士山", "1990年代のアニメ風の少女、緑のドレス",
    "「引用」と、句読点。そして『二重』！？", "スーパーマーケットのレジ", "ヴァイオリン・コンサート", "々〆ヶ",
    "cat", "a photo of a dog", "red car", "Sunset over the sea", "SNOWY MOUNTAIN", "people walking in the rain",
    "Don't stop; it's the artist's best work!", "masterpiece, best quality, 1girl, (green dress:1.2)",
    "state-of-the-art 4k wallpaper", "naïve café, Zürich", "C++ & Rust @ 100% #tags", "snake_case_name.png",
    "http://example.org/a?b=c", "3.14 1,000 42", "e = mc^2",
    "🐱", "🍣🍜", "👨‍👩‍👧‍👦", "❤️", "犬 と cat 🐕", "桜🌸が満開", "👍🏽 nice", "🇯🇵",
    "ＡＢＣ　１２３", "ﾈｺ", "ｶﾞﾝﾀﾞﾑ", "①㍻㌔", "Ｓｕｎｓｅｔ", "か\u3099き\u3099",
    "１０時～１２時", "ずっと〜", "ﾊﾟﾋﾟﾌﾟ", "ゔぁ", "e\u0301cole",
    "  先頭と末尾の空白  ", "改行\nと\tタブ", "全角　空白　　だらけ", "double  spaces   inside", "", " ", "　", "。", "a", "!", "?!",
    "髙橋さんと𠮷野家と﨑", "한국어 텍스트", "Привет мир", "中文的句子，关于一只猫", "ภาษาไทย", "Ελληνικά ΣΑΣ", "İstanbul",
    "AT&T", "5 < 6", "a & b", "tom &amp; jerry", "“curly” ‘quotes’ – and — dashes…", "½ cup", "™ ® ©", "\u200bzero\u200dwidth",
    "とても長い説明文です。" * 12,
    "The quick brown fox jumps over the lazy dog and keeps running through the forest until night falls. " * 6,
    "海辺の町で猫と犬が昼寝をしている、夏の午後の写真。" * 8 + "end",
]  # fmt: skip

# Runs of one character, which a Unigram model may cut in two ways that are equally good.
RUNS = ["x" * 40, "wwwwwww", "すごーーーーい！！！！！", "あああああああああ", "ｗｗｗｗｗ"]

# Texts of several lengths whose vectors are compared.
SAMPLES = [
    "猫", "a photo of a dog", "夕焼けの海", "青い車が走っている", "🍣 お寿司の写真", "SNOWY MOUNTAIN",
    "桜並木の下を歩く家族", "masterpiece, best quality, 1girl, (green dress:1.2)", "", "ＡＢＣ　１２３",
    "紅葉した森の中の小さな湖、朝の光、水面に映る山々、静かな風景", "海辺の町で猫と犬が昼寝をしている、夏の午後の写真。" * 8,
]  # fmt: skip

# Texts whose vectors are written into model.json.
REFERENCES = ["猫", "夕焼けの海", "a red car", "雪の積もった山", "🍣 お寿司の写真"]
