//! The posting list of one token.

/// The number of bits of the offset in a place. The column is above them.
const OFFSET_BITS: u32 = 24;

/// The largest offset that is told apart from others.
const MAX_OFFSET: u32 = (1 << OFFSET_BITS) - 1;

/// The mark of a document with several places.
const SEVERAL: u32 = 1 << 31;

/// The largest number of columns.
pub(crate) const MAX_COLUMNS: usize = 16;

/// Returns the place of an occurrence: its column, and its offset among the tokens of the column. Consecutive tokens have
/// consecutive places.
pub(crate) fn place(column: u8, offset: u32) -> u32 {
    debug_assert!(usize::from(column) < MAX_COLUMNS);
    u32::from(column) << OFFSET_BITS | offset.min(MAX_OFFSET)
}

/// Returns the column of a place.
pub(crate) fn column(place: u32) -> usize {
    (place >> OFFSET_BITS) as usize
}

/// Returns the place `before` tokens earlier in the same column.
pub(crate) fn earlier(place: u32, before: u32) -> Option<u32> {
    (place & MAX_OFFSET >= before).then(|| place - before)
}

/// The documents of one token by ascending number, and the places where it stands in each.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    numbers: Vec<u32>,
    /// The place of each document of `numbers`, or [`SEVERAL`] and the start of its places in `several`. Most documents hold
    /// a token once.
    places: Vec<u32>,
    /// The places of documents with several of them, after their count.
    several: Vec<u32>,
}

impl List {
    /// Makes a list of pairs of number and place, which come in any order.
    pub(crate) fn new(mut pairs: Vec<(u32, u32)>) -> Self {
        if !pairs.is_sorted() {
            pairs.sort_unstable();
        }
        let mut list = Self::default();
        for (number, place) in pairs {
            list.push(number, place);
        }
        list.numbers.shrink_to_fit();
        list.places.shrink_to_fit();
        list.several.shrink_to_fit();
        list
    }

    /// Adds a place. Its number is not below the numbers before, and places of one number come in ascending order.
    pub(crate) fn push(&mut self, number: u32, place: u32) {
        if self.numbers.last() != Some(&number) {
            self.numbers.push(number);
            self.places.push(place);
            return;
        }
        let Some(last) = self.places.last_mut() else { return };
        if *last & SEVERAL == 0 {
            let start = self.several.len() as u32;
            self.several.extend([1, *last]);
            *last = SEVERAL | start;
        }
        // The places of the last document are the last ones of all.
        if let Some(count) = self.several.get_mut((*last & !SEVERAL) as usize) {
            *count += 1;
            self.several.push(place);
        }
    }

    /// Returns the documents by ascending number.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Returns the places of the document at an index of [`Self::numbers`], in ascending order.
    pub(crate) fn places(&self, at: usize) -> &[u32] {
        match self.places.get(at) {
            Some(place) if place & SEVERAL == 0 => std::slice::from_ref(place),
            Some(start) => {
                let from_count = self.several.get((start & !SEVERAL) as usize..).unwrap_or_default();
                let Some((count, places)) = from_count.split_first() else { return &[] };
                places.get(..*count as usize).unwrap_or_default()
            }
            None => &[],
        }
    }

    /// Returns the bytes that the list takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + 4 * (self.numbers.capacity() + self.places.capacity() + self.several.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_every_place_of_every_document() {
        let list =
            List::new(vec![(7, place(1, 3)), (2, place(0, 0)), (7, place(0, 9)), (7, place(1, 4)), (9, place(5, 0))]);
        assert_eq!(list.numbers(), [2, 7, 9]);
        assert_eq!(list.places(0), [place(0, 0)]);
        assert_eq!(list.places(1), [place(0, 9), place(1, 3), place(1, 4)]);
        assert_eq!(list.places(2), [place(5, 0)]);
        assert!(list.places(3).is_empty());
    }

    #[test]
    fn places_are_consecutive_within_a_column_only() {
        assert_eq!(earlier(place(2, 5), 5), Some(place(2, 0)));
        assert_eq!(earlier(place(2, 5), 6), None);
        assert_eq!(column(place(5, u32::MAX)), 5);
    }
}
