//! The definition of a filter: whether an image passes it.

use crate::generation::compared_part;
use crate::loras::{folded_loras, stored_loras};
use crate::pattern::NamePattern;
use crate::source_path::{FolderCondition, folded_folder};
use crate::tags::{folded_tag, folded_tags};
use crate::text::{Document, Query, folded, folded_name, folded_name_part, keyword_query};
use crate::{Filter, Image, StoreError, folder_of, like_pattern};

impl Filter {
    /// Returns whether an image passes.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] when there are too many terms.
    pub fn passes(&self, image: &Image) -> Result<bool, StoreError> {
        Ok(Passing::new(self)?.passes(image))
    }
}

/// A filter whose texts are in the forms that are compared.
pub(super) struct Passing<'a> {
    filter: &'a Filter,
    /// The parts of file names; `None` within for a part that no name holds.
    name_part: Option<Option<String>>,
    name_pattern: Option<Option<NamePattern>>,
    checkpoints: Vec<String>,
    samplers: Vec<String>,
    cameras: Vec<String>,
    folders: Vec<FolderCondition>,
    tags: Vec<String>,
    any_tags: Vec<String>,
    loras: Vec<String>,
    any_loras: Vec<String>,
    /// The condition of the terms; `None` within for terms that no text holds.
    query: Option<Option<Query>>,
    none_of: Vec<Self>,
}

impl<'a> Passing<'a> {
    pub(super) fn new(filter: &'a Filter) -> Result<Self, StoreError> {
        let parts = |parts: &[String]| parts.iter().map(|part| compared_part(part)).collect();
        Ok(Self {
            filter,
            name_part: filter.file_name_contains.as_deref().map(folded_name_part),
            name_pattern: filter
                .file_name_pattern
                .as_deref()
                .map(|pattern| Some(NamePattern::new(&like_pattern(pattern)?))),
            checkpoints: parts(&filter.checkpoints),
            samplers: parts(&filter.samplers),
            cameras: filter.cameras.iter().map(|camera| folded(camera)).collect(),
            folders: filter.folders.iter().filter_map(|folder| FolderCondition::new(folder)).collect(),
            tags: folded_tags(&filter.tags),
            any_tags: folded_tags(&filter.any_tags),
            loras: folded_loras(&filter.loras),
            any_loras: folded_loras(&filter.any_loras),
            query: if filter.terms.is_empty() { None } else { Some(keyword_query(&filter.terms, usize::MAX)?) },
            none_of: filter.none_of.iter().map(Self::new).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn passes(&self, image: &Image) -> bool {
        self.facts_pass(image)
            && self.name_passes(image)
            && self.generation_passes(image)
            && self.tags_pass(image)
            && self.origin_passes(image)
            && self.texts_pass(image)
            && !self.none_of.iter().any(|filter| filter.passes(image))
    }

    fn facts_pass(&self, image: &Image) -> bool {
        let filter = self.filter;
        (filter.file_types.is_empty() || filter.file_types.contains(&image.file_type))
            && filter.uploaded_from.is_none_or(|from| image.upload_date >= from)
            && filter.uploaded_before.is_none_or(|before| image.upload_date < before)
            && filter.min_width.is_none_or(|least| image.width >= least)
            && filter.max_width.is_none_or(|most| image.width <= most)
            && filter.min_height.is_none_or(|least| image.height >= least)
            && filter.max_height.is_none_or(|most| image.height <= most)
            && filter.min_bytes.is_none_or(|least| image.bytes >= least)
            && filter.max_bytes.is_none_or(|most| image.bytes <= most)
            && filter.has_generation_prompt.is_none_or(|has| image.generation_prompt.is_some() == has)
            && filter.has_caption.is_none_or(|has| image.caption.is_some() == has)
    }

    fn name_passes(&self, image: &Image) -> bool {
        let name = folded_name(&image.file_name);
        let contains = |part: &Option<String>| part.as_ref().is_some_and(|part| name.contains(part));
        let matches = |pattern: &Option<NamePattern>| pattern.as_ref().is_some_and(|pattern| pattern.matches(&name));
        self.name_part.as_ref().is_none_or(contains) && self.name_pattern.as_ref().is_none_or(matches)
    }

    fn generation_passes(&self, image: &Image) -> bool {
        let parts = image.generation.as_ref();
        let one_of = |wanted: &[String], part: Option<&String>| {
            wanted.is_empty() || part.is_some_and(|part| wanted.contains(&compared_part(part)))
        };
        let loras: Vec<String> = stored_loras(parts).into_iter().map(|lora| lora.folded).collect();
        one_of(&self.checkpoints, parts.and_then(|parts| parts.model.as_ref()))
            && one_of(&self.samplers, parts.and_then(|parts| parts.sampler.as_ref()))
            && self.filter.seed.is_none_or(|seed| parts.and_then(|parts| parts.seed) == Some(seed))
            && has_all(&loras, &self.loras)
            && (self.filter.any_loras.is_empty() || has_any(&loras, &self.any_loras))
    }

    fn tags_pass(&self, image: &Image) -> bool {
        let tags: Vec<String> = image.tags.iter().map(|tag| folded_tag(tag)).collect();
        has_all(&tags, &self.tags) && (self.filter.any_tags.is_empty() || has_any(&tags, &self.any_tags))
    }

    /// Returns whether the time, the camera and the folder pass.
    fn origin_passes(&self, image: &Image) -> bool {
        let filter = self.filter;
        let camera = || image.camera.as_deref().map(folded);
        let folder = || image.source_path.as_deref().map(|path| folded_folder(&folder_of(path)));
        filter.taken_from.is_none_or(|from| image.taken.is_some_and(|taken| taken.local >= from))
            && filter.taken_before.is_none_or(|before| image.taken.is_some_and(|taken| taken.local < before))
            && filter.has_taken.is_none_or(|has| image.taken.is_some() == has)
            && (filter.cameras.is_empty() || camera().is_some_and(|camera| self.cameras.contains(&camera)))
            && (filter.folders.is_empty()
                || folder().is_some_and(|folder| self.folders.iter().any(|condition| condition.holds(&folder))))
    }

    fn texts_pass(&self, image: &Image) -> bool {
        let Some(query) = &self.query else { return true };
        query.as_ref().is_some_and(|query| Document::of(image).tokens().hold(query))
    }
}

fn has_all(values: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|value| values.contains(value))
}

fn has_any(values: &[String], wanted: &[String]) -> bool {
    wanted.iter().any(|value| values.contains(value))
}
