//! The app: a store and models, made from settings, behind an HTTP server. The program and the tests build the same
//! app.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, HttpServer, web};

use crate::access::KeyFileError;
use crate::api::{Hosts, KeyRing, ServiceParts, Services, cors, in_context, routes, watch_connection, with_policy};
use crate::config::{CorsOrigins, Settings};
use crate::local::LocalToken;
use crate::seed::Samples;
use crate::signals;
use crate::stores::{OpenError, StoreChoice};
use mitsuke_clip::ClipError;
use mitsuke_engine::backup::{BackupSchedule, Backups};
use mitsuke_engine::intake::{Decoder, Intake};
use mitsuke_engine::maintenance::Maintenance;
use mitsuke_engine::models::{Models, ModelsError};
use mitsuke_engine::scrub::Scrub;
use mitsuke_store::Store;

/// The reason why the app does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The device for the encoders cannot be used.
    #[error("the setting MITSUKE_DEVICE is not usable: {0}")]
    Device(ClipError),
    /// The file of keys cannot be used.
    #[error("the setting MITSUKE_KEYS_FILE is not usable: {0}")]
    Keys(#[from] KeyFileError),
    /// No model can be used.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The clock of the machine is wrong.
    #[error("the clock of this machine is set to a time before 1970. Set it; HTTP cannot write such a date.")]
    Clock,
    /// The background thread cannot be started.
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}. Set MITSUKE_BIND to a free address.")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: io::Error,
    },
}

/// An app that is built and listens.
pub struct Application {
    server: Server,
    address: SocketAddr,
    services: web::Data<Services>,
    maintenance: Maintenance,
    images_dir: Option<PathBuf>,
    data_dir: PathBuf,
}

impl Application {
    /// Takes its port, opens the store and loads the current model. Blocks while the model loads and warms up, so
    /// that the first request finds everything ready. Clients that connect meanwhile wait.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build(settings: &Settings) -> Result<Self, StartError> {
        if SystemTime::now() < UNIX_EPOCH {
            return Err(StartError::Clock);
        }
        // The store writes files, so a full one must not end the process from here on.
        signals::report_full_files();
        // Listening comes first, because it fails most often and leaves nothing behind.
        let listener = TcpListener::bind(settings.bind).map_err(|cause| bind_error(settings, cause))?;
        check_device(settings)?;
        let keys = KeyRing::new(&settings.api_keys).with_file(settings.access.keys_file.clone())?;
        let store = StoreChoice::new(settings).open_for_server()?;
        let models = Arc::new(open_models(settings, Arc::clone(&store))?);
        models.warm_up()?;
        // The memory is measured when the models are in it.
        let budget = Arc::new(settings.limits.budget());
        let decoder = Arc::new(decoder(settings).within(Arc::clone(&budget)));
        let options = settings.encoder_options();
        let (maintenance, backfills, reindexing) =
            Maintenance::start(Arc::clone(&models), Arc::clone(&decoder), &options, settings.limits.text_chars)
                .map_err(StartError::Thread)?;
        let scrub = start_scrub(settings, &store, &models).map_err(StartError::Thread)?;
        let backups = Arc::new(backups(settings, Arc::clone(&models)).map_err(StartError::Thread)?);
        let local = announce(settings, &listener);
        if let Some(local) = &local {
            keys.accept_locally(local.token());
        }
        let intake = Intake::new(Arc::clone(&store), Arc::clone(&models), decoder, settings.limits.text_chars);
        let services = web::Data::new(Services::new(ServiceParts {
            store,
            models,
            backfills,
            reindexing,
            intake: Arc::new(intake),
            limits: settings.limits.clone(),
            scrub,
            backups,
            local,
            budget,
            cores: cores(),
            keys,
            hosts: Hosts::new(settings.access.hosts.clone(), settings.cors_origins.clone()),
            access: settings.access.clone(),
        }));
        let (server, address) = listen(settings, listener, services.clone())?;
        Ok(Self {
            server,
            address,
            services,
            maintenance,
            images_dir: settings.images_dir.clone(),
            data_dir: settings.data_dir.clone(),
        })
    }

    /// Returns the address that the app listens on, with the real port when the settings ask for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a handle that stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Returns the services behind the routes.
    #[must_use]
    pub fn services(&self) -> web::Data<Services> {
        self.services.clone()
    }

    /// Finds the sample pictures that are to be registered, once the server is ready; see [`Samples::find`].
    pub fn samples(&self) -> impl Future<Output = Option<Samples>> + use<> {
        let (services, images_dir, data_dir) = (self.services(), self.images_dir.clone(), self.data_dir.clone());
        async move {
            let folder = images_dir?;
            if !wait_until_ready(&services).await {
                return None;
            }
            let found = Samples::find(&folder, &data_dir, Arc::clone(&services.store)).await;
            found.unwrap_or_else(|error| {
                log::error!("the pictures of {} are not registered: {error}", folder.display());
                None
            })
        }
    }

    /// Serves until a signal or [`ServerHandle::stop`]; lets running requests finish, then closes the store.
    ///
    /// # Errors
    /// When the server breaks.
    pub async fn run_until_stopped(self) -> io::Result<()> {
        let handle = self.server.handle();
        let served = tokio::select! {
            served = self.server => served,
            () = second_signal(handle, self.services.clone()) => Ok(()),
        };
        self.services.stopping.store(true, Ordering::Relaxed);
        let (maintenance, models, store) =
            (self.maintenance, Arc::clone(&self.services.models), Arc::clone(&self.services.store));
        let services = self.services.clone();
        let closed = mitsuke_engine::blocking::run(move || {
            // The order counts: backfills finish their pictures, which takes encoders and the store.
            maintenance.stop();
            services.scrub.stop();
            services.backups.shut_down();
            models.close();
            if let Some(local) = &services.local {
                local.withdraw();
            }
            store.close()
        });
        match closed.await {
            Ok(Ok(())) => log::info!("stopped; everything is saved"),
            Ok(Err(error)) => log::error!("the store did not close cleanly (nothing is lost): {error}"),
            Err(error) => log::error!("the store did not close cleanly (nothing is lost): {error}"),
        }
        served
    }
}

/// Stops the server at the first signal, which lets running requests finish, and returns at the second signal, which
/// does not wait for them. `GET /readyz` answers 503 from the first signal on. A server that is stopping takes no other
/// command, so the caller of this function ends the wait.
async fn second_signal(server: ServerHandle, services: web::Data<Services>) {
    for end in ["when the running requests are answered", "at once"] {
        if let Err(error) = signals::stop().await {
            log::error!("signals cannot be received: {error}");
            return std::future::pending().await;
        }
        log::info!("stopping {end}");
        if !services.stopping.swap(true, Ordering::Relaxed) {
            // The stop is not awaited, so that the second signal is received while the first stop is under way.
            drop(server.stop(true));
        }
    }
}

/// Starts the thread that makes backups.
fn backups(settings: &Settings, models: Arc<Models>) -> io::Result<Backups> {
    let hours = settings.backup.backup_every_h;
    let schedule = BackupSchedule {
        directory: settings.backup.backup_dir.as_deref().map(std::path::absolute).transpose()?,
        every: (hours > 0).then(|| Duration::from_secs(hours * 3_600)),
        keep: settings.backup.backup_keep,
    };
    Backups::start_thread(models, schedule)
}

/// Announces the server to commands on this machine. Without a data directory of its own it serves all the same.
fn announce(settings: &Settings, listener: &TcpListener) -> Option<LocalToken> {
    if settings.oracle.is_some() {
        return None;
    }
    let announced = listener
        .local_addr()
        .and_then(|address| LocalToken::announce(&settings.data_dir, address, &settings.access.path_prefix));
    announced.inspect_err(|error| log::warn!("commands on this machine cannot reach the server: {error}")).ok()
}

fn bind_error(settings: &Settings, cause: io::Error) -> StartError {
    StartError::Bind { address: settings.bind, cause }
}

fn listen(
    settings: &Settings,
    listener: TcpListener,
    services: web::Data<Services>,
) -> Result<(Server, SocketAddr), StartError> {
    let origins = settings.cors_origins.clone();
    if !settings.bind.ip().is_loopback() && !services.keys.has_keys() {
        log::warn!(
            "everybody who reaches {} may read, upload and delete, {}",
            settings.bind,
            Hosts::answered(settings)
        );
    }
    let server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .wrap(from_fn(in_context))
            .wrap(Condition::new(origins != CorsOrigins::None, cors(&origins)))
            .wrap(from_fn(with_policy))
            .configure(routes(services.clone()))
    })
    .workers(settings.workers)
    .on_connect(watch_connection)
    // A client that closes its connection waits for no answer: its handler is dropped, and its place in a queue too.
    .h1_allow_half_closed(false)
    .shutdown_timeout(settings.shutdown_timeout.as_secs())
    .disable_signals()
    .listen(listener)
    .map_err(|cause| bind_error(settings, cause))?;
    let address = server.addrs().first().copied().unwrap_or(settings.bind);
    Ok((server.run(), address))
}

/// The time between two checks of a server that is not ready.
const READINESS_INTERVAL: Duration = Duration::from_secs(1);

/// Returns whether the store answers and the current model is in memory.
pub async fn is_ready(services: &Services) -> bool {
    let store = Arc::clone(&services.store);
    let answers = matches!(mitsuke_engine::blocking::run(move || store.check()).await, Ok(Ok(())));
    answers && services.models.check_ready().await.is_ok()
}

/// Waits until the server is ready, as long as it takes. Returns false when the server stops before.
pub async fn wait_until_ready(services: &Services) -> bool {
    while !is_ready(services).await {
        if services.stopping.load(Ordering::Relaxed) {
            return false;
        }
        actix_web::rt::time::sleep(READINESS_INTERVAL).await;
    }
    true
}

/// Checks that the encoders of a program with these settings have a device to run on. A program checks before it opens
/// a store, so that a wrong setting is not blamed on a model and leaves nothing behind.
///
/// # Errors
/// [`StartError::Device`].
pub fn check_device(settings: &Settings) -> Result<(), StartError> {
    settings.encoder.device.check().map_err(StartError::Device)
}

/// Opens the models of a program with these settings and loads none of them. Blocks.
///
/// # Errors
/// See [`Models::open`].
pub fn open_models(settings: &Settings, store: Arc<dyn Store>) -> Result<Models, ModelsError> {
    Models::open(&settings.models_dir, store, settings.encoder_options(), settings.encoder.model_idle)
}

/// Starts the background comparison of all originals with their hashes, which waits while searches do.
fn start_scrub(settings: &Settings, store: &Arc<dyn Store>, models: &Arc<Models>) -> io::Result<Arc<Scrub>> {
    let models = Arc::clone(models);
    let searching = move || models.tower_stats().values().any(|towers| towers.text.depth > 0 || towers.image.depth > 0);
    let rate = settings.integrity.scrub_bytes_per_second;
    Ok(Arc::new(Scrub::start(Arc::clone(store), rate, Box::new(searching))?))
}

/// Returns the decoder of a program with these settings. Everything in the program that decodes pictures shares it.
#[must_use]
pub fn decoder(settings: &Settings) -> Decoder {
    Decoder::new(settings.decode_limits(), cores())
}

/// Returns the number of processor cores.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
