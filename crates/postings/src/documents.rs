//! The documents by number.

/// The mark of a number whose document has been removed or replaced, and of an id without a document.
const NONE: u32 = u32::MAX;

/// The largest number of replaced and removed documents that are kept whatever the number of documents.
const MIN_STALE: usize = 1_000;

/// The live documents. Each has a number; a replaced document gets a new one, above all others. Lists therefore only ever
/// grow at their ends, and entries of earlier numbers are known to be stale.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The id of each number; [`NONE`] for a stale one.
    ids: Vec<u32>,
    /// The number of tokens of each number's document.
    lengths: Vec<u32>,
    /// The number of each id.
    numbers: Vec<u32>,
    live: usize,
    /// The number of tokens of all live documents.
    tokens: u64,
}

impl Documents {
    /// Adds or replaces a document of `length` tokens, and returns its number; `None` for an id that is negative or does
    /// not fit 32 bits. Row ids count up from 1 and never reach that.
    pub(crate) fn put(&mut self, id: i64, length: u32) -> Option<u32> {
        let at = usize::try_from(id).ok()?;
        let id = u32::try_from(id).ok().filter(|id| *id != NONE)?;
        let number = u32::try_from(self.ids.len()).ok().filter(|number| *number != NONE)?;
        self.remove(i64::from(id));
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, NONE);
        }
        *self.numbers.get_mut(at)? = number;
        self.ids.push(id);
        self.lengths.push(length);
        self.live += 1;
        self.tokens += u64::from(length);
        Some(number)
    }

    /// Removes a document if there is one.
    pub(crate) fn remove(&mut self, id: i64) {
        let Some(number) = self.number(id) else { return };
        if let Some(of_id) = usize::try_from(id).ok().and_then(|at| self.numbers.get_mut(at)) {
            *of_id = NONE;
        }
        if let Some(of_number) = self.ids.get_mut(number as usize) {
            *of_number = NONE;
        }
        self.live -= 1;
        self.tokens -= u64::from(self.length(number));
    }

    /// Returns the number of an id.
    pub(crate) fn number(&self, id: i64) -> Option<u32> {
        self.numbers.get(usize::try_from(id).ok()?).copied().filter(|number| *number != NONE)
    }

    /// Returns the id of a number; `None` when the document is stale.
    pub(crate) fn id(&self, number: u32) -> Option<i64> {
        self.ids.get(number as usize).copied().filter(|id| *id != NONE).map(i64::from)
    }

    /// Returns the number of tokens of a number's document.
    pub(crate) fn length(&self, number: u32) -> u32 {
        self.lengths.get(number as usize).copied().unwrap_or(0)
    }

    /// Returns the number of documents.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Returns the mean number of tokens of a document.
    pub(crate) fn mean_length(&self) -> f64 {
        if self.live == 0 { 0.0 } else { self.tokens as f64 / self.live as f64 }
    }

    /// Returns whether so many numbers are stale that all is to be read anew.
    pub(crate) fn is_stale(&self) -> bool {
        self.ids.len() - self.live > MIN_STALE.max(self.live / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_document_gets_a_new_number_and_leaves_a_stale_one() {
        let mut documents = Documents::default();
        assert_eq!((documents.put(5, 10), documents.put(9, 20)), (Some(0), Some(1)));
        assert_eq!(documents.put(5, 40), Some(2));
        assert_eq!((documents.id(0), documents.id(1), documents.id(2)), (None, Some(9), Some(5)));
        assert_eq!((documents.number(5), documents.number(7)), (Some(2), None));
        assert_eq!((documents.len(), documents.mean_length()), (2, 30.0));
        documents.remove(5);
        documents.remove(5);
        documents.remove(-1);
        assert_eq!((documents.len(), documents.mean_length()), (1, 20.0));
        assert_eq!((documents.put(-1, 1), documents.put(1 << 32, 1)), (None, None));
    }
}
