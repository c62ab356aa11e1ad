//! The documents of a phrase.

use std::sync::Arc;

use crate::list::{List, earlier};

/// Passes every document in which the tokens of `lists` follow each other to `each`, by ascending number, with the places
/// of the first token of every such run.
pub(crate) fn each_document(lists: &[Arc<List>], mut each: impl FnMut(u32, &[u32])) {
    if let [only] = lists {
        for (at, number) in only.numbers().iter().enumerate() {
            each(*number, only.places(at));
        }
        return;
    }
    // The shortest list decides which documents are looked at.
    let Some((rarest, driver)) = lists.iter().enumerate().min_by_key(|(_, list)| list.numbers().len()) else { return };
    let mut others: Vec<(u32, Cursor<'_>)> = Vec::with_capacity(lists.len());
    for (before, list) in (0_u32..).zip(lists) {
        if before as usize != rarest {
            others.push((before, Cursor { list, at: 0 }));
        }
    }
    let mut starts = Vec::new();
    for (at, &number) in driver.numbers().iter().enumerate() {
        if !others.iter_mut().all(|(_, cursor)| cursor.seek(number)) {
            continue;
        }
        starts.clear();
        starts.extend(driver.places(at).iter().filter_map(|place| earlier(*place, rarest as u32)).filter(|start| {
            others.iter().all(|(before, cursor)| cursor.list.places(cursor.at).binary_search(&(start + before)).is_ok())
        }));
        if !starts.is_empty() {
            each(number, &starts);
        }
    }
}

/// A position in a list that moves forward.
struct Cursor<'a> {
    list: &'a List,
    at: usize,
}

impl Cursor<'_> {
    /// Moves to the first document from `number` on, and returns whether that is `number`.
    fn seek(&mut self, number: u32) -> bool {
        let rest = self.list.numbers().get(self.at..).unwrap_or_default();
        self.at += gallop(rest, |other| *other < number);
        self.list.numbers().get(self.at) == Some(&number)
    }
}

/// Returns the number of items at the start of a sorted slice that are `less`. The time grows with the logarithm of that
/// number.
///
/// Method: exponential search (Bentley and Yao, "An almost optimal algorithm for unbounded searching", 1976).
pub(crate) fn gallop<T>(sorted: &[T], mut less: impl FnMut(&T) -> bool) -> usize {
    let (mut low, mut step) = (0, 1);
    while sorted.get(low + step - 1).is_some_and(&mut less) {
        low += step;
        step *= 2;
    }
    let within = sorted.get(low..sorted.len().min(low + step - 1)).unwrap_or_default();
    low + within.partition_point(less)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn galloping_counts_what_is_less(mut numbers in proptest::collection::vec(0..40_u32, 0..40), bound in 0..42_u32) {
            numbers.sort_unstable();
            prop_assert_eq!(gallop(&numbers, |n| *n < bound), numbers.iter().filter(|n| **n < bound).count());
        }
    }
}
