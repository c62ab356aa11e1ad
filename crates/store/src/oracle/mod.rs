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
mod store;
mod vector_index;

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
use self::rows::{embeddings, facts, foreign, images, words};
use self::schema::opening::Opening;
use self::schema::{doctor, migrate, vector_tables};
use self::vector_index::upkeep;
use super::{
    BackupStore, Coverage, EmbeddingFailure, EmbeddingStore, Finding, Image, ImageId, Model, ModelId, ModelStore,
    NewModel, Occasion, OriginalsStore, Store, StoreError,
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
                if let Some(completed) = foreign::complete(session.connection(), *image_id, &*self.examine)? {
                    foreign::write_made_facts(session, *image_id, &completed)?;
                }
                facts::copy(session, *image_id)
            })
        })?;
        self.read(list)
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

    fn embeddings_of(
        &self,
        model_id: ModelId,
        image_ids: &[ImageId],
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.read_table(model_id, |session, table| embeddings::embeddings_of(session, table, image_ids))
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

impl BackupStore for OracleStore {}

impl OriginalsStore for OracleStore {}

impl Store for OracleStore {
    fn check(&self) -> Result<(), StoreError> {
        self.read(|session| {
            session.row("SELECT 1 FROM dual", &value::Binds::none(), |_| Ok(()))?;
            Ok(())
        })
    }

    fn maintain(&self, occasion: Occasion, tell: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.opening.ensure()?;
        // A failure of one does not keep the other from its work.
        let added_up = words::add_up(&self.pool);
        upkeep::maintain(&self.pool, &self.settings, occasion, tell).and(added_up)
    }

    /// Does nothing: the database holds everything. Connections close when the store is dropped.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
