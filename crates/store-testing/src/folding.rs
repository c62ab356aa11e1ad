//! Folding: the spellings that find each other in texts and in file names, and what double quotes keep apart.

use mitsuke_store::{Filter, Store};

use crate::fixtures::*;

/// The relation of two texts that a row of [`SPELLINGS`] states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Are {
    /// One spelling: each finds the other, in double quotes too.
    Same,
    /// Two spellings: each finds the other, but not in double quotes.
    Alike,
    /// Two spellings that find each other in texts, but not by a part of a file name.
    AlikeInTexts,
    /// Two texts: neither finds the other.
    Different,
}
use Are::*;

/// Two texts and what they are to each other. The same table, for people, is in docs/search.md.
const SPELLINGS: [(&str, &str, Are); 62] = [
    // Composed and decomposed characters: Macs send names decomposed.
    ("プールサイド", "フ\u{309a}ールサイト\u{3099}", Same),
    ("déclaration", "de\u{301}claration", Same),
    // Width and compatibility forms.
    ("ガーデン", "ｶﾞｰﾃﾞﾝ", Same),
    ("SDXL", "ＳＤＸＬ", Same),
    ("神社", "\u{fa19}社", Same),
    ("葛城", "葛\u{e0100}城", Same),
    ("メートル", "㍍", Same),
    // Case, beyond ASCII and with full case folding.
    ("МОСКВА", "москва", Same),
    ("ÉTÉ", "été", Same),
    ("straße", "STRASSE", Same),
    ("ΟΔΟΣ", "οδος", Same),
    ("İstanbul", "i\u{307}stanbul", Same),
    // Accents of Latin, Greek and Cyrillic letters. The marks of other scripts are letters of their own.
    ("café", "cafe", Alike),
    ("Pokémon", "pokemon", Alike),
    ("İstanbul", "istanbul", Alike),
    ("smørrebrød", "smorrebrod", Alike),
    ("œuvre", "oeuvre", Alike),
    ("Αθήνα", "αθηνα", Alike),
    ("ёлка", "елка", Alike),
    ("йод", "иод", Different),
    ("かき", "がき", Different),
    ("はん", "ぱん", Different),
    // Hiragana and katakana. Small kana are other sounds.
    ("ペンギン", "ぺんぎん", Alike),
    ("ふくろう", "ﾌｸﾛｳ", Alike),
    ("しょうゆ", "しようゆ", Different),
    ("きって", "きつて", Different),
    // ヴ is also written with バ and so on.
    ("ヴァイオリン", "バイオリン", Alike),
    ("ヴィーナス", "ビーナス", Alike),
    ("インタヴュー", "インタビュー", Alike),
    ("ラヴ", "ラブ", Alike),
    // The long mark at the end of katakana words of four characters and more.
    ("サーバー", "サーバ", Alike),
    ("コンピューター", "コンピュータ", Alike),
    ("コンピューター室", "コンピュータ室", AlikeInTexts),
    ("ビール", "ビル", Different),
    // The long mark as a dash or a tilde, and a hyphen as a long mark.
    ("コ−ヒ−カップ", "コーヒーカップ", Alike),
    ("らーめん", "ら〜めん", Alike),
    ("１００ー２３４５", "100-2345", Alike),
    ("100\u{2212}2345", "100-2345", Same),
    // Iteration marks.
    ("時々刻々", "時時刻刻", Alike),
    ("学問のすゝめ", "学問のすすめ", Alike),
    ("いすゞ", "いすず", Alike),
    ("バナヽ", "バナナ", Alike),
    ("〃々", "〃木", Different),
    // Small ヶ and ヵ.
    ("茅ヶ崎", "茅ケ崎", Alike),
    ("茅ヶ崎", "茅が崎", Alike),
    ("霞ヶ関", "霞が関", Alike),
    ("三ヶ月", "三か月", Alike),
    ("3ケ月", "3カ月", Alike),
    ("二ヵ所", "二箇所", Alike),
    ("猫が犬", "猫け犬", Different),
    // The dot between the parts of a name.
    ("スーパー・マリオ", "スーパーマリオ", Alike),
    ("レオナルド＝ダ＝ヴィンチ", "レオナルド・ダ・ビンチ", Alike),
    ("black・cat", "blackcat", Different),
    // Old and rare forms of kanji.
    ("國", "国", Alike),
    ("澤田國男", "沢田国男", Alike),
    ("廣島", "広島", Alike),
    ("髙島", "高島", Alike),
    ("宮﨑", "宮崎", Alike),
    ("體操", "体操", Alike),
    ("鷗", "鴎", Alike),
    ("辨當", "弁当", Alike),
    ("大", "太", Different),
];

pub fn each_spelling_finds_the_others_in_texts(store: &dyn Store) {
    for (n, (a, b, are)) in SPELLINGS.into_iter().enumerate() {
        for (text, query) in [(a, b), (b, a)] {
            let image = picture(&format!("{n} {text}")).named("x").caption(text).insert(store);
            let finds = |query: &str| found(store, &[query]).contains(&image);
            assert!(finds(text) && finds(&format!("\"{text}\"")), "{text} is not found by itself");
            assert_eq!(finds(query), are != Different, "{query} finds {text}");
            // サーバ is a part of サーバー as it is spelled.
            let exact = are == Same || text.contains(query);
            assert_eq!(finds(&format!("\"{query}\"")), exact, "\"{query}\" finds {text}");
            assert!(store.delete_image(image).unwrap());
        }
    }
}

pub fn each_spelling_finds_the_others_in_file_names(store: &dyn Store) {
    for (n, (a, b, are)) in SPELLINGS.into_iter().enumerate() {
        for (text, part) in [(a, b), (b, a)] {
            let image = picture(&format!("{n} {text}")).named(&format!("写真 {text}.png")).insert(store);
            let passes = |filter: &Filter| {
                let page = mitsuke_store::Page { filter: filter.clone(), ..mitsuke_store::Page::first(9) };
                !store.newest_page(&page).unwrap().is_empty()
            };
            let named = |part: &str| passes(&Filter { file_name_contains: Some(part.into()), ..Filter::default() });
            let like =
                |part: &str| passes(&Filter { file_name_pattern: Some(format!("*{part}*")), ..Filter::default() });
            assert!(named(text) && like(text), "{text} is not found by itself");
            let sound = part.contains('ー') || text.contains('ー');
            if are != AlikeInTexts {
                assert_eq!(named(part), are != Different, "{part} finds the file name {text}");
            }
            if !sound {
                assert_eq!(like(part), are != Different, "the pattern {part} matches the file name {text}");
            }
            assert!(store.delete_image(image).unwrap());
        }
    }
}

pub fn a_part_of_a_word_is_found_whatever_folds_around_it(store: &dyn Store) {
    let texts = ["佐々木の家々", "茅ヶ崎", "ブックカバー", "データサーバーラック", "ヴァイオリン"];
    for text in texts {
        let image = picture(text).named("x").caption(text).insert(store);
        let characters: Vec<char> = text.chars().collect();
        for length in 1..=characters.len() {
            for part in characters.windows(length) {
                let part: String = part.iter().collect();
                assert!(found(store, &[&part]).contains(&image), "{part} in {text}");
                assert!(found(store, &[&format!("\"{part}\"")]).contains(&image), "\"{part}\" in {text}");
            }
        }
    }
    assert!(found(store, &["カバ"]).len() == 1 && found(store, &["キー"]).is_empty());
}

pub fn the_long_mark_of_short_words_is_no_end(store: &dyn Store) {
    let hippo = picture("1").caption("カバ").insert(store);
    let cover = picture("2").caption("カバー").insert(store);
    assert_eq!(sorted(found(store, &["カバ"])), [hippo, cover]);
    assert_eq!(found(store, &["カバー"]), [cover]);
    picture("3").caption("手伝ってもらいたい").insert(store);
    assert!(found(store, &["ライター"]).is_empty(), "the mark is left out of katakana words only");
}

pub fn file_names_fold_with_their_filters(store: &dyn Store) {
    let name = picture("1").named("ÉTÉ МОСКВА 國.png").insert(store);
    let wide = picture("2").named("ネコ＊.png").insert(store);
    let pass = |filter: Filter| {
        let page = mitsuke_store::Page { filter, ..mitsuke_store::Page::first(9) };
        store.newest_page(&page).unwrap().iter().map(|image| image.image_id).collect::<Vec<_>>()
    };
    let pattern = |pattern: &str| pass(Filter { file_name_pattern: Some(pattern.into()), ..Filter::default() });
    assert_eq!(pattern("été*国.PNG"), [name]);
    assert_eq!(pattern("ねこ?.png"), [wide]);
    assert!(pattern("ねこ＊").is_empty(), "a wide asterisk is no wildcard");
    assert!(pattern(&"a".repeat(2_000)).is_empty());
    let long = Filter { file_name_contains: Some("a".repeat(2_000)), ..Filter::default() };
    assert!(pass(long).is_empty());
}
