//! A store in memory for unit tests: images at angles of a circle, whose full-text scores the test sets.

use mitsuke_index::UnitVector;
use mitsuke_store::{
    Content, Cursor, EmbeddingFailure, EmbeddingStore, Filter, Image, ImageId, ImagePatch, ImageStore, Inserted,
    KeywordHit, KeywordHits, KeywordSearch, ModelId, NewImage, Page, SearchStore, Sha256, StoreError, Total, VectorHit,
    VectorSearch,
};
use time::OffsetDateTime;

/// The model that has embedded the images.
pub(crate) const MODEL: ModelId = 1;

/// Another model, which has embedded the images with `other_angle`.
pub(crate) const OTHER_MODEL: ModelId = 2;

/// An image of the store.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FakeImage {
    /// The angle of the image's embedding by [`MODEL`], in degrees.
    pub(crate) angle: f32,
    /// The angle of the image's embedding by [`OTHER_MODEL`], in degrees.
    pub(crate) other_angle: Option<f32>,
    /// The score of the image in every full-text search; `None` when no search finds the image.
    pub(crate) keyword_score: Option<f64>,
}

impl FakeImage {
    /// Makes an image at an angle in degrees.
    pub(crate) fn at(angle: f32) -> Self {
        Self { angle, ..Self::default() }
    }
}

/// Returns the vector at an angle in degrees.
pub(crate) fn vector(angle: f32) -> UnitVector {
    let radians = angle.to_radians();
    UnitVector::normalize(vec![radians.cos(), radians.sin()]).unwrap()
}

/// An image with its embeddings by [`MODEL`] and [`OTHER_MODEL`].
struct Stored {
    vectors: [Option<UnitVector>; 2],
    keyword_score: Option<f64>,
}

/// A store in memory. The id of an image is its place, from 1.
pub(crate) struct FakeStore(Vec<Stored>);

impl FromIterator<FakeImage> for FakeStore {
    fn from_iter<I: IntoIterator<Item = FakeImage>>(images: I) -> Self {
        let store = |FakeImage { angle, other_angle, keyword_score }| Stored {
            vectors: [Some(vector(angle)), other_angle.map(vector)],
            keyword_score,
        };
        Self(images.into_iter().map(store).collect())
    }
}

impl FakeStore {
    fn ids(&self) -> std::ops::RangeInclusive<ImageId> {
        1..=ImageId::try_from(self.0.len()).unwrap()
    }

    fn find(&self, image_id: ImageId) -> Option<&Stored> {
        self.0.get(usize::try_from(image_id - 1).ok()?)
    }

    fn vector(&self, model_id: ModelId, image_id: ImageId) -> Option<&UnitVector> {
        self.find(image_id)?.vectors[usize::from(model_id == OTHER_MODEL)].as_ref()
    }
}

fn cut<T>(hits: Vec<T>, page: &Page) -> Vec<T> {
    hits.into_iter().skip(page.offset).take(page.limit).collect()
}

impl SearchStore for FakeStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        let distance = |image_id| {
            let vector = self.vector(search.model_id, image_id)?;
            Some(VectorHit { image_id, distance: -search.query.similarity(vector) })
        };
        let mut hits: Vec<_> = self.ids().filter(|id| !search.exclude.contains(id)).filter_map(distance).collect();
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(b.image_id.cmp(&a.image_id)));
        Ok(cut(hits, search.page))
    }

    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError> {
        let matching = self.0.iter().filter(|image| image.keyword_score.is_some()).count();
        Ok(vec![matching.min(most); terms.len()])
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError> {
        let score = |image_id| Some(KeywordHit { image_id, score: self.find(image_id)?.keyword_score? });
        let mut hits: Vec<_> = self.ids().filter_map(score).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.image_id.cmp(&a.image_id)));
        let total = Total::exactly(hits.len() as u64);
        Ok(KeywordHits { hits: cut(hits, search.page), total })
    }
}

impl EmbeddingStore for FakeStore {
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        Ok(self.vector(model_id, image_id).cloned())
    }

    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        let ids = self.ids().filter(|image_id| after.is_none_or(|after| *image_id > after));
        let embedded = ids.filter_map(|image_id| Some((image_id, self.vector(model_id, image_id)?.clone())));
        Ok(embedded.take(limit).collect())
    }

    fn put_embedding(&self, _: ModelId, _: ImageId, _: &UnitVector) -> Result<bool, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn put_embedding_failure(&self, _: ModelId, _: ImageId, _: &str) -> Result<bool, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn embedding_failures(
        &self,
        _: ModelId,
        _: Option<ImageId>,
        _: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn images_without_embedding(
        &self,
        _: ModelId,
        _: Option<ImageId>,
        _: bool,
        _: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn delete_embeddings(&self, _: ModelId) -> Result<u64, StoreError> {
        unreachable!("the tests do not call this")
    }
}

impl ImageStore for FakeStore {
    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        Ok(self.find(image_id).map(|_| Image {
            image_id,
            file_name: "x".to_owned(),
            file_type: "image/png".to_owned(),
            bytes: 1,
            width: 1,
            height: 1,
            sha256: Sha256::of(&image_id.to_le_bytes()),
            upload_date: OffsetDateTime::UNIX_EPOCH,
            generation_prompt: None,
            generation: None,
            caption: None,
            tags: Vec::new(),
            taken: None,
            camera: None,
            source_path: None,
        }))
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        Ok(image_ids.iter().filter_map(|image_id| self.image(*image_id).unwrap()).collect())
    }

    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError> {
        self.images(&cut(self.ids().rev().collect(), page))
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        Ok(self.0.len() as u64)
    }

    fn insert_image(&self, _: &NewImage<'_>) -> Result<Inserted, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn image_by_sha256(&self, _: &Sha256) -> Result<Option<Image>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn images_by_sha256(&self, _: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn content(&self, _: ImageId) -> Result<Option<Content>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn newest(&self, _: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        let after = |image_id: &ImageId| cursor.is_none_or(|cursor| *image_id < cursor.image_id);
        let ids: Vec<ImageId> = self.ids().rev().filter(after).take(limit).collect();
        self.images(&ids)
    }

    fn update_image(&self, _: ImageId, _: &ImagePatch) -> Result<Option<Image>, StoreError> {
        unreachable!("the tests do not call this")
    }

    fn delete_image(&self, _: ImageId) -> Result<bool, StoreError> {
        unreachable!("the tests do not call this")
    }
}
