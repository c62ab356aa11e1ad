"""The twelve colours that drawings are told apart by, and their names in Japanese and English."""

COLOURS_JA = [
    ["赤い", "赤色の", "赤"],
    ["オレンジの", "オレンジ色の"],
    ["黄色い", "黄色の", "黄"],
    ["緑の", "緑色の", "みどりの"],
    ["水色の", "シアンの"],
    ["青い", "青色の", "ブルーの"],
    ["紫の", "紫色の"],
    ["ピンクの", "ピンク色の", "桃色の"],
    ["茶色い", "茶色の"],
    ["白い", "白の"],
    ["黒い", "黒の"],
    ["灰色の", "グレーの"],
]
COLOURS_EN = [
    "red", "orange", "yellow", "green", "light blue", "blue", "purple", "pink", "brown", "white", "black", "gray",
]  # fmt: skip
