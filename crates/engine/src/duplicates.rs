//! Groups of near-duplicates: images that show almost the same, by the similarity of their embeddings.
//!
//! Two images are near-duplicates when their similarity reaches a bound, and pairs of near-duplicates that share images
//! form a group. Images are examined in the order of their ids, each by one search for its neighbours, and a group is
//! reported at its smallest id. A report can therefore be made in parts of bounded cost that fit together without gaps
//! or repetitions. Files with equal bytes are stored once, so they are never part of a report.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mitsuke_index::UnitVector;
use mitsuke_store::{Image, ImageId, ImageStore, Model, ModelId, Page, SearchStore, Store, StoreError, VectorSearch};
use tokio::sync::Semaphore;

use crate::blocking::{self, Unfinished};
use crate::models::ModelsError;
use crate::search::SIMILARITY_TOLERANCE;

/// The largest number of searches for one part of a report. A search takes some milliseconds on a large store, so a
/// part takes seconds.
const MAX_SEARCHES: usize = 2_000;

/// The largest number of images of one group. A group of that size is not followed further.
const MAX_GROUP_IMAGES: usize = 200;

/// The largest number of neighbours of one image that are examined.
const MAX_NEIGHBOURS: usize = 16 * 1024;

/// The largest number of images in one part of a report.
const MAX_REPORTED_IMAGES: usize = 1_000;

/// The number of embeddings that are read at once.
const BATCH_SIZE: usize = 64;

/// The number of neighbours that the first search for an image asks for. Nearly every image has fewer.
const FIRST_NEIGHBOURS: usize = 16;

/// The factor by which a further search asks for more neighbours.
const NEIGHBOURS_FACTOR: usize = 32;

/// The part of a report to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateQuery {
    /// The similarity from which two images are near-duplicates.
    pub min_similarity: f32,
    /// The last image that the part before examined; `None` for the first part.
    pub after: Option<ImageId>,
    /// The largest number of groups to report.
    pub limit: usize,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateReport {
    /// The groups, in the order of their first images' ids.
    pub groups: Vec<DuplicateGroup>,
    /// The number of images examined for this part.
    pub examined: usize,
    /// The value of `after` for the next part; `None` when all images have been examined.
    pub next_after: Option<ImageId>,
}

/// Images that are near-duplicates of each other, directly or through others of the group.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateGroup {
    /// The images with their similarity to the first image, which is the oldest. The others follow, nearest first.
    pub images: Vec<(Image, f32)>,
    /// Whether only a part of the group is reported. The images that the group connects to beyond that part may appear
    /// in further groups.
    pub truncated: bool,
}

/// The reason why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum DuplicatesError {
    /// Another report is being made.
    #[error("a report of near-duplicates is being made already")]
    Running,
    /// There is no current model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blocking step did not finish.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// The finder of near-duplicates in a store.
pub struct Duplicates {
    store: Arc<dyn Store>,
    /// The permit for one report at a time, because a report costs thousands of searches.
    reports: Semaphore,
}

impl Duplicates {
    /// Makes a finder of near-duplicates in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, reports: Semaphore::new(1) }
    }

    /// Reports groups of near-duplicates under the current model, and returns the model as well. The work ends when the
    /// future is dropped.
    ///
    /// # Errors
    /// [`DuplicatesError::Running`] while another report is being made; otherwise the errors of the store.
    pub async fn report(&self, query: DuplicateQuery) -> Result<(Model, DuplicateReport), DuplicatesError> {
        let _one_at_a_time = self.reports.try_acquire().map_err(|_| DuplicatesError::Running)?;
        let store = Arc::clone(&self.store);
        let (_cancel_when_dropped, cancelled) = CancelWhenDropped::new();
        blocking::run(move || {
            let model = store.current_model()?.ok_or(ModelsError::NoCurrent)?;
            let report = report(store.as_ref(), model.model_id, &query, &cancelled)?;
            Ok((model, report))
        })
        .await?
    }
}

/// A guard that cancels blocking work when the future that waits for the work is dropped.
#[derive(Debug)]
struct CancelWhenDropped(Arc<AtomicBool>);

impl CancelWhenDropped {
    fn new() -> (Self, Arc<AtomicBool>) {
        let cancelled = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&cancelled)), cancelled)
    }
}

impl Drop for CancelWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes one part of a report. Blocks; ends early when `cancelled`.
fn report<S: ImageStore + SearchStore + ?Sized>(
    store: &S,
    model_id: ModelId,
    query: &DuplicateQuery,
    cancelled: &AtomicBool,
) -> Result<DuplicateReport, StoreError> {
    let bound = query.min_similarity - SIMILARITY_TOLERANCE;
    Search { store, model_id, bound, searches: 0, max_searches: MAX_SEARCHES }.report(query, cancelled)
}

/// The searches for one part of a report.
struct Search<'a, S: ?Sized> {
    store: &'a S,
    model_id: ModelId,
    /// The least similarity of near-duplicates.
    bound: f32,
    searches: usize,
    max_searches: usize,
}

/// A group that grows around the examined image: the other images, with their similarity to the examined image where it
/// is known.
struct Growing {
    members: BTreeMap<ImageId, Option<f32>>,
    truncated: bool,
}

impl<S: ImageStore + SearchStore + ?Sized> Search<'_, S> {
    fn report(&mut self, query: &DuplicateQuery, cancelled: &AtomicBool) -> Result<DuplicateReport, StoreError> {
        let mut part = DuplicateReport { groups: Vec::new(), examined: 0, next_after: query.after };
        let mut grouped: HashSet<ImageId> = HashSet::new();
        let mut images = 0;
        loop {
            let batch = self.store.embeddings(self.model_id, part.next_after, BATCH_SIZE)?;
            if batch.is_empty() {
                part.next_after = None;
                return Ok(part);
            }
            for (image_id, vector) in batch {
                let full = part.groups.len() >= query.limit
                    || images >= MAX_REPORTED_IMAGES
                    || self.searches >= self.max_searches;
                if full || cancelled.load(Ordering::Relaxed) {
                    return Ok(part);
                }
                part.next_after = Some(image_id);
                part.examined += 1;
                if !grouped.insert(image_id) {
                    continue;
                }
                if let Some(grown) = self.grow(image_id, &vector)? {
                    grouped.extend(grown.members.keys());
                    let group = self.group(image_id, &vector, grown)?;
                    images += group.images.len();
                    // The image is alone when the others have just been deleted.
                    if group.images.len() > 1 {
                        part.groups.push(group);
                    }
                }
            }
        }
    }

    /// Returns the group whose smallest id is `first`; `None` when `first` is alone, or not the smallest id.
    fn grow(&mut self, first: ImageId, vector: &UnitVector) -> Result<Option<Growing>, StoreError> {
        let Some((neighbours, all)) = self.neighbours(first, first, vector)? else { return Ok(None) };
        let mut grown = Growing { members: BTreeMap::new(), truncated: !all };
        let mut unfollowed: VecDeque<ImageId> = neighbours.iter().map(|(id, _)| *id).collect();
        grown.members.extend(neighbours.into_iter().map(|(id, similarity)| (id, Some(similarity))));
        while let Some(next) = unfollowed.pop_front() {
            if grown.members.len() >= MAX_GROUP_IMAGES
                || self.searches >= self.max_searches.saturating_add(MAX_GROUP_IMAGES)
            {
                grown.truncated = true;
                break;
            }
            let Some(vector) = self.store.embedding(self.model_id, next)? else { continue };
            let Some((neighbours, all)) = self.neighbours(first, next, &vector)? else { return Ok(None) };
            grown.truncated |= !all;
            for (neighbour, _) in neighbours {
                if neighbour != first && !grown.members.contains_key(&neighbour) {
                    grown.members.insert(neighbour, None);
                    unfollowed.push_back(neighbour);
                }
            }
        }
        Ok((!grown.members.is_empty()).then_some(grown))
    }

    /// Returns the images at least as similar as the bound, nearest first, and whether these are all of them. Returns
    /// `None` when one of the images has a smaller id than `first`.
    #[expect(
        clippy::type_complexity,
        reason = "the doc comment explains the pair, which two callers take apart at once"
    )]
    fn neighbours(
        &mut self,
        first: ImageId,
        image_id: ImageId,
        vector: &UnitVector,
    ) -> Result<Option<(Vec<(ImageId, f32)>, bool)>, StoreError> {
        let mut limit = FIRST_NEIGHBOURS;
        loop {
            self.searches += 1;
            let (exclude, page) = ([image_id], Page::first(limit));
            let search = VectorSearch { model_id: self.model_id, query: vector, exclude: &exclude, page: &page };
            let hits = self.store.search_vector(&search)?;
            let near: Vec<_> = hits
                .iter()
                .take_while(|hit| -hit.distance >= self.bound)
                .map(|hit| (hit.image_id, -hit.distance))
                .collect();
            if near.iter().any(|(id, _)| *id < first) {
                return Ok(None);
            }
            if near.len() < limit || limit >= MAX_NEIGHBOURS {
                let all = near.len() < limit;
                return Ok(Some((near, all)));
            }
            limit *= NEIGHBOURS_FACTOR;
        }
    }

    /// Reads the images of a group and orders them by their similarity to the first.
    fn group(&self, first: ImageId, vector: &UnitVector, grown: Growing) -> Result<DuplicateGroup, StoreError> {
        let mut members = Vec::with_capacity(grown.members.len());
        for (image_id, similarity) in grown.members {
            let similarity = match similarity {
                Some(similarity) => Some(similarity),
                None => self.store.embedding(self.model_id, image_id)?.map(|other| vector.similarity(&other)),
            };
            members.extend(similarity.map(|similarity| (image_id, similarity.min(1.0))));
        }
        members.sort_by(|(a, near), (b, nearer)| nearer.total_cmp(near).then(a.cmp(b)));
        let truncated = grown.truncated || members.len() >= MAX_GROUP_IMAGES;
        members.truncate(MAX_GROUP_IMAGES - 1);
        members.insert(0, (first, 1.0));
        let ids: Vec<_> = members.iter().map(|(id, _)| *id).collect();
        let similarity: BTreeMap<ImageId, f32> = members.into_iter().collect();
        let images = self.store.images(&ids)?.into_iter();
        let images = images.filter_map(|image| similarity.get(&image.image_id).map(|s| (image, *s))).collect();
        Ok(DuplicateGroup { images, truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_store::{FakeImage, FakeStore, MODEL};
    use proptest::prelude::*;

    /// Makes a store with an image at each angle, in tenths of a degree.
    fn filled(angles: &[u16]) -> FakeStore {
        angles.iter().map(|tenths| FakeImage::at(f32::from(*tenths) / 10.0)).collect()
    }

    /// Returns all parts of a report, each made of at most `max_searches` searches and `limit` groups.
    fn whole(store: &FakeStore, bound: f32, max_searches: usize, limit: usize) -> Vec<DuplicateGroup> {
        let mut groups = Vec::new();
        let mut after = None;
        loop {
            let query = DuplicateQuery { min_similarity: bound, after, limit };
            let mut search = Search { store, model_id: MODEL, bound, searches: 0, max_searches };
            let part = search.report(&query, &AtomicBool::new(false)).unwrap();
            assert!(part.groups.len() <= limit);
            groups.extend(part.groups);
            match part.next_after {
                None => return groups,
                next => assert!(next > std::mem::replace(&mut after, next), "each part gets further"),
            }
        }
    }

    fn ids(groups: &[DuplicateGroup]) -> Vec<Vec<ImageId>> {
        let sorted = |group: &DuplicateGroup| {
            let mut ids: Vec<_> = group.images.iter().map(|(image, _)| image.image_id).collect();
            ids.sort_unstable();
            ids
        };
        groups.iter().map(sorted).collect()
    }

    #[test]
    fn a_group_is_what_near_pairs_connect_first_the_oldest_then_the_nearest() {
        // 20.0 is near 21.0, and 21.0 is near 22.0, but 20.0 and 22.0 are too far apart for a pair.
        let store = filled(&[200, 900, 220, 210, 905, 500]);
        let bound = 1.2_f32.to_radians().cos();
        let groups = whole(&store, bound, 1000, 10);
        assert_eq!(ids(&groups), [vec![1, 3, 4], vec![2, 5]]);
        let order: Vec<_> = groups[0].images.iter().map(|(image, _)| image.image_id).collect();
        assert_eq!(order, [1, 4, 3]);
        assert!((groups[0].images[2].1 - 2.0_f32.to_radians().cos()).abs() < 1e-5);
        assert!(!groups[0].truncated);
    }

    #[test]
    fn a_huge_group_is_one_group_shown_in_part() {
        let store = filled(&[300; 700]);
        for max_searches in [1, 1000] {
            let groups = whole(&store, 0.99, max_searches, 10);
            assert_eq!(groups.len(), 1);
            assert_eq!((groups[0].images.len(), groups[0].truncated), (MAX_GROUP_IMAGES, true));
            assert_eq!(groups[0].images[0].0.image_id, 1);
        }
    }

    #[test]
    fn a_dropped_future_ends_the_work() {
        let store = filled(&[0, 0, 0]);
        let (cancel_when_dropped, cancelled) = CancelWhenDropped::new();
        let query = DuplicateQuery { min_similarity: 0.9, after: None, limit: 10 };
        assert_eq!(report(&store, MODEL, &query, &cancelled).unwrap().examined, 3);
        drop(cancel_when_dropped);
        assert_eq!(report(&store, MODEL, &query, &cancelled).unwrap().examined, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_parts_make_the_connected_groups(
            angles in proptest::collection::vec(0_u16..1800, 1..30), max_searches in 1_usize..40, limit in 1_usize..5,
        ) {
            let store = filled(&angles);
            let near = |a: u16, b: u16| a.abs_diff(b) <= 30;
            let mut group: Vec<usize> = (0..angles.len()).collect();
            for _ in 0..angles.len() {
                for a in 0..angles.len() {
                    for b in 0..angles.len() {
                        if near(angles[a], angles[b]) {
                            group[a] = group[a].min(group[b]);
                        }
                    }
                }
            }
            let expected: Vec<Vec<ImageId>> = (0..angles.len())
                .map(|first| (0..angles.len()).filter(|n| group[*n] == first).map(|n| n as ImageId + 1).collect())
                .filter(|ids: &Vec<ImageId>| ids.len() > 1)
                .collect();
            prop_assert_eq!(ids(&whole(&store, 3.05_f32.to_radians().cos(), max_searches, limit)), expected);
        }
    }
}
