//! Pictures, models and vectors for the contract.

use std::any::Any;
use std::ops::Deref;

use mitsuke_image::Generation;
use mitsuke_index::UnitVector;
use mitsuke_store::{
    Filter, ImageId, Inserted, KeywordSearch, LinkedFile, Model, ModelId, NewImage, NewModel, Origin, Page, Sha256,
    Store, StoreError, TakenAt, VectorHit, VectorSearch,
};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// The dimension of the contract's vectors.
pub const DIMENSION: usize = 8;

/// An open store, with the value that must outlive the store (a directory, for example).
pub struct TestStore {
    store: Box<dyn Store>,
    _outlives_it: Box<dyn Any>,
}

impl TestStore {
    /// Keeps `outlives_it` until the store is dropped.
    pub fn new(store: impl Store + 'static, outlives_it: impl Any) -> Self {
        Self { store: Box::new(store), _outlives_it: Box::new(outlives_it) }
    }
}

impl Deref for TestStore {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// An image to insert. Its bytes are its name unless set otherwise.
#[derive(Clone)]
pub struct Picture {
    /// The original bytes.
    pub bytes: Vec<u8>,
    /// The file name, with its extension.
    pub file_name: String,
    /// The media type.
    pub file_type: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The upload date.
    pub upload_date: OffsetDateTime,
    /// The caption.
    pub caption: Option<String>,
    /// The generation prompt as it was written.
    pub prompt: Option<String>,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
    /// The tags found in the file.
    pub tags: Vec<String>,
    /// The tags that the caller adds.
    pub added_tags: Vec<String>,
    /// The whole list of tags that the caller sets.
    pub listed_tags: Option<Vec<String>>,
    /// The time at which the picture was taken.
    pub taken: Option<TakenAt>,
    /// The camera.
    pub camera: Option<String>,
    /// The path in the folder that is uploaded.
    pub source_path: Option<String>,
    /// The source of caption, generation prompt and time of taking.
    pub origin: Origin,
    /// The version of the reader that has read the file.
    pub reader_version: u32,
    /// The embeddings, each with its model.
    pub embeddings: Vec<(ModelId, UnitVector)>,
    /// The path and the time of the file that stays where it lies.
    pub linked: Option<(String, i64)>,
}

/// Makes a small PNG without texts or embeddings.
pub fn picture(name: &str) -> Picture {
    Picture {
        bytes: name.as_bytes().to_vec(),
        file_name: format!("{name}.png"),
        file_type: "image/png".into(),
        size: (640, 480),
        upload_date: noon(),
        caption: None,
        prompt: None,
        generation: None,
        tags: Vec::new(),
        added_tags: Vec::new(),
        listed_tags: None,
        taken: None,
        camera: None,
        source_path: None,
        origin: Origin::Found,
        reader_version: 1,
        embeddings: Vec::new(),
        linked: None,
    }
}

/// Returns texts as strings.
#[must_use]
pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Returns a fixed date.
pub fn noon() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(12)
}

impl Picture {
    /// Sets the original bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes = bytes.to_vec();
        self
    }

    /// Sets the caption.
    #[must_use]
    pub fn caption(mut self, caption: &str) -> Self {
        self.caption = Some(caption.into());
        self
    }

    /// Sets the tags found in the file.
    #[must_use]
    pub fn tagged(mut self, tags: &[&str]) -> Self {
        self.tags = strings(tags);
        self
    }

    /// Sets the tags that the caller adds.
    #[must_use]
    pub fn with_tags(mut self, tags: &[&str]) -> Self {
        self.added_tags = strings(tags);
        self
    }

    /// Sets the whole list of tags.
    #[must_use]
    pub fn listing_tags(mut self, tags: &[&str]) -> Self {
        self.listed_tags = Some(strings(tags));
        self
    }

    /// Makes caption, generation prompt and time of taking those that the caller has set.
    #[must_use]
    pub fn set_by_caller(mut self) -> Self {
        self.origin = Origin::Set;
        self
    }

    /// Sets the version of the reader that has read the file.
    #[must_use]
    pub fn read_by(mut self, reader_version: u32) -> Self {
        self.reader_version = reader_version;
        self
    }

    /// Sets the generation prompt.
    #[must_use]
    pub fn prompt(mut self, prompt: &str) -> Self {
        self.prompt = Some(prompt.into());
        self
    }

    /// Sets the readable parts of the generation prompt, from their JSON.
    #[must_use]
    pub fn generation(mut self, json: &str) -> Self {
        self.generation = serde_json::from_str(json).ok();
        self
    }

    /// Sets the time at which the picture was taken, by the clock of a camera that does not state its offset.
    #[must_use]
    pub fn taken(mut self, local: PrimitiveDateTime) -> Self {
        self.taken = Some(TakenAt { local, offset: None });
        self
    }

    /// Sets the camera.
    #[must_use]
    pub fn by_camera(mut self, camera: &str) -> Self {
        self.camera = Some(camera.into());
        self
    }

    /// Sets the path in the folder that is uploaded.
    #[must_use]
    pub fn from_path(mut self, source_path: &str) -> Self {
        self.source_path = Some(source_path.into());
        self
    }

    /// Sets the file name.
    #[must_use]
    pub fn named(mut self, file_name: &str) -> Self {
        self.file_name = file_name.into();
        self
    }

    /// Sets the media type.
    #[must_use]
    pub fn of_type(mut self, file_type: &str) -> Self {
        self.file_type = file_type.into();
        self
    }

    /// Sets width and height in pixels.
    #[must_use]
    pub fn sized(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Sets the upload date to this many seconds after [`noon`].
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.upload_date = noon() + Duration::seconds(seconds);
        self
    }

    /// Adds an embedding of a model.
    #[must_use]
    pub fn embedded(mut self, model: &Model, vector: UnitVector) -> Self {
        self.embeddings.push((model.model_id, vector));
        self
    }

    /// Leaves the original in the file at a path, which has changed last at a time in nanoseconds since 1970.
    #[must_use]
    pub fn linked_at(mut self, path: &str, modified_ns: i64) -> Self {
        self.linked = Some((path.into(), modified_ns));
        self
    }

    /// Inserts the image.
    ///
    /// # Errors
    /// The errors of the store.
    pub fn try_insert(&self, store: &dyn Store) -> Result<Inserted, StoreError> {
        store.insert_image(&self.as_new())
    }

    /// Returns the image as a store takes it.
    #[must_use]
    pub fn as_new(&self) -> NewImage<'_> {
        NewImage {
            bytes: &self.bytes,
            sha256: Sha256::of(&self.bytes),
            file_name: &self.file_name,
            file_type: &self.file_type,
            width: self.size.0,
            height: self.size.1,
            upload_date: self.upload_date,
            generation_prompt: self.prompt.as_deref(),
            generation: self.generation.as_ref(),
            generation_prompt_origin: self.origin,
            caption: self.caption.as_deref(),
            caption_origin: self.origin,
            tags: &self.tags,
            added_tags: &self.added_tags,
            listed_tags: self.listed_tags.as_deref(),
            taken: self.taken,
            taken_origin: self.origin,
            camera: self.camera.as_deref(),
            source_path: self.source_path.as_deref(),
            reader_version: self.reader_version,
            embeddings: &self.embeddings,
            linked: self.linked.as_ref().map(|(path, modified_ns)| LinkedFile { path, modified_ns: *modified_ns }),
        }
    }

    /// Inserts an image that is not there yet.
    #[track_caller]
    pub fn insert(&self, store: &dyn Store) -> ImageId {
        match self.try_insert(store) {
            Ok(Inserted::Created(image_id)) => image_id,
            other => panic!("{} was to be created, and is {other:?}", self.file_name),
        }
    }
}

/// Registers a model of [`DIMENSION`].
pub fn model(store: &dyn Store, name: &str) -> Model {
    let new = NewModel { model_name: name.into(), model_version: "1".into(), vector_dimension: DIMENSION };
    store.register_model(&new).unwrap()
}

/// Returns a vector in the plane of the first two axes, at an angle in degrees from the first.
pub fn angle(degrees: f32) -> UnitVector {
    let mut components = vec![0.0; DIMENSION];
    components[0] = degrees.to_radians().cos();
    components[1] = degrees.to_radians().sin();
    UnitVector::normalize(components).unwrap()
}

/// Returns `count` vectors that look random and are the same in every run.
pub fn scattered(count: usize, mut seed: u64) -> Vec<UnitVector> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f32 / (1_u64 << 31) as f32 - 0.5
    };
    (0..count).map(|_| UnitVector::normalize((0..DIMENSION).map(|_| next()).collect()).unwrap()).collect()
}

/// Returns the first `limit` hits without a filter.
pub fn nearest(store: &dyn Store, model: &Model, query: &UnitVector, limit: usize) -> Vec<VectorHit> {
    let page = Page::first(limit);
    let search = VectorSearch { model_id: model.model_id, query, exclude: &[], page: &page };
    store.search_vector(&search).unwrap()
}

/// Returns the ids of [`nearest`].
pub fn nearest_ids(store: &dyn Store, model: &Model, query: &UnitVector, limit: usize) -> Vec<ImageId> {
    nearest(store, model, query, limit).iter().map(|hit| hit.image_id).collect()
}

/// Returns the ids of the images that hold every term, best first.
pub fn found(store: &dyn Store, terms: &[&str]) -> Vec<ImageId> {
    found_with(store, terms, &Filter::default(), 0, 1000)
}

/// Returns a page of the images that hold every term and pass a filter.
pub fn found_with(store: &dyn Store, terms: &[&str], filter: &Filter, offset: usize, limit: usize) -> Vec<ImageId> {
    let terms: Vec<String> = terms.iter().map(ToString::to_string).collect();
    let page = Page { offset, filter: filter.clone(), ..Page::first(limit) };
    let hits = store
        .search_keyword(&KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page })
        .unwrap()
        .hits;
    hits.iter().map(|hit| hit.image_id).collect()
}

/// Returns the number of images that a model has embedded, and of all images.
pub fn covered(store: &dyn Store, model: &Model) -> (u64, u64) {
    let coverage = store.coverage(model.model_id).unwrap();
    (coverage.embedded, coverage.total)
}

/// Returns the ids in ascending order.
pub fn sorted(mut ids: Vec<ImageId>) -> Vec<ImageId> {
    ids.sort_unstable();
    ids
}

/// Returns the ids of all images, newest first.
pub fn newest_ids(store: &dyn Store) -> Vec<ImageId> {
    store.newest(&Filter::default(), None, 10_000).unwrap().iter().map(|image| image.image_id).collect()
}
