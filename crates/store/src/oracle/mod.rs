//! The store for teams: Oracle Database 23ai with AI Vector Search and Oracle Text.
//!
//! The schema is that of the original application (sql/oracle), with one table of embeddings for each model, because a
//! vector index holds one dimension only. Nothing that another process may change is kept in memory, so any number of
//! processes can share a database. The database need not be up when a store is opened: every call checks for itself,
//! and the first call that reaches the database starts bringing the schema up to date. No call waits long for that; a
//! call that gives up returns an error that says what is going on.

mod connection;
mod rows;
mod schema;
mod search;
mod settings;
mod vector_index;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

pub use rows::foreign::{Examine, ForeignFacts};
pub use settings::{OracleSettings, TextMaintenance};
pub use vector_index::organization::{
    EfConstruction, Graph, IndexKind, Neighbors, Organization, OrganizationChange, Parallel, Partitions, Quantization,
};
pub use vector_index::plan::IndexPlan;
pub use vector_index::upkeep::IndexError;

use self::connection::error::OracleError;
use self::connection::pool::Pool;
use self::connection::session::{self, Session};
use self::connection::value;
use self::rows::models::{self, Tables, VectorTable};
use self::rows::{embeddings, facts, foreign, images, readings, thumbnails};
use self::schema::opening::Opening;
use self::schema::{doctor, migrate, vector_tables};
use self::search::vector::{self, Form};
use self::search::{hybrid, keyword, newest};
use self::vector_index::upkeep;
use super::{
    Changes, Content, Coverage, Cursor, EmbeddingFailure, EmbeddingStore, FacetStore, Filter, Finding, HybridSearch,
    Image, ImageId, ImagePatch, ImageStore, Inserted, KeywordHits, KeywordSearch, Model, ModelId, ModelStore, NewImage,
    NewModel, Occasion, Page, RankedImage, Reading, ReadingStore, SearchStore, Sha256, Store, StoreError,
    ThumbnailStore, VectorHit, VectorSearch,
};
use mitsuke_index::UnitVector;

/// The Oracle store.
pub struct OracleStore {
    settings: OracleSettings,
    examine: Arc<Examine>,
    pool: Pool,
    tables: Tables,
    opening: Arc<Opening>,
}

impl OracleStore {
    /// Makes a store, which connects on its first call.
    #[must_use]
    pub fn new(
        settings: OracleSettings,
        examine: impl Fn(&[u8], Option<&str>) -> ForeignFacts + Send + Sync + 'static,
    ) -> Self {
        let pool = Pool::new(&settings);
        let examine: Arc<Examine> = Arc::new(examine);
        let opening = Opening::new(settings.clone(), Arc::clone(&examine), Arc::clone(pool.manager()));
        Self { settings, examine, pool, tables: Tables::default(), opening }
    }

    /// Brings the schema up to date now, however long it takes.
    ///
    /// # Errors
    /// The reason why the schema cannot be brought up to date.
    pub fn migrate(&self) -> Result<(), StoreError> {
        self.opening.finish()
    }

    /// Returns the migrations as a script for SQL*Plus or SQLcl.
    #[must_use]
    pub fn migration_script() -> String {
        migrate::script()
    }

    /// Stores how the vector index of a model is organized, and builds, rebuilds or drops it, however long that takes. The
    /// model is the current one unless it is named. `tell` receives sentences about the progress. Blocks.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn build_index(
        &self,
        model_id: Option<ModelId>,
        change: &OrganizationChange,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), IndexError> {
        self.opening.finish()?;
        upkeep::build_by_hand(&self.pool, &self.settings, model_id, change, tell)
    }

    /// Checks everything that has to be right, from the client library to the indexes.
    #[must_use]
    pub fn diagnose(&self) -> Vec<Finding> {
        doctor::diagnose(&self.settings, self.pool.manager())
    }

    /// Runs `work`, which changes nothing, once the schema is up to date.
    fn read<T>(&self, work: impl Fn(&Session<'_>) -> Result<T, OracleError>) -> Result<T, StoreError> {
        self.opening.ensure()?;
        session::read(&self.pool, work)
    }

    /// Runs `work` and commits, once the schema is up to date.
    fn write<T>(&self, work: impl Fn(&Session<'_>) -> Result<T, OracleError>) -> Result<T, StoreError> {
        self.opening.ensure()?;
        session::write(&self.pool, work)
    }

    /// Runs `work`, which changes nothing, with the table of a model.
    fn read_table<T>(
        &self,
        model_id: ModelId,
        work: impl Fn(&Session<'_>, &VectorTable) -> Result<T, OracleError>,
    ) -> Result<T, StoreError> {
        self.read(|session| work(session, &self.tables.get(session, model_id)?))
    }

    /// Runs `work` with the table of a model, and commits.
    fn write_table<T>(
        &self,
        model_id: ModelId,
        work: impl Fn(&Session<'_>, &VectorTable) -> Result<T, OracleError>,
    ) -> Result<T, StoreError> {
        self.write(|session| work(session, &self.tables.get(session, model_id)?))
    }

    /// Returns the images that `list` reads. Rows that another program has written meanwhile are completed first.
    fn complete<T>(
        &self,
        list: impl Fn(&Session<'_>) -> Result<T, OracleError>,
        images: impl Fn(&T) -> &[Image],
    ) -> Result<T, StoreError> {
        let listed = self.read(&list)?;
        let incomplete: Vec<ImageId> =
            images(&listed).iter().filter(|image| images::is_incomplete(image)).map(|image| image.image_id).collect();
        if incomplete.is_empty() {
            return Ok(listed);
        }
        self.write(|session| {
            incomplete.iter().try_for_each(|image_id| {
                foreign::complete(session.connection(), *image_id, &*self.examine)?;
                facts::copy(session, *image_id)
            })
        })?;
        self.read(list)
    }

    fn form(&self, exact: bool) -> Form {
        if exact { Form::Exact } else { Form::for_accuracy(self.settings.target_accuracy) }
    }

    /// Tries once to insert an image; `None` when its bytes were known and their image has been deleted meanwhile.
    fn try_insert(&self, image: &NewImage<'_>) -> Result<Option<Inserted>, StoreError> {
        let written: Cell<Option<ImageId>> = Cell::new(None);
        let attempt = self.write(|session| {
            written.set(None);
            let mut tables = Vec::with_capacity(image.embeddings.len());
            for (model_id, vector) in image.embeddings {
                let table = self.tables.get(session, *model_id)?;
                table.check(vector.dimension())?;
                tables.push((table, vector));
            }
            let embeddings: Vec<_> = tables.iter().map(|(table, vector)| (table, *vector)).collect();
            if let Some(image_id) = images::insert(session, image, &embeddings)? {
                written.set(Some(image_id));
                return Ok(Some(Inserted::Created(image_id)));
            }
            Ok(images::id_by_sha256(session, &image.sha256)?.map(Inserted::Known))
        });
        match (attempt, written.get()) {
            // The commit was sent, and its answer is late or lost. Only the database knows whether the commit was done.
            (Err(error @ (StoreError::Unreachable(_) | StoreError::Busy(_))), Some(image_id)) => {
                let found = self.read(|session| images::id_by_sha256(session, &image.sha256))?;
                match found {
                    Some(found) if found == image_id => Ok(Some(Inserted::Created(image_id))),
                    Some(found) => Ok(Some(Inserted::Known(found))),
                    None => Err(error),
                }
            }
            (attempt, _) => attempt,
        }
    }
}

impl ImageStore for OracleStore {
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError> {
        // The image that had the bytes may have been deleted between the two statements, so there are two attempts.
        for _ in 0..2 {
            if let Some(inserted) = self.try_insert(image)? {
                return Ok(inserted);
            }
        }
        Err(StoreError::Unavailable("an image of the same bytes comes and goes".into()))
    }

    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        self.complete(|session| images::image(session, image_id), |image| image.as_slice())
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        if image_ids.is_empty() {
            return Ok(Vec::new());
        }
        self.complete(|session| images::images(session, image_ids), |images| images.as_slice())
    }

    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
        self.read(|session| match images::id_by_sha256(session, sha256)? {
            Some(image_id) => images::image(session, image_id),
            None => Ok(None),
        })
    }

    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        self.read(|session| images::ids_by_sha256(session, hashes))
    }

    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        self.read(|session| images::content(session, image_id))
    }

    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        self.complete(|session| newest::page(session, filter, cursor, 0, limit), |images| images.as_slice())
    }

    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError> {
        self.complete(
            |session| newest::page(session, &page.filter, None, page.offset, page.limit),
            |images| images.as_slice(),
        )
    }

    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError> {
        self.write(|session| images::update(session, image_id, patch))
    }

    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError> {
        self.write(|session| images::delete(session, image_id))
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        self.read(images::count)
    }
}

impl ReadingStore for OracleStore {
    fn images_read_before(
        &self,
        reader_version: u32,
        after: Option<(u32, ImageId)>,
        limit: usize,
    ) -> Result<Vec<(u32, ImageId)>, StoreError> {
        self.read(|session| readings::read_before(session, reader_version, after, limit))
    }

    fn count_images_read_before(&self, reader_version: u32) -> Result<u64, StoreError> {
        self.read(|session| readings::count_read_before(session, reader_version))
    }

    fn put_reading(
        &self,
        image_id: ImageId,
        reader_version: u32,
        reading: Option<&Reading<'_>>,
    ) -> Result<Option<Changes>, StoreError> {
        self.write(|session| readings::put(session, image_id, reader_version, reading))
    }
}

impl ThumbnailStore for OracleStore {
    fn thumbnail(&self, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| thumbnails::thumbnail(session, image_id, size))
    }

    fn put_thumbnail(&self, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError> {
        self.write(|session| thumbnails::put(session, image_id, size, jpeg))
    }
}

impl ModelStore for OracleStore {
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError> {
        self.opening.ensure()?;
        vector_tables::register(&self.pool, &self.settings, model)
    }

    fn models(&self) -> Result<Vec<Model>, StoreError> {
        self.read(models::all)
    }

    fn current_model(&self) -> Result<Option<Model>, StoreError> {
        self.read(models::current)
    }

    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError> {
        self.write_table(model_id, |session, table| models::set_current(session, table, allow_partial))
    }

    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError> {
        self.write(|session| models::set_maintained(session, model_id, maintained))
    }

    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError> {
        self.read_table(model_id, models::coverage)
    }

    fn claim_backfill(&self, model_id: ModelId, owner: &str, lease: Duration) -> Result<bool, StoreError> {
        self.write(|session| models::claim_backfill(session, model_id, owner, lease))
    }

    fn release_backfill(&self, model_id: ModelId, owner: &str) -> Result<(), StoreError> {
        self.write(|session| models::release_backfill(session, model_id, owner))
    }
}

impl EmbeddingStore for OracleStore {
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        self.read_table(model_id, |session, table| embeddings::embedding(session, table, image_id))
    }

    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.read_table(model_id, |session, table| embeddings::embeddings(session, table, after, limit))
    }

    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError> {
        self.write_table(model_id, |session, table| {
            table.check(vector.dimension())?;
            embeddings::put(session, table, image_id, vector)
        })
    }

    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError> {
        self.write_table(model_id, |session, table| embeddings::put_failure(session, table, image_id, reason))
    }

    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError> {
        self.read_table(model_id, |session, table| embeddings::failures(session, table, after, limit))
    }

    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        skip_failed: bool,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        self.read_table(model_id, |session, table| embeddings::missing(session, table, after, skip_failed, limit))
    }

    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let removed = self.write_table(model_id, models::delete_some_embeddings)?;
            total += removed;
            if models::is_last_batch(removed) {
                return Ok(total);
            }
        }
    }
}

impl SearchStore for OracleStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.read_table(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            vector::search(session, table, search, self.form(search.page.exact))
        })
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError> {
        self.read(|session| {
            let hits = keyword::search(session, search)?;
            Ok(KeywordHits { total: keyword::total(session, search, &hits)?, hits })
        })
    }

    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError> {
        self.read(|session| terms.iter().map(|term| keyword::count_matches(session, term, most)).collect())
    }

    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.read_table(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            hybrid::search(session, table, search, self.form(search.page.exact))
        })
    }
}

impl FacetStore for OracleStore {}

impl Store for OracleStore {
    fn check(&self) -> Result<(), StoreError> {
        self.read(|session| {
            session.row("SELECT 1 FROM dual", &value::Binds::none(), |_| Ok(()))?;
            Ok(())
        })
    }

    fn maintain(&self, occasion: Occasion, tell: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.opening.ensure()?;
        upkeep::maintain(&self.pool, &self.settings, occasion, tell)
    }

    /// Does nothing: the database holds everything. Connections close when the store is dropped.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
