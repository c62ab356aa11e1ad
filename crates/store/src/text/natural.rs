//! The natural order of file names: numbers in them are compared as numbers.

use super::fold::folded_name;

/// The length of a key in bytes. Names that are alike up to there are ordered by the ids of their images.
const MAX_KEY_BYTES: usize = 255;

/// Returns the key whose byte order is the natural order of file names: the folded name, in which each run of ASCII
/// digits is `0`, a byte with the number of the digits without leading zeros, and these digits. `a2` comes before `a10`,
/// and `a02` has the key of `a2`.
#[must_use]
pub fn natural_key(file_name: &str) -> Vec<u8> {
    let name = folded_name(file_name);
    let mut key = Vec::with_capacity(name.len() + 8);
    for run in name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run.first().is_some_and(u8::is_ascii_digit) {
            let zeros = run.iter().take_while(|digit| **digit == b'0').count();
            let digits = run.get(zeros..).unwrap_or_default();
            key.extend([b'0', u8::try_from(digits.len()).unwrap_or(u8::MAX)]);
            key.extend(digits);
        } else {
            key.extend(run);
        }
        if key.len() >= MAX_KEY_BYTES {
            break;
        }
    }
    key.truncate(MAX_KEY_BYTES);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let mut names = ["b", "a10.png", "A2.png", "a.png", "a１.png", "a2b", "a9999999999999999999999", "あ", "a-1"];
        names.sort_by_key(|name| natural_key(name));
        assert_eq!(
            names,
            ["a-1", "a.png", "a１.png", "A2.png", "a2b", "a10.png", "a9999999999999999999999", "b", "あ"]
        );
        assert_eq!(natural_key("a02"), natural_key("a2"));
        assert_eq!(natural_key("00"), natural_key("0"));
        assert_eq!(natural_key(&"9".repeat(300)).len(), MAX_KEY_BYTES);
    }

    proptest! {
        #[test]
        fn numbers_between_equal_texts_have_the_order_of_numbers(a: u64, b: u64, before in "[a-z猫_]{0,9}", after in "[a-z猫_]{0,9}") {
            let key = |n: u64| natural_key(&format!("{before}{n}{after}"));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn the_order_does_not_depend_on_equal_beginnings(a in "[0-9a-c]{0,9}", b in "[0-9a-c]{0,9}", before in "[a-z猫_]{1,9}") {
            let with = |name: &str| natural_key(&format!("{before}{name}"));
            prop_assert_eq!(with(&a).cmp(&with(&b)), natural_key(&a).cmp(&natural_key(&b)));
        }
    }
}
