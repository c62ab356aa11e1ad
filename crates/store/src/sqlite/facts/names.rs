//! The folded file names, in one text that is searched as a whole.

use memchr::memmem::Finder;

/// The byte behind each name. No name holds it, because it never occurs in UTF-8.
const END: u8 = 0xff;

/// The mark of a place without a name.
const NONE: u32 = u32::MAX;

/// The number of changed names that are kept whatever the number of all names.
const MIN_STALE: usize = 1_000;

/// The number of names that are looked at one after the other before a binary search.
const NEAR: usize = 8;

/// The names by place.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The names in the order in which they were set, each with [`END`] behind it.
    text: Vec<u8>,
    /// The start of each name in `text`, and its place.
    starts: Vec<(u32, u32)>,
    /// The index in `starts` of the name of each place.
    of_place: Vec<u32>,
    len: usize,
}

impl Names {
    /// Sets the name of a place.
    pub(super) fn set(&mut self, at: usize, name: &str) {
        self.remove(at);
        if self.starts.len() > self.len * 2 + MIN_STALE {
            self.compact();
        }
        if self.of_place.len() <= at {
            self.of_place.resize(at + 1, NONE);
        }
        if let Some(of_place) = self.of_place.get_mut(at) {
            *of_place = self.starts.len() as u32;
        }
        self.push(at, name.as_bytes());
        self.len += 1;
    }

    /// Removes the name of a place.
    pub(super) fn remove(&mut self, at: usize) {
        if let Some(of_place) = self.of_place.get_mut(at)
            && *of_place != NONE
        {
            *of_place = NONE;
            self.len -= 1;
        }
    }

    /// Returns the name of a place.
    pub(super) fn get(&self, at: usize) -> &str {
        let index = self.of_place.get(at).copied().unwrap_or(NONE);
        std::str::from_utf8(self.bytes(index as usize)).unwrap_or_default()
    }

    /// Passes the place of each name that holds `part` to `each`.
    pub(super) fn each_that_contains(&self, part: &str, mut each: impl FnMut(usize)) {
        let finder = Finder::new(part);
        // The search starts anew behind a name that has been found.
        let (mut from, mut index) = (0, 0);
        while let Some(found) = self.text.get(from..).and_then(|rest| finder.find(rest)) {
            let at = (from + found) as u32;
            index += starts_up_to(self.starts.get(index..).unwrap_or_default(), at);
            let Some((name, &(_, place))) = index.checked_sub(1).and_then(|name| Some((name, self.starts.get(name)?)))
            else {
                return;
            };
            if self.of_place.get(place as usize) == Some(&(name as u32)) {
                each(place as usize);
            }
            let Some(&(next, _)) = self.starts.get(index) else { return };
            from = next as usize;
        }
    }

    fn bytes(&self, index: usize) -> &[u8] {
        let Some((start, _)) = self.starts.get(index) else { return &[] };
        let end = self.starts.get(index + 1).map_or(self.text.len(), |(next, _)| *next as usize);
        self.text.get(*start as usize..end - 1).unwrap_or_default()
    }

    fn push(&mut self, at: usize, name: &[u8]) {
        self.starts.push((self.text.len() as u32, at as u32));
        self.text.extend_from_slice(name);
        self.text.push(END);
    }

    /// Writes the names anew without those that have been replaced or removed.
    fn compact(&mut self) {
        let old = std::mem::take(self);
        self.of_place = vec![NONE; old.of_place.len()];
        for (at, index) in old.of_place.iter().enumerate().filter(|(_, index)| **index != NONE) {
            if let Some(of_place) = self.of_place.get_mut(at) {
                *of_place = self.starts.len() as u32;
            }
            self.push(at, old.bytes(*index as usize));
            self.len += 1;
        }
    }
}

/// Returns the number of names that start up to a byte. Most often it is small.
fn starts_up_to(starts: &[(u32, u32)], at: u32) -> usize {
    let near = starts.iter().take(NEAR).take_while(|(start, _)| *start <= at).count();
    if near < NEAR { near } else { starts.partition_point(|(start, _)| *start <= at) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_found_by_their_parts(
            changes in proptest::collection::vec((0..6_usize, proptest::option::weighted(0.8, "[ab猫]{0,4}")), 1..40),
            parts in proptest::collection::vec("[ab猫]{0,2}", 1..5),
            compact: bool,
        ) {
            let (mut names, mut expected) = (Names::default(), BTreeMap::new());
            for (at, name) in changes {
                match name {
                    Some(name) => {
                        names.set(at, &name);
                        expected.insert(at, name);
                    }
                    None => {
                        names.remove(at);
                        expected.remove(&at);
                    }
                }
            }
            if compact {
                names.compact();
            }
            for (at, name) in &expected {
                prop_assert_eq!(names.get(*at), name);
            }
            for part in parts {
                let mut found = Vec::new();
                names.each_that_contains(&part, |at| found.push(at));
                found.sort_unstable();
                let holding = expected.iter().filter(|(_, name)| name.contains(&part));
                prop_assert_eq!(found, holding.map(|(at, _)| *at).collect::<Vec<_>>());
            }
        }
    }
}
