//! Tests of ids and tensors, with the tokenizer of the tiny model.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::Manifest;

fn folder() -> PathBuf {
    PathBuf::from(crate::TINY_MODEL)
}

fn tokenizer(change: impl FnOnce(&mut TextTower)) -> TextTokenizer {
    let mut tower = Manifest::read(&folder()).unwrap().text;
    change(&mut tower);
    TextTokenizer::load(&folder(), &tower).unwrap()
}

/// Returns the tokenizer's own ids of a short text.
fn own_ids(text: &str) -> Vec<i64> {
    let plain = tokenizer(|tower| (tower.prefix_ids, tower.suffix_ids, tower.context_length) = (vec![], vec![], 64));
    plain.encode(text).unwrap().as_slice().to_vec()
}

#[test]
fn prefix_and_suffix_go_around_and_are_not_shifted() {
    let own = own_ids("赤い車");
    assert_eq!(own.len(), 2, "two words of the vocabulary");
    let shifted = tokenizer(|tower| (tower.prefix_ids, tower.suffix_ids, tower.id_offset) = (vec![7, 8], vec![9], 100));
    let expected = [7, 8, own[0] + 100, own[1] + 100, 9];
    assert_eq!(shifted.encode("赤い車").unwrap().as_slice(), expected);
}

#[test]
fn cleaning_comes_first() {
    assert_eq!(own_ids(" ＲＥＤ\u{3000}\n ＣＡＲ "), own_ids("red car"));
}

#[test]
fn a_long_text_is_cut_and_keeps_its_suffix() {
    let ids = tokenizer(|_| ()).encode(&"赤い車".repeat(1_000)).unwrap();
    assert_eq!(ids.as_slice().len(), 16);
    assert_eq!((ids.as_slice()[0], ids.as_slice()[15]), (1, 2));
}

#[test]
fn rows_are_filled_to_the_longest_or_to_the_context() {
    let inputs = vec![TextInput::PositionIds, TextInput::InputIds, TextInput::AttentionMask];
    let rows = [TokenIds([5, 6, 7].into()), TokenIds([8].into())];
    let longest = tokenizer(|tower| (tower.padding, tower.inputs) = (Padding::Longest, inputs.clone()));
    let batch = longest.batch(&rows);
    assert_eq!((batch.rows, batch.length), (2, 3));
    assert_eq!(batch.inputs, [[0, 1, 2, 0, 1, 2], [5, 6, 7, 8, 3, 3], [1, 1, 1, 1, 0, 0]]);

    let full = tokenizer(|tower| (tower.padding, tower.context_length) = (Padding::ContextLength, 4));
    let batch = full.batch(&rows);
    assert_eq!((batch.rows, batch.length), (2, 4));
    let expected = [[5, 6, 7, 3, 8, 3, 3, 3], [1, 1, 1, 0, 1, 0, 0, 0], [0, 1, 2, 3, 0, 1, 2, 3]];
    assert_eq!(batch.inputs, expected);
}

#[test]
fn a_text_without_tokens_still_makes_a_row() {
    let bare = tokenizer(|tower| {
        (tower.prefix_ids, tower.suffix_ids, tower.padding) = (vec![], vec![], Padding::Longest);
    });
    let ids = bare.encode(" \u{3000} ").unwrap();
    assert_eq!(ids.as_slice(), [] as [i64; 0]);
    let batch = bare.batch(&[ids]);
    assert_eq!((batch.rows, batch.length, &batch.inputs[0]), (1, 1, &vec![3]));
}

#[test]
fn a_file_that_is_no_tokenizer_is_refused_by_name() {
    let mut tower = Manifest::read(&folder()).unwrap().text;
    tower.tokenizer = tower.full.file.clone();
    let error = TextTokenizer::load(&folder(), &tower).err().unwrap();
    assert!(error.to_string().contains("text.pt is not a usable tokenizer"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_exceeds_the_context(text in "(\\PC|[&#;あ猫Ａ\u{300}]|\\s){0,80}", context in 3_usize..40, offset in 0_i64..5) {
        let tokenizer = tokenizer(|tower| (tower.context_length, tower.id_offset) = (context, offset));
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert!(ids.as_slice().len() <= context);
        prop_assert_eq!((ids.as_slice().first(), ids.as_slice().last()), (Some(&1), Some(&2)));
        let batch = tokenizer.batch(&[ids]);
        prop_assert!(batch.inputs.iter().all(|input| input.len() == context));
    }

    #[test]
    fn no_text_breaks_cleaning(text in "(\\PC|[&#;é€â\u{80}-\u{ff}\u{d7ff}\u{0}-\u{1f}]){0,60}") {
        use crate::CleaningStep::*;
        let cleaned = clean(&text, &[Ftfy, HtmlUnescape, HtmlUnescape, Nfkc, Lowercase, CollapseWhitespace]);
        prop_assert!(!cleaned.contains("  "));
        prop_assert_eq!(cleaned.trim(), &cleaned);
    }
}
