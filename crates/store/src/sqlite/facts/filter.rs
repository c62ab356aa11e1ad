//! The images that pass a filter.

use std::sync::Arc;

use mitsuke_index::IdSet;

use super::dictionary::{Code, Dictionary};
use super::{FactsIndex, NO_DATE, SeveralValues};
use crate::generation::compared_part;
use crate::loras::folded_loras;
use crate::pattern::NamePattern;
use crate::source_path::FolderCondition;
use crate::tags::folded_tags;
use crate::taken::{ceil_local_micros, ceil_micros};
use crate::text::{folded, folded_name_part};
use crate::{Facet, Filter, StoreError, like_pattern};

/// The function that finds the images whose texts hold all of some terms.
pub(in crate::sqlite) type Holding<'a> = &'a dyn Fn(&[String]) -> Result<IdSet, StoreError>;

impl FactsIndex {
    /// Returns the images that pass `filter`. The answers for the filters used last are kept until a fact changes.
    ///
    /// # Errors
    /// Those of `holding`.
    pub(in crate::sqlite) fn allowed(&self, filter: &Filter, holding: Holding<'_>) -> Result<Arc<IdSet>, StoreError> {
        if let Some(allowed) = self.recent.get(filter) {
            return Ok(allowed);
        }
        let allowed = Arc::new(self.passing(filter, holding)?);
        self.recent.put(filter, &allowed);
        Ok(allowed)
    }

    fn passing(&self, filter: &Filter, holding: Holding<'_>) -> Result<IdSet, StoreError> {
        let mut passing = Passing { bits: self.present.clone() };
        self.keep_by_numbers(&mut passing, filter);
        self.keep_by_single_values(&mut passing, filter);
        self.keep_by_several_values(&mut passing, filter);
        self.keep_by_names(&mut passing, filter);
        if !filter.terms.is_empty() {
            passing.keep_words(holding(&filter.terms)?.words());
        }
        for left_out in &filter.none_of {
            passing.drop_words(self.passing(left_out, holding)?.words());
        }
        Ok(IdSet::from_words(passing.bits))
    }

    fn keep_by_numbers(&self, passing: &mut Passing, filter: &Filter) {
        if let Some(from) = filter.uploaded_from.map(ceil_micros) {
            passing.keep(&self.uploaded, |uploaded| uploaded >= from);
        }
        if let Some(before) = filter.uploaded_before.map(ceil_micros) {
            passing.keep(&self.uploaded, |uploaded| uploaded < before);
        }
        if let Some(from) = filter.taken_from.map(ceil_local_micros) {
            passing.keep(&self.taken, |taken| taken >= from && taken != NO_DATE);
        }
        if let Some(before) = filter.taken_before.map(ceil_local_micros) {
            passing.keep(&self.taken, |taken| taken < before && taken != NO_DATE);
        }
        if let Some(has) = filter.has_taken {
            passing.keep(&self.taken, |taken| (taken != NO_DATE) == has);
        }
        for (column, least, most) in
            [(&self.widths, filter.min_width, filter.max_width), (&self.heights, filter.min_height, filter.max_height)]
        {
            if least.is_some() || most.is_some() {
                let range = least.unwrap_or(0)..=most.unwrap_or(u32::MAX);
                passing.keep(column, |pixels| range.contains(&pixels));
            }
        }
        if filter.min_bytes.is_some() || filter.max_bytes.is_some() {
            let range = filter.min_bytes.unwrap_or(0)..=filter.max_bytes.unwrap_or(u64::MAX);
            passing.keep(&self.bytes, |bytes| range.contains(&bytes));
        }
        if let Some(has) = filter.has_generation_prompt {
            passing.keep(&self.flags, |flags| flags.has_generation_prompt == has);
        }
        if let Some(has) = filter.has_caption {
            passing.keep(&self.flags, |flags| flags.has_caption == has);
        }
        if let Some(seed) = filter.seed {
            passing.keep(&self.seeds, |other| other == seed);
            passing.keep(&self.flags, |flags| flags.has_seed);
        }
    }

    fn keep_by_single_values(&self, passing: &mut Passing, filter: &Filter) {
        let parts = |parts: &[String]| parts.iter().map(|part| compared_part(part)).collect::<Vec<_>>();
        let wanted = [
            (Facet::FileType, filter.file_types.clone()),
            (Facet::Checkpoint, parts(&filter.checkpoints)),
            (Facet::Sampler, parts(&filter.samplers)),
            (Facet::Camera, filter.cameras.iter().map(|camera| folded(camera)).collect()),
        ];
        for (facet, wanted) in wanted {
            if wanted.is_empty() {
                continue;
            }
            let Some(single) = self.single(facet) else { continue };
            let codes: Vec<Code> = wanted.iter().filter_map(|value| single.dictionary.find(value)).collect();
            passing.keep_codes(&single.codes, &single.dictionary, &codes);
        }
        if !filter.folders.is_empty()
            && let Some(single) = self.single(Facet::Folder)
        {
            let conditions: Vec<_> = filter.folders.iter().filter_map(|folder| FolderCondition::new(folder)).collect();
            let holds = |folder: &str| conditions.iter().any(|condition| condition.holds(folder));
            let folders = single.dictionary.values().filter(|(_, folder)| holds(folder));
            let codes: Vec<Code> = folders.map(|(code, _)| code).collect();
            passing.keep_codes(&single.codes, &single.dictionary, &codes);
        }
    }

    fn keep_by_several_values(&self, passing: &mut Passing, filter: &Filter) {
        passing.keep_all_of(&self.tags, &folded_tags(&filter.tags));
        passing.keep_all_of(&self.loras, &folded_loras(&filter.loras));
        if !filter.any_tags.is_empty() {
            passing.keep_any_of(&self.tags, &folded_tags(&filter.any_tags));
        }
        if !filter.any_loras.is_empty() {
            passing.keep_any_of(&self.loras, &folded_loras(&filter.any_loras));
        }
    }

    fn keep_by_names(&self, passing: &mut Passing, filter: &Filter) {
        if let Some(part) = &filter.file_name_contains {
            match folded_name_part(part) {
                Some(part) => self.keep_names_with(passing, &part),
                None => passing.bits.fill(0),
            }
        }
        if let Some(pattern) = &filter.file_name_pattern {
            let Some(pattern) = like_pattern(pattern).as_deref().map(NamePattern::new) else {
                passing.bits.fill(0);
                return;
            };
            // The longest text of the pattern leaves few names to match.
            self.keep_names_with(passing, &pattern.longest_text());
            passing.keep_places(|at| pattern.matches(self.names.get(at)));
        }
    }

    fn keep_names_with(&self, passing: &mut Passing, part: &str) {
        if part.is_empty() {
            return;
        }
        let mut with = vec![0_u64; passing.bits.len()];
        self.names.each_that_contains(part, |at| {
            if let Some(word) = with.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        });
        passing.keep_words(&with);
    }
}

/// The places that pass so far: a bit for each.
struct Passing {
    bits: Vec<u64>,
}

impl Passing {
    /// Keeps the places whose item of a column passes a test.
    fn keep<T: Copy>(&mut self, column: &[T], test: impl Fn(T) -> bool) {
        for (word, items) in self.bits.iter_mut().zip(column.chunks(64)) {
            if *word != 0 {
                // The loop over all items has no branches, so that the compiler makes vector instructions of it.
                let bits = items.iter().enumerate().fold(0, |bits, (at, item)| bits | u64::from(test(*item)) << at);
                *word &= bits;
            }
        }
    }

    fn keep_codes(&mut self, column: &[Code], dictionary: &Dictionary, wanted: &[Code]) {
        if let [wanted] = wanted {
            self.keep(column, |code| code == *wanted);
            return;
        }
        let is_wanted = flags_of(dictionary, wanted);
        self.keep(column, |code| is_wanted.get(code.number()).copied().unwrap_or_default());
    }

    fn keep_all_of(&mut self, several: &SeveralValues, wanted: &[String]) {
        for value in wanted {
            match several.dictionary.find(value) {
                Some(code) => self.keep_places(|at| several.codes.get(at).contains(&code)),
                None => self.bits.fill(0),
            }
        }
    }

    fn keep_any_of(&mut self, several: &SeveralValues, wanted: &[String]) {
        let codes: Vec<Code> = wanted.iter().filter_map(|value| several.dictionary.find(value)).collect();
        let is_wanted = flags_of(&several.dictionary, &codes);
        let wanted = |code: &Code| is_wanted.get(code.number()).copied().unwrap_or_default();
        self.keep_places(|at| several.codes.get(at).iter().any(wanted));
    }

    /// Keeps the places that pass a test, which is made of those that pass so far.
    fn keep_places(&mut self, test: impl Fn(usize) -> bool) {
        for (first, word) in (0..).step_by(64).zip(&mut self.bits) {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                if !test(first + bit as usize) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    fn keep_words(&mut self, words: &[u64]) {
        let words = words.iter().copied().chain(std::iter::repeat(0));
        self.bits.iter_mut().zip(words).for_each(|(word, kept)| *word &= kept);
    }

    fn drop_words(&mut self, words: &[u64]) {
        self.bits.iter_mut().zip(words).for_each(|(word, dropped)| *word &= !dropped);
    }
}

/// Returns for each code of a dictionary whether it is among `codes`.
fn flags_of(dictionary: &Dictionary, codes: &[Code]) -> Vec<bool> {
    let mut flags = vec![false; dictionary.len()];
    for code in codes {
        super::set(&mut flags, code.number(), true);
    }
    flags
}
