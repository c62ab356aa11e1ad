//! The store for teams: Oracle Database 23ai with AI Vector Search and Oracle Text.
//!
//! The schema is that of the article (sql/oracle), with a table of embeddings for each model: a vector index holds one
//! dimension only. Nothing that another process may change is remembered here, so any number of processes can share a
//! database. The database need not be up when a store is opened: every call finds out for itself, and the first that
//! reaches it brings the schema up to date. No call waits long for that: it answers what is going on.

mod adopt;
mod codes;
mod connect;
mod doctor;
mod document;
mod embeddings;
mod error;
mod filter;
mod hybrid;
mod images;
mod keywords;
mod locks;
mod migrate;
mod models;
mod opening;
mod pool;
mod refusals;
mod script;
mod session;
mod settings;
mod value;
mod vector_tables;
mod vectors;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

pub use settings::OracleSettings;

use self::error::Stop;
use self::models::{Tables, VectorTable};
use self::opening::Opening;
use self::pool::Pool;
use self::session::Session;
use self::vectors::Form;
use super::{
    Content, Coverage, Cursor, EmbeddingFailure, EmbeddingStore, Filter, HybridSearch, Image, ImageId, ImagePatch,
    ImageStore, Inserted, KeywordHit, KeywordSearch, Model, ModelId, ModelStore, NewImage, NewModel, RankedImage,
    SearchStore, Sha256, Store, StoreError, VectorHit, VectorSearch,
};
use mitsuke_image::Generation;
use mitsuke_index::UnitVector;

/// The first release of the database that has vectors.
const FIRST_MAJOR_VERSION: i32 = 23;

/// What Mitsuke finds out about a picture that another program stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignFacts {
    /// Media type; `None` when the bytes are no picture that can be read.
    pub file_type: Option<&'static str>,
    /// Pixels across, orientation applied; 0 when unknown.
    pub width: u32,
    /// Pixels down, orientation applied; 0 when unknown.
    pub height: u32,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
}

/// Examines bytes and generation prompt of a picture that another program stored. The store knows nothing of pictures,
/// so it is told how.
pub type Examine = dyn Fn(&[u8], Option<&str>) -> ForeignFacts + Send + Sync;

/// The store.
pub struct OracleStore {
    settings: OracleSettings,
    examine: Arc<Examine>,
    pool: Pool,
    tables: Tables,
    opening: Arc<Opening>,
}

impl OracleStore {
    /// A store that connects when it is first asked for something.
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
    /// Why it cannot be.
    pub fn migrate(&self) -> Result<(), StoreError> {
        self.opening.finish()
    }

    /// The migrations as a script for SQL*Plus or SQLcl.
    #[must_use]
    pub fn migration_script() -> String {
        migrate::script()
    }

    fn read<T>(&self, work: impl Fn(&Session<'_>) -> Result<T, Stop>) -> Result<T, StoreError> {
        self.opening.ensure()?;
        session::read(&self.pool, work)
    }

    fn write<T>(&self, work: impl Fn(&Session<'_>) -> Result<T, Stop>) -> Result<T, StoreError> {
        self.opening.ensure()?;
        session::write(&self.pool, work)
    }

    /// Work on the table of a model.
    fn read_of<T>(
        &self,
        model_id: ModelId,
        work: impl Fn(&Session<'_>, &VectorTable) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        self.read(|session| work(session, &self.tables.of(session, model_id)?))
    }

    fn write_of<T>(
        &self,
        model_id: ModelId,
        work: impl Fn(&Session<'_>, &VectorTable) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        self.write(|session| work(session, &self.tables.of(session, model_id)?))
    }

    /// Images as `list` reads them. Rows that another program wrote meanwhile are completed first.
    fn complete<T>(
        &self,
        list: impl Fn(&Session<'_>) -> Result<T, Stop>,
        images: impl Fn(&T) -> &[Image],
    ) -> Result<T, StoreError> {
        let listed = self.read(&list)?;
        let foreign: Vec<ImageId> =
            images(&listed).iter().filter(|image| images::is_incomplete(image)).map(|image| image.image_id).collect();
        if foreign.is_empty() {
            return Ok(listed);
        }
        self.write(|session| {
            foreign.iter().try_for_each(|image_id| adopt::complete(session.connection(), *image_id, &*self.examine))
        })?;
        self.read(list)
    }

    fn form(&self, exact: bool) -> Form {
        if exact { Form::Exact } else { Form::of_accuracy(self.settings.target_accuracy) }
    }

    /// One attempt to insert; `None` when the bytes are known and then gone again.
    fn try_insert(&self, image: &NewImage<'_>) -> Result<Option<Inserted>, StoreError> {
        let written: Cell<Option<ImageId>> = Cell::new(None);
        let attempt = self.write(|session| {
            written.set(None);
            let mut tables = Vec::with_capacity(image.embeddings.len());
            for (model_id, vector) in image.embeddings {
                let table = self.tables.of(session, *model_id)?;
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
            // The commit was sent and its answer did not come, in time or at all: only the database knows whether it
            // was done.
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
        // Twice: the image that had the bytes may have been deleted between the two statements.
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
        self.complete(|session| images::newest(session, filter, cursor, 0, limit), |images| images.as_slice())
    }

    fn newest_page(&self, filter: &Filter, offset: usize, limit: usize) -> Result<Vec<Image>, StoreError> {
        self.complete(|session| images::newest(session, filter, None, offset, limit), |images| images.as_slice())
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
        self.write_of(model_id, |session, table| models::set_current(session, table, allow_partial))
    }

    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError> {
        self.write(|session| models::set_maintained(session, model_id, maintained))
    }

    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError> {
        self.read_of(model_id, models::coverage)
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
        self.read_of(model_id, |session, table| embeddings::embedding(session, table, image_id))
    }

    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.read_of(model_id, |session, table| embeddings::embeddings(session, table, after, limit))
    }

    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError> {
        self.write_of(model_id, |session, table| {
            table.check(vector.dimension())?;
            embeddings::put(session, table, image_id, vector)
        })
    }

    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError> {
        self.write_of(model_id, |session, table| embeddings::put_failure(session, table, image_id, reason))
    }

    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError> {
        self.read_of(model_id, |session, table| embeddings::failures(session, table, after, limit))
    }

    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        skip_failed: bool,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        self.read_of(model_id, |session, table| embeddings::missing(session, table, after, skip_failed, limit))
    }

    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let removed = self.write_of(model_id, models::delete_some_embeddings)?;
            total += removed;
            if models::was_last(removed) {
                return Ok(total);
            }
        }
    }
}

impl SearchStore for OracleStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.read_of(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            vectors::search(session, table, search, self.form(search.exact))
        })
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, StoreError> {
        self.read(|session| keywords::search(session, search))
    }

    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.read_of(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            hybrid::search(session, table, search, self.form(search.exact))
        })
    }
}

impl Store for OracleStore {
    fn check(&self) -> Result<(), StoreError> {
        self.read(|session| {
            session.row("SELECT 1 FROM dual", &value::Binds::none(), |_| Ok(()))?;
            Ok(())
        })
    }

    /// There is nothing to write out: the database has it all. Connections close when the store is dropped.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
