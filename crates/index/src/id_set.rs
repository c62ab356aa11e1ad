//! The ids that a search may find.

/// A set of ids with a bit for each, up to the greatest one. It suits ids that count up from 0 or 1, such as row ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSet {
    words: Vec<u64>,
    len: usize,
}

impl IdSet {
    /// Adds an id. A negative id cannot be in the set and is left out.
    pub fn insert(&mut self, id: i64) {
        let Ok(at) = usize::try_from(id) else { return };
        if self.words.len() <= at / 64 {
            self.words.resize(at / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at / 64)
            && *word & (1 << (at % 64)) == 0
        {
            *word |= 1 << (at % 64);
            self.len += 1;
        }
    }

    /// Makes the set whose bits are those of `words`: bit `n` of word `w` stands for the id 64 · `w` + `n`.
    #[must_use]
    pub fn from_words(words: Vec<u64>) -> Self {
        let len = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, len }
    }

    /// Returns the bits as [`Self::from_words`] takes them. Words behind the last one are 0.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Returns whether `id` is in the set.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        let Ok(at) = usize::try_from(id) else { return false };
        self.words.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Returns the number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no ids.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the ids in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0_i64..).step_by(64).zip(&self.words).flat_map(|(first, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then(|| first + i64::from(bit))
            })
        })
    }

    /// Returns the ids in descending order.
    pub fn iter_descending(&self) -> impl Iterator<Item = i64> {
        self.words.iter().enumerate().rev().flat_map(|(at, word)| {
            let (first, mut rest) = (64 * at as i64, *word);
            std::iter::from_fn(move || {
                let bit = rest.checked_ilog2()?;
                rest ^= 1 << bit;
                Some(first + i64::from(bit))
            })
        })
    }
}

impl FromIterator<i64> for IdSet {
    fn from_iter<T: IntoIterator<Item = i64>>(ids: T) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

/// The restriction of a search to some ids. The default lets all ids through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// The only ids that may be found; `None` for all ids.
    pub only: Option<&'a IdSet>,
    /// A few ids that may not be found.
    pub except: &'a [i64],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_exactly_the_inserted_ids() {
        let set: IdSet = [1000, 1, 63, 64, 0, 64, -5].into_iter().collect();
        assert_eq!((set.len(), set.is_empty()), (5, false));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 63, 64, 1000]);
        assert_eq!(set.iter_descending().collect::<Vec<_>>(), [1000, 64, 63, 1, 0]);
        assert!([0, 1, 63, 64, 1000].iter().all(|id| set.contains(*id)));
        assert!([2, 65, 1001, 1_000_000, -5].iter().all(|id| !set.contains(*id)));
        assert!(IdSet::default().is_empty());
        assert_eq!(IdSet::from_words(set.words().to_vec()), set);
    }
}
