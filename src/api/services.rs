//! The services that all handlers of a process share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;

use crate::api::shares::CallerShares;
use crate::api::{Counts, Hosts, KeyRing, Metrics, Rates, Sending, Thumbnails};
use crate::config::{AccessSettings, Limits, PathPrefix, TrustedProxies};
use crate::error::ApiError;
use crate::local::LocalToken;
use mitsuke_engine::admission::Admission;
use mitsuke_engine::backfill::Backfills;
use mitsuke_engine::backup::Backups;
use mitsuke_engine::blocking;
use mitsuke_engine::budget::Budget;
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
    /// Sends large answers within the memory for them.
    pub sending: Sending,
    /// True once the server stops, so that load balancers turn away first.
    pub stopping: AtomicBool,
    /// Compares all originals with their hashes.
    pub scrub: Arc<Scrub>,
    /// Makes backups.
    pub backups: Arc<Backups>,
    /// The token that opens the API to commands on this machine; `None` where no data directory is kept.
    pub local: Option<LocalToken>,
    /// The memory for requests.
    pub budget: Arc<Budget>,
    /// Decides which requests are admitted.
    pub admission: Admission,
    /// The parts of each caller.
    pub callers: Arc<CallerShares>,
    /// The names that the server answers to, and the origins that may call.
    pub hosts: Hosts,
    /// The path that the service lies under.
    pub prefix: PathPrefix,
    /// The proxies whose word on addresses counts.
    pub trusted_proxies: TrustedProxies,
    /// The requests per second of each caller.
    pub rates: Rates,
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
    /// Compares all originals with their hashes.
    pub scrub: Arc<Scrub>,
    /// Makes backups.
    pub backups: Arc<Backups>,
    /// The token that opens the API to commands on this machine.
    pub local: Option<LocalToken>,
    /// The memory for requests.
    pub budget: Arc<Budget>,
    /// The number of processor cores.
    pub cores: usize,
    /// The keys that open the API.
    pub keys: KeyRing,
    /// The names that the server answers to, and the origins that may call.
    pub hosts: Hosts,
    /// The other settings that say who may call.
    pub access: AccessSettings,
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
            scrub,
            backups,
            local,
            budget,
            cores,
            keys,
            hosts,
            access,
        } = parts;
        Self {
            finder: Finder::new(Arc::clone(&store), Arc::clone(&models), Arc::clone(&intake))
                .with_short_texts(limits.listed_text_chars),
            duplicates: Duplicates::new(Arc::clone(&store)),
            store,
            models,
            backfills,
            reindexing,
            intake,
            upload_slots: Semaphore::new(limits.concurrent_uploads),
            search_slots: Semaphore::new(limits.concurrent_uploads),
            metrics: Metrics::new(),
            counts: Arc::default(),
            thumbnails: Thumbnails::new(),
            stopping: AtomicBool::new(false),
            scrub,
            backups,
            local,
            sending: Sending::new(Arc::clone(&budget), limits.write_stall),
            admission: Admission::new(limits.max_wait, cores),
            callers: Arc::new(CallerShares::new(limits.caller_share)),
            budget,
            limits,
            keys,
            hosts,
            rates: Rates::new(&access),
            prefix: access.path_prefix,
            trusted_proxies: access.trusted_proxies,
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
