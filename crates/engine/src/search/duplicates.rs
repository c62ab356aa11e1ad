//! Groups of near-duplicates: images that show almost the same, by the similarity of their embeddings.
//!
//! Two images are near-duplicates when their similarity reaches a bound; a group is what such pairs connect. Images
//! are examined in the order of their ids, each by one search for its neighbours, and a group is reported at its
//! smallest id, so that a report can be made in parts of bounded cost that fit together without gaps or doubles.
//! Byte-equal duplicates are never stored twice and so never part of it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ranking::ROUNDING;
use mitsuke_index::UnitVector;
use mitsuke_store::{Filter, Image, ImageId, ModelId, Store, StoreError, VectorSearch};

/// Searches of one part of a report: at some milliseconds each on a large store, they take seconds.
const MOST_SEARCHES: usize = 2_000;

/// Images of one group that are reported, and up to which it is followed further.
const MOST_MEMBERS: usize = 200;

/// Neighbours of one image that are looked at.
const MOST_NEIGHBOURS: usize = 16 * 1024;

/// Images of one part of a report.
const MOST_IMAGES: usize = 1_000;

/// Embeddings read at a time.
const BATCH: usize = 64;

/// Neighbours asked for at first; nearly every image has fewer.
const FEW_NEIGHBOURS: usize = 16;

/// What to report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateQuery {
    /// Similarity from which two images are near-duplicates.
    pub min_similarity: f32,
    /// Goes on after this image.
    pub after: Option<ImageId>,
    /// Most groups.
    pub limit: usize,
}

/// Part of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateReport {
    /// The groups, in the order of their first images' ids.
    pub groups: Vec<DuplicateGroup>,
    /// Images examined for this part.
    pub examined: usize,
    /// The next part goes on after this image; `None` when all images have been examined.
    pub next_after: Option<ImageId>,
}

/// Images that are near-duplicates of each other, directly or through others of the group.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateGroup {
    /// The images with their similarity to the first; the first is the oldest, the others follow nearest first.
    pub images: Vec<(Image, f32)>,
    /// Whether the group is larger than what is reported of it. What it connects to beyond that may make further
    /// groups.
    pub truncated: bool,
}

/// Tells work in the background that nobody waits for it any more.
#[derive(Debug)]
pub(super) struct StopWhenDropped(Arc<AtomicBool>);

impl StopWhenDropped {
    pub(super) fn new() -> (Self, Arc<AtomicBool>) {
        let stopped = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&stopped)), stopped)
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes one part of a report. Blocks; ends early when `stopped`.
///
/// # Errors
/// Those of the store.
pub(super) fn report(
    store: &dyn Store,
    model_id: ModelId,
    query: &DuplicateQuery,
    stopped: &AtomicBool,
) -> Result<DuplicateReport, StoreError> {
    let mut search =
        Search { store, model_id, bound: query.min_similarity - ROUNDING, searches: 0, most: MOST_SEARCHES };
    search.report(query, stopped)
}

struct Search<'a> {
    store: &'a dyn Store,
    model_id: ModelId,
    bound: f32,
    searches: usize,
    most: usize,
}

/// What grows around the image that is examined: other images, with their similarity to it where that is known.
struct Growing {
    members: BTreeMap<ImageId, Option<f32>>,
    truncated: bool,
}

impl Search<'_> {
    fn report(&mut self, query: &DuplicateQuery, stopped: &AtomicBool) -> Result<DuplicateReport, StoreError> {
        let mut part = DuplicateReport { groups: Vec::new(), examined: 0, next_after: query.after };
        let mut grouped: HashSet<ImageId> = HashSet::new();
        let mut images = 0;
        loop {
            let batch = self.store.embeddings(self.model_id, part.next_after, BATCH)?;
            if batch.is_empty() {
                part.next_after = None;
                return Ok(part);
            }
            for (image_id, vector) in batch {
                let full = part.groups.len() >= query.limit || images >= MOST_IMAGES || self.searches >= self.most;
                if full || stopped.load(Ordering::Relaxed) {
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
                    // Alone, when the others have just been deleted.
                    if group.images.len() > 1 {
                        part.groups.push(group);
                    }
                }
            }
        }
    }

    /// The group that `first` is the smallest id of; `None` when it is alone, or not the smallest.
    fn grow(&mut self, first: ImageId, vector: &UnitVector) -> Result<Option<Growing>, StoreError> {
        let Some((neighbours, all)) = self.neighbours(first, first, vector)? else { return Ok(None) };
        let mut grown = Growing { members: BTreeMap::new(), truncated: !all };
        let mut unfollowed: VecDeque<ImageId> = neighbours.iter().map(|(id, _)| *id).collect();
        grown.members.extend(neighbours.into_iter().map(|(id, similarity)| (id, Some(similarity))));
        while let Some(next) = unfollowed.pop_front() {
            if grown.members.len() >= MOST_MEMBERS || self.searches >= self.most.saturating_add(MOST_MEMBERS) {
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

    /// Images at least as similar as the bound, nearest first, and whether these are all; `None` when one of them has
    /// a smaller id than `first`.
    #[expect(clippy::type_complexity, reason = "a pair with its own explanation, used twice")]
    fn neighbours(
        &mut self,
        first: ImageId,
        image_id: ImageId,
        vector: &UnitVector,
    ) -> Result<Option<(Vec<(ImageId, f32)>, bool)>, StoreError> {
        let mut limit = FEW_NEIGHBOURS;
        loop {
            self.searches += 1;
            let filter = Filter::default();
            let search = VectorSearch {
                exact: false,
                model_id: self.model_id,
                query: vector,
                filter: &filter,
                exclude: &[image_id],
                offset: 0,
                limit,
            };
            let hits = self.store.search_vector(&search)?;
            let near: Vec<_> = hits
                .iter()
                .take_while(|hit| -hit.distance >= self.bound)
                .map(|hit| (hit.image_id, -hit.distance))
                .collect();
            if near.iter().any(|(id, _)| *id < first) {
                return Ok(None);
            }
            if near.len() < limit || limit >= MOST_NEIGHBOURS {
                let all = near.len() < limit;
                return Ok(Some((near, all)));
            }
            limit *= 32;
        }
    }

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
        let truncated = grown.truncated || members.len() >= MOST_MEMBERS;
        members.truncate(MOST_MEMBERS - 1);
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
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;
    use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
    use mitsuke_store::{Inserted, NewImage, NewModel, Sha256};

    /// A store with an image at each angle (in tenths of a degree), and what outlives it.
    fn filled(angles: &[u16]) -> (SqliteStore, ModelId, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path(), SqliteOptions::default()).unwrap();
        let new = NewModel { model_name: "a".into(), model_version: "1".into(), vector_dimension: 2 };
        let model_id = store.register_model(&new).unwrap().model_id;
        for (n, tenths) in angles.iter().enumerate() {
            let radians = (f32::from(*tenths) / 10.0).to_radians();
            let vector = UnitVector::normalize(vec![radians.cos(), radians.sin()]).unwrap();
            let bytes = n.to_le_bytes();
            let inserted = store.insert_image(&NewImage {
                bytes: &bytes,
                sha256: Sha256::of(&bytes),
                file_name: "x",
                file_type: "image/png",
                width: 1,
                height: 1,
                upload_date: OffsetDateTime::UNIX_EPOCH,
                generation_prompt: None,
                generation: None,
                caption: None,
                embeddings: &[(model_id, vector)],
            });
            assert!(matches!(inserted, Ok(Inserted::Created(_))));
        }
        (store, model_id, directory)
    }

    /// All parts of a report, each made of at most `most` searches and `limit` groups.
    fn whole(store: &SqliteStore, model_id: ModelId, bound: f32, most: usize, limit: usize) -> Vec<DuplicateGroup> {
        let mut groups = Vec::new();
        let mut after = None;
        loop {
            let query = DuplicateQuery { min_similarity: bound, after, limit };
            let mut search = Search { store, model_id, bound, searches: 0, most };
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
        // 20.0 is near 21.0, and that near 22.0, but 20.0 and 22.0 are too far apart for a pair.
        let (store, model_id, _directory) = filled(&[200, 900, 220, 210, 905, 500]);
        let bound = 1.2_f32.to_radians().cos();
        let groups = whole(&store, model_id, bound, 1000, 10);
        assert_eq!(ids(&groups), [vec![1, 3, 4], vec![2, 5]]);
        let order: Vec<_> = groups[0].images.iter().map(|(image, _)| image.image_id).collect();
        assert_eq!(order, [1, 4, 3]);
        assert!((groups[0].images[2].1 - 2.0_f32.to_radians().cos()).abs() < 1e-5);
        assert!(!groups[0].truncated);
    }

    #[test]
    fn a_huge_group_is_one_group_shown_in_part() {
        let (store, model_id, _directory) = filled(&[300; 700]);
        for most in [1, 1000] {
            let groups = whole(&store, model_id, 0.99, most, 10);
            assert_eq!(groups.len(), 1);
            assert_eq!((groups[0].images.len(), groups[0].truncated), (MOST_MEMBERS, true));
            assert_eq!(groups[0].images[0].0.image_id, 1);
        }
    }

    #[test]
    fn nobody_waiting_ends_the_work() {
        let (store, model_id, _directory) = filled(&[0, 0, 0]);
        let (stop, stopped) = StopWhenDropped::new();
        let query = DuplicateQuery { min_similarity: 0.9, after: None, limit: 10 };
        assert_eq!(report(&store, model_id, &query, &stopped).unwrap().examined, 3);
        drop(stop);
        assert_eq!(report(&store, model_id, &query, &stopped).unwrap().examined, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_parts_make_the_connected_groups(
            angles in proptest::collection::vec(0_u16..1800, 1..30), most in 1_usize..40, limit in 1_usize..5,
        ) {
            let (store, model_id, _directory) = filled(&angles);
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
            prop_assert_eq!(ids(&whole(&store, model_id, 3.05_f32.to_radians().cos(), most, limit)), expected);
        }
    }
}
