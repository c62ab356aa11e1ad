//! The services that all handlers of a process share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::api::{Counts, KeyRing, Metrics, Sending, Thumbnails};
use crate::config::Limits;
use crate::error::ApiError;
use mitsuke_engine::backfill::Backfills;
use mitsuke_engine::blocking;
use mitsuke_engine::duplicates::Duplicates;
use mitsuke_engine::intake::Intake;
use mitsuke_engine::models::Models;
use mitsuke_engine::reindex::Reindexing;
use mitsuke_engine::scrub::Scrub;
use mitsuke_engine::search::Finder;
use mitsuke_store::Store;

/// Everything that handlers work with; there is one for the whole process.
pub struct Services {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The models.
    pub models: Arc<Models>,
    /// Embeds old images.
    pub backfills: Arc<Backfills>,
    /// Reads the files of old images again.
    pub reindexing: Arc<Reindexing>,
    /// Takes pictures in.
    pub intake: Arc<Intake>,
    /// Answers queries.
    pub finder: Finder,
    /// Reports near-duplicates.
    pub duplicates: Duplicates,
    /// The limits of one request.
    pub limits: Limits,
    /// The keys that open the API.
    pub keys: KeyRing,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// The last counts of the store's rows, for metrics. It is shared with the threads that count.
    pub counts: Arc<Counts>,
    /// Recently made thumbnails.
    pub thumbnails: Thumbnails,
    /// Bounds the uploads that are read at once.
    pub upload_slots: Semaphore,
    /// Bounds the searches by picture that are read at once. It is apart from `upload_slots`, so that uploads cannot
    /// keep searches out.
    pub search_slots: Semaphore,
    /// Bounds the bytes of pictures that are being sent.
    pub sending: Sending,
    /// True once the server stops, so that load balancers turn away first.
    pub stopping: AtomicBool,
    // -- integrity --
    /// Compares all originals with their hashes.
    pub scrub: Arc<Scrub>,
    // -- backup --

    // -- budget --

    // -- access --
}

/// The parts that [`Services`] are put together from.
pub struct ServiceParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The models.
    pub models: Arc<Models>,
    /// Embeds old images.
    pub backfills: Arc<Backfills>,
    /// Reads the files of old images again.
    pub reindexing: Arc<Reindexing>,
    /// Takes pictures in.
    pub intake: Arc<Intake>,
    /// The limits of one request.
    pub limits: Limits,
    /// The keys that open the API; an empty list lets everybody in.
    pub api_keys: Vec<SecretString>,
    // -- integrity --
    /// Compares all originals with their hashes.
    pub scrub: Arc<Scrub>,
    // -- backup --

    // -- budget --

    // -- access --
}

impl Services {
    /// Puts the services together.
    #[must_use]
    pub fn new(parts: ServiceParts) -> Self {
        let ServiceParts {
            store,
            models,
            backfills,
            reindexing,
            intake,
            limits,
            api_keys,
            // -- integrity --
            scrub,
            // -- backup --

            // -- budget --

            // -- access --
        } = parts;
        Self {
            finder: Finder::new(Arc::clone(&store), Arc::clone(&models), Arc::clone(&intake)),
            duplicates: Duplicates::new(Arc::clone(&store)),
            store,
            models,
            backfills,
            reindexing,
            intake,
            upload_slots: Semaphore::new(limits.concurrent_uploads),
            search_slots: Semaphore::new(limits.concurrent_uploads),
            sending: Sending::new(limits.sending_bytes),
            limits,
            keys: KeyRing::new(&api_keys),
            metrics: Metrics::new(),
            counts: Arc::default(),
            thumbnails: Thumbnails::new(),
            stopping: AtomicBool::new(false),
            // -- integrity --
            scrub,
            // -- backup --

            // -- budget --

            // -- access --
        }
    }

    /// Runs work on the store away from the threads that serve connections.
    ///
    /// # Errors
    /// The error of the work; [`ErrorCode::Internal`](crate::error::ErrorCode::Internal) when the work panics.
    pub async fn with_store<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        blocking::run(move || work(store.as_ref())).await?.map_err(Into::into)
    }

    /// Runs work on the models away from the threads that serve connections.
    ///
    /// # Errors
    /// The error of the work; [`ErrorCode::Internal`](crate::error::ErrorCode::Internal) when the work panics.
    pub async fn with_models<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Models) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError> {
        let models = Arc::clone(&self.models);
        blocking::run(move || work(&models)).await?.map_err(Into::into)
    }
}
