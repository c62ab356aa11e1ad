//! The facts of all images in memory, which filters compare, facets count and lists sort by.
//!
//! Each fact is a column with an item for every image id. Ids count up from 1 and are never used again, so the few gaps of
//! deleted images cost less than a table of places would. A filter is one pass over each column that it compares, which
//! takes a tenth of a millisecond for 200,000 images. The facts are a cache of the rows ([`cache`]), made of them when the
//! store is opened ([`build`]) and changed with every commit.

mod arena;
mod build;
mod cache;
mod counts;
mod dictionary;
mod filter;
mod names;
mod order;
mod recent;
mod row;

pub(super) use build::build;
pub(super) use cache::{Change, FactsCache};
pub(super) use counts::{Counted, CountedFacet};
pub(super) use row::FactsRow;

use arena::Arena;
use dictionary::{Code, Dictionary};
use names::Names;
use recent::RecentFilters;

use crate::{Facet, ImageId};

/// The mark of an image without the time at which it was taken.
const NO_DATE: i64 = i64::MIN;

/// The facets of which an image has one value at most, in the order of [`FactsRow::values`].
const SINGLE: [Facet; 6] =
    [Facet::Checkpoint, Facet::Sampler, Facet::FileType, Facet::Month, Facet::Camera, Facet::Folder];

/// The facts of all images. An item of an id without an image is unspecified.
#[derive(Debug, Default)]
pub(super) struct FactsIndex {
    /// A bit for each id, set where there is an image.
    present: Vec<u64>,
    len: usize,
    /// Microseconds since 1970.
    uploaded: Vec<i64>,
    /// Microseconds since 1970 of the clock of the camera as if it showed UTC, or [`NO_DATE`].
    taken: Vec<i64>,
    bytes: Vec<u64>,
    widths: Vec<u32>,
    heights: Vec<u32>,
    seeds: Vec<u64>,
    flags: Vec<Flags>,
    /// The values of [`SINGLE`].
    single: [SingleValues; SINGLE.len()],
    tags: SeveralValues,
    loras: SeveralValues,
    names: Names,
    recent: RecentFilters,
}

/// The facts that are true or false.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    has_generation_prompt: bool,
    has_caption: bool,
    has_seed: bool,
}

/// A fact of one value at most.
#[derive(Debug, Default)]
struct SingleValues {
    codes: Vec<Code>,
    dictionary: Dictionary,
}

/// A fact of several values.
#[derive(Debug, Default)]
struct SeveralValues {
    codes: Arena<Code>,
    dictionary: Dictionary,
}

impl SeveralValues {
    fn set(&mut self, at: usize, values: &[String]) {
        let codes: Vec<Code> = values.iter().map(|value| self.dictionary.code(value)).collect();
        self.codes.set(at, &codes);
    }
}

impl FactsIndex {
    /// Adds or replaces the facts of an image. An id that is negative or does not fit 32 bits is left out; row ids never
    /// reach that.
    pub(super) fn put(&mut self, row: &FactsRow) {
        let Some(at) = place(row.image_id) else { return };
        self.recent.clear();
        self.grow_to(at + 1);
        if !self.contains(at) {
            self.len += 1;
        }
        if let Some(word) = self.present.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        let flags = Flags {
            has_generation_prompt: row.has_generation_prompt,
            has_caption: row.has_caption,
            has_seed: row.seed.is_some(),
        };
        set(&mut self.uploaded, at, row.uploaded);
        set(&mut self.taken, at, row.taken.unwrap_or(NO_DATE));
        set(&mut self.bytes, at, row.bytes);
        set(&mut self.widths, at, row.width);
        set(&mut self.heights, at, row.height);
        set(&mut self.seeds, at, row.seed.unwrap_or(0));
        set(&mut self.flags, at, flags);
        for (single, value) in self.single.iter_mut().zip(&row.values) {
            let code = value.as_ref().map_or(Code::NONE, |value| single.dictionary.code(value));
            set(&mut single.codes, at, code);
        }
        self.tags.set(at, &row.tags);
        self.loras.set(at, &row.loras);
        self.names.set(at, &row.name);
    }

    fn set_has_caption(&mut self, image_id: ImageId) {
        if let Some(flags) = place(image_id).and_then(|at| self.flags.get_mut(at)) {
            flags.has_caption = true;
        }
    }

    fn set_tags(&mut self, image_id: ImageId, tags: &[String]) {
        place(image_id).into_iter().for_each(|at| self.tags.set(at, tags));
    }

    fn set_loras(&mut self, image_id: ImageId, loras: &[String]) {
        place(image_id).into_iter().for_each(|at| self.loras.set(at, loras));
    }

    /// Removes the facts of an image if there are any.
    pub(super) fn remove(&mut self, image_id: ImageId) {
        let Some(at) = place(image_id).filter(|at| self.contains(*at)) else { return };
        self.recent.clear();
        self.len -= 1;
        if let Some(word) = self.present.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
        self.tags.set(at, &[]);
        self.loras.set(at, &[]);
        self.names.remove(at);
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the ids of all images.
    #[cfg(test)]
    pub(super) fn all(&self) -> mitsuke_index::IdSet {
        mitsuke_index::IdSet::from_words(self.present.clone())
    }

    fn contains(&self, at: usize) -> bool {
        self.present.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn grow_to(&mut self, len: usize) {
        if self.uploaded.len() >= len {
            return;
        }
        self.present.resize(len.div_ceil(64), 0);
        self.uploaded.resize(len, 0);
        self.taken.resize(len, NO_DATE);
        self.bytes.resize(len, 0);
        self.widths.resize(len, 0);
        self.heights.resize(len, 0);
        self.seeds.resize(len, 0);
        self.flags.resize(len, Flags::default());
        for single in &mut self.single {
            single.codes.resize(len, Code::NONE);
        }
    }

    fn single(&self, facet: Facet) -> Option<&SingleValues> {
        let at = SINGLE.iter().position(|single| *single == facet)?;
        self.single.get(at)
    }
}

/// Returns the place of an id in the columns.
fn place(image_id: ImageId) -> Option<usize> {
    u32::try_from(image_id).ok().map(|at| at as usize)
}

fn set<T>(column: &mut [T], at: usize, value: T) {
    if let Some(item) = column.get_mut(at) {
        *item = value;
    }
}

#[cfg(test)]
mod tests;
