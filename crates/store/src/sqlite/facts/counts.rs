//! The values of facets among some images.

use std::cmp::Reverse;

use mitsuke_index::IdSet;

use super::dictionary::{Code, Dictionary};
use super::{FactsIndex, SeveralValues, SingleValues};
use crate::{Facet, ImageId};

/// The values of a facet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct CountedFacet {
    pub(in crate::sqlite) facet: Facet,
    /// The most frequent values: by descending count, then by ascending folded form.
    pub(in crate::sqlite) values: Vec<Counted>,
    /// Whether there are more values.
    pub(in crate::sqlite) more: bool,
    /// The number of images without any value.
    pub(in crate::sqlite) without: u64,
}

/// A counted value.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct Counted {
    /// The form in which the value is compared.
    pub(in crate::sqlite) folded: String,
    pub(in crate::sqlite) count: u64,
    /// The smallest id of the images that have the value.
    pub(in crate::sqlite) first: ImageId,
}

impl FactsIndex {
    /// Counts the values of some facets among `allowed` images: at most `limit` values of each.
    pub(in crate::sqlite) fn facets(&self, allowed: &IdSet, facets: &[Facet], limit: usize) -> Vec<CountedFacet> {
        facets
            .iter()
            .map(|facet| {
                match facet {
                    Facet::Tag => self.tags.counted(allowed),
                    Facet::Lora => self.loras.counted(allowed),
                    facet => self.single(*facet).map_or_else(Counts::default, |single| single.counted(allowed)),
                }
                .finish(*facet, limit)
            })
            .collect()
    }
}

impl SingleValues {
    fn counted(&self, allowed: &IdSet) -> Counts<'_> {
        let mut counts = Counts::new(&self.dictionary);
        for image_id in allowed.iter() {
            counts.add(self.codes.get(image_id as usize).copied().unwrap_or(Code::NONE), image_id);
        }
        // An empty text is no value.
        let empty = self.dictionary.find("").map_or(0, |code| counts.take(code));
        counts.without = counts.take(Code::NONE) + empty;
        counts
    }
}

impl SeveralValues {
    fn counted(&self, allowed: &IdSet) -> Counts<'_> {
        let mut counts = Counts::new(&self.dictionary);
        for image_id in allowed.iter() {
            let codes = self.codes.get(image_id as usize);
            counts.without += u64::from(codes.is_empty());
            codes.iter().for_each(|code| counts.add(*code, image_id));
        }
        counts
    }
}

/// The counts of the values of a dictionary.
#[derive(Default)]
struct Counts<'a> {
    dictionary: Option<&'a Dictionary>,
    /// The number of images of each code, and the smallest id of these.
    of_code: Vec<(u32, u32)>,
    without: u64,
}

impl<'a> Counts<'a> {
    fn new(dictionary: &'a Dictionary) -> Self {
        Self { dictionary: Some(dictionary), of_code: vec![(0, 0); dictionary.len()], without: 0 }
    }

    /// Counts an image. Images come by ascending id.
    fn add(&mut self, code: Code, image_id: ImageId) {
        if let Some((count, first)) = self.of_code.get_mut(code.number()) {
            if *count == 0 {
                *first = image_id as u32;
            }
            *count += 1;
        }
    }

    /// Removes a code, and returns how many images it had.
    fn take(&mut self, code: Code) -> u64 {
        self.of_code.get_mut(code.number()).map_or(0, |(count, _)| u64::from(std::mem::take(count)))
    }

    fn finish(self, facet: Facet, limit: usize) -> CountedFacet {
        let values = self.dictionary.into_iter().flat_map(Dictionary::values);
        let counts = self.of_code.iter().skip(1);
        let mut found: Vec<(Reverse<u32>, &str, u32)> = values
            .zip(counts)
            .filter(|(_, (count, _))| *count > 0)
            .map(|((_, value), (count, first))| (Reverse(*count), value, *first))
            .collect();
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        let values = found.into_iter().map(|(count, folded, first)| Counted {
            folded: folded.to_owned(),
            count: count.0.into(),
            first: first.into(),
        });
        CountedFacet { facet, values: values.collect(), more, without: self.without }
    }
}
