use proptest::prelude::*;

use super::*;

/// Reads a line and writes each item with its kind in front.
fn read(line: &str) -> Vec<String> {
    let kind = |part: &Part| match part {
        Part::Word(_) => "word",
        Part::Phrase(_) => "phrase",
        Part::Field(_) => "field",
    };
    parse(line).items.iter().map(|item| format!("{} {item}", kind(&item.part))).collect()
}

#[test]
fn a_line_is_read_as_words_phrases_and_fields() {
    let examples: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  　 ", &[]),
        ("夕焼けの海", &["word 夕焼けの海"]),
        ("夕焼け　海", &["word 夕焼け", "word 海"]),
        ("\"cinematic lighting\" cat", &["phrase \"cinematic lighting\"", "word cat"]),
        ("“夜 の 街” „alt stadt", &["phrase \"夜 の 街\"", "phrase \"alt stadt\""]),
        ("猫\"open phrase", &["word 猫", "phrase \"open phrase\""]),
        ("\"\" \" \" 猫", &["word 猫"]),
        ("tag:海", &["field tag:海"]),
        ("TAG:\"black cat\" x", &["field tag:\"black cat\"", "word x"]),
        ("ｔａｇ：海", &["field tag:海"]),
        ("checkpoint:sd_xl_base_1.0", &["field checkpoint:sd_xl_base_1.0"]),
        ("lora:ink sampler:\"DPM++ 2M\"", &["field lora:ink", "field sampler:\"DPM++ 2M\""]),
        ("camera:“Canon EOS R5”", &["field camera:\"Canon EOS R5\""]),
        ("in:/Photos/2024 in:Kyoto", &["field in:/Photos/2024", "field in:Kyoto"]),
        ("taken:2024 taken:2024-5", &["field taken:2024", "field taken:2024-05"]),
        ("taken:2024/05/01", &["field taken:2024-05-01"]),
        ("taken:２０２４－０５", &["field taken:2024-05"]),
        ("taken:2024-05-01..2024-05-31", &["field taken:2024-05"]),
        ("taken:2023..2024", &["field taken:2023..2024"]),
        ("taken:2024..2020", &["field taken:2020..2024"]),
        ("taken:2024.. taken:..2024-02", &["field taken:2024..", "field taken:..2024-02"]),
        ("taken:2024-01..2024-02-03", &["field taken:2024..2024-02-03"]),
        ("type:PNG type:jpeg type:image/webp", &["field type:png", "field type:jpg", "field type:webp"]),
        ("has:caption has:Prompt has:taken", &["field has:caption", "field has:prompt", "field has:taken"]),
        ("-人", &["word -人"]),
        ("－人 −雨", &["word -人", "word -雨"]),
        ("-\"red car\" -tag:海", &["phrase -\"red car\"", "field -tag:海"]),
        ("猫 - 犬", &["word 猫", "word -", "word 犬"]),
        ("--lowres -", &["word --lowres", "word -"]),
        ("-\"…\" -\"\"", &[]),
        ("red-car", &["word red-car"]),
        // A value that is missing or cannot be read leaves a word.
        ("tag: 海", &["word tag:", "word 海"]),
        ("tag:\"\"", &["word tag:"]),
        ("taken:soon", &["word taken:soon"]),
        ("taken:\"last year\"", &["word taken:", "phrase \"last year\""]),
        ("taken:.. taken:2024-13 taken:2023-02-29", &["word taken:..", "word taken:2024-13", "word taken:2023-02-29"]),
        ("taken:0000 taken:9999 taken:24", &["word taken:0000", "word taken:9999", "word taken:24"]),
        ("type:psd has:hat", &["word type:psd", "word has:hat"]),
        ("https://example.com/a 12:30 size:large", &["word https://example.com/a", "word 12:30", "word size:large"]),
        ("(masterpiece:1.2), <lora:ink:0.8>", &["word (masterpiece:1.2),", "word <lora:ink:0.8>"]),
        ("-has:hat", &["word -has:hat"]),
        // A quote ends a value as it ends a word.
        ("taken:2024\" tag:5\"wide", &["field taken:2024", "phrase \"tag:5\"", "word wide"]),
    ];
    for (line, expected) in examples {
        assert_eq!(read(line), *expected, "{line}");
    }
}

#[test]
fn the_items_become_texts_terms_and_a_filter() {
    let line = parse("海 \"red sunset\" … tag:a tag:b -人 -\"two dogs\" -camera:X type:png type:jpg type:png");
    assert_eq!(line.text(), "海 red sunset …");
    assert_eq!(line.terms(), ["海", "\"red sunset\""]);
    assert_eq!(line.without_text(), "人 two dogs");
    let mut filter = Filter { tags: vec!["z".into()], ..Filter::default() };
    line.narrow(&mut filter);
    let left_out = |terms: &str| Filter { terms: vec![terms.to_owned()], ..Filter::default() };
    let expected = Filter {
        tags: vec!["z".into(), "a".into(), "b".into()],
        file_types: vec!["image/png".into(), "image/jpeg".into()],
        none_of: vec![
            Filter { cameras: vec!["X".into()], ..Filter::default() },
            left_out("人"),
            left_out("\"two dogs\""),
        ],
        ..Filter::default()
    };
    assert_eq!(filter, expected);
}

#[test]
fn several_times_of_taking_narrow_each_other() {
    let mut filter = Filter::default();
    parse("taken:2023-05.. taken:..2024 taken:2020..2024-02-03").narrow(&mut filter);
    assert_eq!(filter.taken_from, Some(time::macros::datetime!(2023-05-01 0:00)));
    assert_eq!(filter.taken_before, Some(time::macros::datetime!(2024-02-04 0:00)));
}

#[test]
fn nothing_both_has_a_fact_and_lacks_it() {
    let mut filter = Filter { has_caption: Some(false), ..Filter::default() };
    let absent = filter.clone();
    parse("has:caption").narrow(&mut filter);
    assert_eq!(filter, Filter { none_of: vec![absent.clone()], ..absent });
}

#[test]
fn a_value_is_written_so_that_it_is_read_again() {
    assert_eq!(field_text("tag", "海").as_deref(), Some("tag:海"));
    assert_eq!(field_text("tag", "black cat").as_deref(), Some("tag:\"black cat\""));
    assert_eq!(field_text("tag", "5\" wide"), None);
    assert_eq!(field_text("colour", "red"), None);
    assert_eq!(plain_text("sunset").as_deref(), Some("sunset"));
    assert_eq!(plain_text("tag:x").as_deref(), Some("\"tag:x\""));
    assert_eq!(plain_text("-x").as_deref(), Some("\"-x\""));
    assert_eq!(plain_text("my cat.png").as_deref(), Some("\"my cat.png\""));
    assert_eq!(plain_text("a\"b c"), None);
}

/// Texts of the characters that mean something in a line.
fn line() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "tag:", "taken:", "has:", "type:", "in：", "-", "－", "\"", "“", "”", " ", "　", "..", "2024", "-05",
        "caption", "png", "海", "a b", ":", "…", "🐱", "/",
    ]);
    let pieces = proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, "\\PC{0,30}"]
}

proptest! {
    #[test]
    fn a_line_that_is_written_is_read_as_the_same_line(text in line()) {
        let line = parse(&text);
        prop_assert_eq!(parse(&line.to_string()), line);
    }

    #[test]
    fn a_line_without_fields_is_a_plain_query(text in "[a-c海猫 　\"“”.…★]{0,20}") {
        let line = parse(&text);
        prop_assert_eq!(line.terms(), terms(&text));
        let words = |text: &str| text.replace(['"', '“', '”'], " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&line.text()), words(&text));
        let mut filter = Filter::default();
        line.narrow(&mut filter);
        prop_assert!(filter.is_empty());
    }

    #[test]
    fn days_are_read_as_they_are_written(a in "20[0-3][0-9](-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?", b in "20[0-3][0-9](-(0[1-9]|1[0-2]))?") {
        for text in [a.clone(), format!("{a}..{b}"), format!("{b}.."), format!("..{a}")] {
            let days = Days::read(&text).unwrap();
            prop_assert_eq!(Days::read(&days.to_string()), Some(days), "{}", text);
        }
    }
}
