//! A query to the store → a page of ranked hits. Everything here blocks.

use std::collections::{HashMap, HashSet};

use mitsuke_index::UnitVector;
use mitsuke_store::{
    HybridSearch, Image, ImageId, ImageStore, KeywordHits, KeywordSearch, MAX_PAGE_DEPTH, ModelId, Page, RankedImage,
    SearchStore, Sort, StoreError, Total, VectorHit, VectorSearch, Weights,
};

use super::cutoff::Cutoff;
use super::query::Hit;

/// The depth to which each leg of a hybrid search is read for the first pages. A page that lies deeper is read from
/// legs of twice the depth, and so on. The depths are always the same, so that every page of a query is cut from one
/// list.
const LEG_DEPTH: usize = 1_000;

/// The rounding error of a similarity, which is a sum of products. A cutoff leaves no image out for a smaller
/// difference.
pub(crate) const SIMILARITY_TOLERANCE: f32 = 1e-6;

/// A query to the store.
#[derive(Debug, Clone)]
pub(super) enum StoreQuery {
    Newest,
    Vector { query: UnitVector, exclude: Vec<ImageId> },
    Keyword { terms: Vec<String>, least: usize },
    Hybrid { query: UnitVector, terms: Vec<String>, least: usize, weights: Weights },
}

/// A page of hits, and the cutoff that was applied.
pub(super) struct RankedPage {
    pub(super) total: Option<Total>,
    pub(super) hits: Vec<Hit>,
    pub(super) next_offset: Option<usize>,
    pub(super) least_similarity: Option<f32>,
}

/// Ranks one hit more than the page holds, to find whether there is a next page; then reads the metadata. No page follows
/// the one that reaches [`MAX_PAGE_DEPTH`]. The texts of the images are short: see [`ImageStore::images_short`].
pub(super) fn rank<S: ImageStore + SearchStore + ?Sized>(
    store: &S,
    model_id: ModelId,
    query: &StoreQuery,
    page: Page,
    cutoff: Cutoff,
    max_chars: usize,
) -> Result<RankedPage, StoreError> {
    let (offset, limit) = (page.offset, page.limit);
    let page = Page { limit: limit.saturating_add(1), ..page };
    let ranking = Ranking { store, model_id, page: &page, cutoff, leg_depth: LEG_DEPTH };
    let Places { mut places, total, least_similarity } = match query {
        StoreQuery::Newest => ranking.newest()?,
        StoreQuery::Vector { query, exclude } => ranking.vector(query, exclude)?.into(),
        StoreQuery::Keyword { terms, least } => ranking.keyword(terms, *least)?,
        StoreQuery::Hybrid { query, terms, least, weights } => ranking.hybrid(query, terms, *least, *weights)?.into(),
    };
    let end = offset.saturating_add(limit);
    let next_offset = (places.len() > limit && end < MAX_PAGE_DEPTH).then_some(end);
    places.truncate(limit);
    Ok(RankedPage { total, hits: with_images(store, places, offset, max_chars)?, next_offset, least_similarity })
}

/// The ranked images of a page.
struct Places {
    places: Vec<RankedImage>,
    total: Option<Total>,
    least_similarity: Option<f32>,
}

/// A ranking with a vector leg has a rank for every image, and no total.
impl From<(Vec<RankedImage>, Option<f32>)> for Places {
    fn from((places, least_similarity): (Vec<RankedImage>, Option<f32>)) -> Self {
        Self { places, total: None, least_similarity }
    }
}

/// The ranking that a page is cut from.
struct Ranking<'a, S: ?Sized> {
    store: &'a S,
    model_id: ModelId,
    /// The page to read from the store.
    page: &'a Page,
    cutoff: Cutoff,
    leg_depth: usize,
}

impl<S: ImageStore + SearchStore + ?Sized> Ranking<'_, S> {
    fn newest(&self) -> Result<Places, StoreError> {
        let places = self.store.page_ids(self.page, Sort::NEWEST)?.into_iter().map(RankedImage::unranked).collect();
        Ok(Places { places, total: Some(self.store.count(&self.page.filter)?), least_similarity: None })
    }

    fn keyword(&self, terms: &[String], least: usize) -> Result<Places, StoreError> {
        let KeywordHits { hits, total } =
            self.store.search_keyword(&KeywordSearch { terms, least, exclude: &[], page: self.page })?;
        let places = (self.page.offset..)
            .zip(hits)
            .map(|(index, hit)| RankedImage {
                keyword_rank: Some(rank_at(index)),
                score: Some(hit.score),
                ..RankedImage::unranked(hit.image_id)
            })
            .collect();
        Ok(Places { places, total: Some(total), least_similarity: None })
    }

    fn vector(&self, query: &UnitVector, exclude: &[ImageId]) -> Result<(Vec<RankedImage>, Option<f32>), StoreError> {
        let offset = self.page.offset;
        let hits = self.nearest(query, exclude, self.page)?;
        let floor = match self.cutoff.max_gap {
            None => self.cutoff.min_similarity,
            Some(_) if offset == 0 => self.cutoff.floor(hits.first()),
            Some(_) => self.cutoff.floor(self.nearest(query, exclude, &self.cut(0, 1))?.first()),
        };
        let places = (offset..)
            .zip(hits)
            .take_while(|(_, hit)| floor.is_none_or(|floor| -hit.distance >= floor - SIMILARITY_TOLERANCE))
            .map(|(index, hit)| RankedImage {
                distance: Some(hit.distance),
                vector_rank: Some(rank_at(index)),
                score: Some(f64::from(0.0 - hit.distance)),
                ..RankedImage::unranked(hit.image_id)
            })
            .collect();
        Ok((places, floor))
    }

    /// Returns the fused ranking: the hits of both legs to the first depth, then the further hits to the second depth,
    /// and so on. Fusing deeper legs alone would reorder the hits that earlier pages have shown; fusing depth after
    /// depth only appends hits.
    fn hybrid(
        &self,
        query: &UnitVector,
        terms: &[String],
        least: usize,
        weights: Weights,
    ) -> Result<(Vec<RankedImage>, Option<f32>), StoreError> {
        let floor = match self.cutoff.max_gap {
            None => self.cutoff.min_similarity,
            Some(_) => self.cutoff.floor(self.nearest(query, &[], &self.cut(0, 1))?.first()),
        };
        let (offset, wanted) = (self.page.offset, self.page.limit);
        let search = |depth, page| {
            self.store.search_hybrid(&HybridSearch {
                model_id: self.model_id,
                query,
                terms,
                least,
                exclude: &[],
                depth,
                weights,
                min_similarity: floor.map(|floor| floor - SIMILARITY_TOLERANCE),
                page,
            })
        };
        let vector_hits = |hits: &[RankedImage]| hits.iter().filter(|hit| hit.vector_rank.is_some()).count();
        let keyword_hits = |hits: &[RankedImage]| hits.iter().filter(|hit| hit.keyword_rank.is_some()).count();
        // When both legs are exhausted, a greater depth finds nothing more. With a floor, the counts do not show
        // whether the legs are exhausted.
        let exhausted =
            |hits: &[RankedImage], depth| floor.is_none() && vector_hits(hits) < depth && keyword_hits(hits) < depth;
        let first = search(self.leg_depth, self.page)?;
        let is_whole = offset == 0 && first.len() < wanted;
        if first.len() == wanted || (is_whole && exhausted(&first, self.leg_depth)) {
            return Ok((first, floor));
        }
        let total = usize::try_from(self.store.count_images()?).unwrap_or(usize::MAX);
        if total <= self.leg_depth || offset >= total {
            return Ok((first, floor));
        }
        let mut listed: Vec<RankedImage> = Vec::new();
        let mut seen = HashSet::new();
        let mut depth = self.leg_depth;
        let whole = self.cut(0, usize::MAX);
        loop {
            let hits = search(depth, &whole)?;
            // With a floor every hit is similar enough, so an exhausted vector leg holds all of them.
            let all_similar = floor.is_some() && weights.vector > 0.0 && vector_hits(&hits) < depth;
            let exhausted = exhausted(&hits, depth);
            listed.extend(hits.into_iter().filter(|hit| seen.insert(hit.image_id)));
            if listed.len() >= offset.saturating_add(wanted) || depth >= total || all_similar || exhausted {
                break;
            }
            depth = depth.saturating_mul(2);
        }
        Ok((listed.into_iter().skip(offset).take(wanted).collect(), floor))
    }

    fn nearest(&self, query: &UnitVector, exclude: &[ImageId], page: &Page) -> Result<Vec<VectorHit>, StoreError> {
        self.store.search_vector(&VectorSearch { model_id: self.model_id, query, exclude, page })
    }

    /// Returns another page of the same ranking.
    fn cut(&self, offset: usize, limit: usize) -> Page {
        Page { offset, limit, ..self.page.clone() }
    }
}

/// Returns the rank, from 1, of the item at `index` of a leg.
fn rank_at(index: usize) -> u32 {
    u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX)
}

/// Reads the images of a page. An image that was deleted after the ranking is left out.
fn with_images<S: ImageStore + ?Sized>(
    store: &S,
    places: Vec<RankedImage>,
    offset: usize,
    max_chars: usize,
) -> Result<Vec<Hit>, StoreError> {
    let ids: Vec<_> = places.iter().map(|place| place.image_id).collect();
    let mut images: HashMap<ImageId, Image> =
        store.images_short(&ids, max_chars)?.into_iter().map(|image| (image.image_id, image)).collect();
    let hits = places.into_iter().enumerate().filter_map(|(index, place)| {
        let image = images.remove(&place.image_id)?;
        Some(Hit {
            image,
            rank: offset.saturating_add(index).saturating_add(1),
            distance: place.distance,
            vector_rank: place.vector_rank,
            keyword_rank: place.keyword_rank,
            score: place.score,
            relevance: None,
            likely: false,
        })
    });
    Ok(hits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_store::{FakeImage, FakeStore, MODEL};

    fn rank(
        store: &FakeStore,
        model_id: ModelId,
        query: &StoreQuery,
        page: Page,
        cutoff: Cutoff,
    ) -> Result<RankedPage, StoreError> {
        super::rank(store, model_id, query, page, cutoff, usize::MAX)
    }

    /// Makes a store of 60 images, one degree apart. The caption of every second image holds 猫, with the best score at
    /// the largest angle.
    fn filled() -> FakeStore {
        (0..60_u8)
            .map(|n| FakeImage { keyword_score: (n % 2 == 0).then_some(f64::from(n)), ..FakeImage::at(n.into()) })
            .collect()
    }

    fn page(offset: usize, limit: usize) -> Page {
        Page { offset, ..Page::first(limit) }
    }

    #[test]
    fn fused_pages_follow_each_other_however_deep_they_lie() {
        let store = filled();
        let query = UnitVector::normalize(vec![1.0, 0.0]).unwrap();
        let terms = ["猫".to_owned()];
        let cut = |page: &Page, weights| -> Vec<ImageId> {
            let ranking = Ranking { store: &store, model_id: MODEL, page, cutoff: Cutoff::default(), leg_depth: 4 };
            let (places, _) = ranking.hybrid(&query, &terms, 1, weights).unwrap();
            places.iter().map(|place| place.image_id).collect()
        };
        let all = [Weights::default(), Weights { vector: 0.0, keyword: 1.0 }, Weights { vector: 3.0, keyword: 0.1 }];
        for (weights, count) in all.into_iter().zip([60, 30, 60]) {
            let whole = cut(&page(0, 100), weights);
            assert_eq!(whole.iter().collect::<HashSet<_>>().len(), count, "{weights:?}");
            assert_eq!(whole.len(), count);
            for limit in [1, 3, 7] {
                let pages: Vec<_> = (0..61).step_by(limit).flat_map(|at| cut(&page(at, limit), weights)).collect();
                assert_eq!(pages, whole, "{weights:?} in pages of {limit}");
            }
            assert!(cut(&page(usize::MAX, 5), weights).is_empty());
        }
        // The first depth alone decides about the first page: images 1 and 2 lead by angle, and the last images by
        // words.
        let first = cut(&page(0, 8), Weights::default());
        assert!(first.contains(&1) && first.contains(&59), "{first:?}");
    }

    #[test]
    fn both_cutoffs_hold_in_both_modes_and_on_every_page() {
        let store = filled();
        let query = UnitVector::normalize(vec![1.0, 0.0]).unwrap();
        let terms = vec!["猫".to_owned()];
        let hybrid = StoreQuery::Hybrid { query: query.clone(), terms, least: 1, weights: Weights::default() };
        let vector = StoreQuery::Vector { query, exclude: vec![1] };
        // The best hit of the vector query is at 1 degree, since the image at 0 degrees is excluded.
        let gap = 1.0 - 9.5_f32.to_radians().cos();
        for (query, best, count) in [(&vector, 1.0_f32, 9), (&hybrid, 0.0, 10)] {
            for (offset, limit) in [(0, 100), (2, 3), (8, 5)] {
                let absolute = Cutoff { min_similarity: Some(9.5_f32.to_radians().cos()), max_gap: None };
                let ranked = rank(&store, MODEL, query, page(offset, limit), absolute).unwrap();
                assert_eq!(ranked.hits.len(), limit.min(count - offset));
                assert_eq!(ranked.next_offset, (offset + limit < count).then_some(offset + limit));
                let relative = Cutoff { max_gap: Some(gap), min_similarity: None };
                let ranked = rank(&store, MODEL, query, page(offset, limit), relative).unwrap();
                let floor = best.to_radians().cos() - gap;
                assert!((ranked.least_similarity.unwrap() - floor).abs() < 1e-5);
                assert!(ranked.hits.iter().all(|hit| -hit.distance.unwrap() >= floor - 1e-6));
                let expected = (0..60_u8).filter(|n| f32::from(*n).to_radians().cos() >= floor).count();
                let expected = expected - usize::from(best > 0.5);
                assert_eq!(ranked.hits.len(), limit.min(expected - offset));
                let both = Cutoff { min_similarity: Some(0.999), max_gap: Some(gap) };
                assert_eq!(rank(&store, MODEL, query, page(0, 100), both).unwrap().least_similarity, Some(0.999));
            }
        }
    }

    #[test]
    fn newest_images_and_keyword_hits_come_in_pages_with_their_ranks() {
        let store = filled();
        let keyword = StoreQuery::Keyword { terms: vec!["猫".to_owned()], least: 1 };
        for (query, total, first) in [(&StoreQuery::Newest, 60, [60, 59, 58]), (&keyword, 30, [59, 57, 55])] {
            let ranked = rank(&store, MODEL, query, page(0, 3), Cutoff::default()).unwrap();
            assert_eq!(ranked.hits.iter().map(|hit| hit.image.image_id).collect::<Vec<_>>(), first);
            assert_eq!(ranked.next_offset, Some(3));
            let last = rank(&store, MODEL, query, page(total - 2, 3), Cutoff::default()).unwrap();
            assert_eq!(last.hits.iter().map(|hit| hit.rank).collect::<Vec<_>>(), [total - 1, total]);
            assert_eq!(last.next_offset, None);
        }
        let ranked = rank(&store, MODEL, &keyword, page(10, 1), Cutoff::default()).unwrap();
        assert_eq!(ranked.hits[0].keyword_rank, Some(11));
        assert_eq!(ranked.hits[0].score, Some(38.0));
    }
    #[test]
    fn no_page_follows_the_deepest_one() {
        let count = u16::try_from(MAX_PAGE_DEPTH + 50).unwrap();
        let store: FakeStore =
            (0..count).map(|n| FakeImage { keyword_score: Some(1.0), ..FakeImage::at(f32::from(n) / 100.0) }).collect();
        let vector = StoreQuery::Vector { query: UnitVector::normalize(vec![1.0, 0.0]).unwrap(), exclude: Vec::new() };
        let keyword = StoreQuery::Keyword { terms: vec!["猫".to_owned()], least: 1 };
        for query in [&StoreQuery::Newest, &vector, &keyword] {
            let read = |offset| rank(&store, MODEL, query, page(offset, 10), Cutoff::default()).unwrap();
            let before = read(MAX_PAGE_DEPTH - 20);
            assert_eq!((before.hits.len(), before.next_offset), (10, Some(MAX_PAGE_DEPTH - 10)));
            let deepest = read(MAX_PAGE_DEPTH - 10);
            assert_eq!((deepest.hits.len(), deepest.next_offset), (10, None), "{query:?}");
            assert_eq!(deepest.hits.last().unwrap().rank, MAX_PAGE_DEPTH);
        }
    }
}
