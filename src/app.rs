//! Settings → store + models → HTTP app. The program and the tests build the very same app.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, HttpServer, web};

use crate::api::{Services, cors, in_context, routes};
use crate::clip::{ClipError, EncoderOptions};
use crate::config::{CorsOrigins, Limits, Settings};
use crate::image::{DecodeLimits, parse_generation_prompt};
use crate::intake::{Decoder, Intake};
use crate::maintenance::Maintenance;
use crate::models::{Models, ModelsError};
use crate::seed::{Seeded, seed};
use crate::store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Store, StoreError};

/// Why the app does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error("the store in {} (MITSUKE_DATA_DIR) does not open: {cause}", folder.display())]
    Store {
        /// The data directory.
        folder: PathBuf,
        /// Why.
        cause: StoreError,
    },
    /// The encoders have nowhere to run.
    #[error("the setting MITSUKE_DEVICE is not usable: {0}")]
    Device(ClipError),
    /// No model can be used.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The background thread cannot be started.
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}. Set MITSUKE_BIND to a free address.")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

/// A built app that listens already.
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
    /// that the first request finds everything ready; who connects meanwhile waits.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build(settings: &Settings) -> Result<Self, StartError> {
        // First, because it is the step that fails most often and leaves nothing behind.
        let listener = TcpListener::bind(settings.bind).map_err(|cause| bind_error(settings, cause))?;
        check_device(settings)?;
        let store = begin_store(settings)?;
        let models = Arc::new(open_models(settings, Arc::clone(&store))?);
        models.warm_up()?;
        let decoder = Arc::new(decoder(settings));
        let options = encoder_options(settings);
        let (maintenance, backfills) =
            Maintenance::start(Arc::clone(&models), Arc::clone(&decoder), &options).map_err(StartError::Thread)?;
        let intake = Intake::new(Arc::clone(&store), Arc::clone(&models), decoder);
        let services = web::Data::new(Services::new(
            store,
            models,
            backfills,
            Arc::new(intake),
            settings.limits.clone(),
            &settings.api_keys,
        ));
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

    /// Where it listens; the real port when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// The services behind the routes.
    #[must_use]
    pub fn services(&self) -> web::Data<Services> {
        self.services.clone()
    }

    /// Registers the sample pictures when the store is empty, once the server is ready; see [`crate::seed`].
    pub fn seeding(&self) -> impl Future<Output = Option<Seeded>> + use<> {
        let (services, images_dir, data_dir) = (self.services(), self.images_dir.clone(), self.data_dir.clone());
        async move {
            let folder = images_dir?;
            if !wait_until_ready(&services).await {
                return None;
            }
            // The note that registering has begun; a server with a database may have no folder for it yet.
            if let Err(error) = std::fs::create_dir_all(&data_dir) {
                log::warn!("{} cannot be made: {error}", data_dir.display());
            }
            match seed(&folder, &data_dir, Arc::clone(&services.store), &services.intake).await {
                Ok(seeded) => seeded,
                Err(error) => {
                    log::error!("the pictures of {} are not registered: {error}", folder.display());
                    None
                }
            }
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
        let closed = crate::blocking::run(move || {
            // The order counts: backfills finish their pictures, which takes encoders and the store.
            maintenance.stop();
            models.close();
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

/// The first signal lets running requests finish; readiness turns first. This ends at the second one, which does not
/// wait for them: a server that is stopping takes no other command.
async fn second_signal(server: ServerHandle, services: web::Data<Services>) {
    for says in ["when the running requests are answered", "at once"] {
        if let Err(error) = stop_signal().await {
            log::error!("signals cannot be received: {error}");
            return std::future::pending().await;
        }
        log::info!("stopping {says}");
        if !services.stopping.swap(true, Ordering::Relaxed) {
            // Not awaited: the second signal must be heard while the first stop is under way.
            drop(server.stop(true));
        }
    }
}

#[cfg(unix)]
async fn stop_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    Ok(())
}

#[cfg(not(unix))]
async fn stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
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
    let server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .wrap(from_fn(in_context))
            .wrap(Condition::new(origins != CorsOrigins::None, cors(&origins)))
            .configure(routes(services.clone()))
    })
    .workers(settings.workers)
    // Who closes the connection waits for no answer: its handler is dropped, and its place in a queue with it.
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

/// Whether the store answers and the current model is in memory.
pub async fn is_ready(services: &Services) -> bool {
    let store = Arc::clone(&services.store);
    let answers = matches!(crate::blocking::run(move || store.check()).await, Ok(Ok(())));
    answers && services.models.check_ready().await.is_ok()
}

/// Waits for that, as long as it takes; false when the server stops before.
pub async fn wait_until_ready(services: &Services) -> bool {
    while !is_ready(services).await {
        if services.stopping.load(Ordering::Relaxed) {
            return false;
        }
        actix_web::rt::time::sleep(READINESS_INTERVAL).await;
    }
    true
}

/// Whether the encoders of a program with these settings have a device to run on. Asked before a store is opened, for
/// what is wrong then is no model's fault, and nothing is left behind.
///
/// # Errors
/// [`StartError::Device`].
pub fn check_device(settings: &Settings) -> Result<(), StartError> {
    settings.encoder.device.check().map_err(StartError::Device)
}

/// The store of a program with these settings. Blocks.
///
/// # Errors
/// When it does not open.
pub fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    if let Some(oracle) = &settings.oracle {
        let store = oracle_store(oracle.clone(), decode_limits(&settings.limits));
        if let Err(error) = store.migrate() {
            log::error!("the database cannot be used: {error}");
        }
        return Ok(Arc::new(store));
    }
    begin_store(settings)
}

/// The same for a server, which does not wait for its database: it listens, says why it is not ready, and becomes so.
fn begin_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    if let Some(oracle) = &settings.oracle {
        let store = oracle_store(oracle.clone(), decode_limits(&settings.limits));
        // The database may be down now and come up later: whoever asks for it finds out.
        match store.check() {
            Ok(()) => log::info!("images are kept in the Oracle database {}", oracle.dsn),
            Err(error) => log::error!("not ready, and trying again as long as it takes: {error}"),
        }
        return Ok(Arc::new(store));
    }
    let store = SqliteStore::open(&settings.data_dir, SqliteOptions::default())
        .map_err(|cause| StartError::Store { folder: settings.data_dir.clone(), cause })?;
    Ok(Arc::new(store))
}

/// A store in an Oracle database, which knows how to read pictures that another program put there.
#[must_use]
pub fn oracle_store(settings: OracleSettings, limits: DecodeLimits) -> OracleStore {
    OracleStore::new(settings, move |bytes, generation_prompt| examine(bytes, generation_prompt, &limits))
}

/// What Mitsuke finds out about a picture that another program put into a shared database. It may cost what an upload
/// may.
fn examine(bytes: &[u8], generation_prompt: Option<&str>, limits: &DecodeLimits) -> ForeignFacts {
    let generation = generation_prompt.and_then(parse_generation_prompt);
    match crate::image::decode(bytes, limits) {
        Ok(decoded) => ForeignFacts {
            file_type: Some(decoded.facts.file_type.media_type()),
            width: decoded.facts.width,
            height: decoded.facts.height,
            generation,
        },
        Err(error) => {
            log::warn!("a picture of another program cannot be decoded and is kept as it is: {error}");
            let file_type = crate::image::sniff(bytes).ok().map(|file_type| file_type.media_type());
            ForeignFacts { file_type, generation, ..ForeignFacts::default() }
        }
    }
}

/// The models of a program with these settings, none of them loaded. Blocks.
///
/// # Errors
/// See [`Models::open`].
pub fn open_models(settings: &Settings, store: Arc<dyn Store>) -> Result<Models, ModelsError> {
    Models::open(&settings.models_dir, store, encoder_options(settings), settings.encoder.model_idle)
}

/// How the encoders of a program with these settings work.
#[must_use]
pub fn encoder_options(settings: &Settings) -> EncoderOptions {
    let encoder = &settings.encoder;
    EncoderOptions {
        device: encoder.device,
        precision: encoder.precision,
        max_batch: encoder.batch_size,
        max_wait: encoder.batch_wait,
        queue_capacity: encoder.queue_capacity,
        torch_threads: encoder.torch_threads,
    }
}

/// The decoder of a program with these settings. One decoder is shared by everything that decodes pictures.
#[must_use]
pub fn decoder(settings: &Settings) -> Decoder {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Decoder::new(decode_limits(&settings.limits), cores)
}

/// The limits of one picture in a program with these settings.
#[must_use]
pub fn decode_limits(limits: &Limits) -> DecodeLimits {
    DecodeLimits { max_pixels: limits.pixels, max_edge: limits.edge, ..DecodeLimits::default() }
}
