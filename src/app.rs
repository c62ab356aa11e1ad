//! Settings → store + models → HTTP app. The program and the tests build the very same app.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, HttpServer, web};

use crate::api::{Services, cors, in_context, routes};
use crate::clip::{Close, DeviceChoice, EncoderOptions};
use crate::config::{Device, Limits, Settings};
use crate::image::DecodeLimits;
use crate::models::{Models, ModelsError};
use crate::origins::CorsOrigins;
use crate::register::Registrar;
use crate::seed::{Seeded, seed};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Store, StoreError};

/// Why the app does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error("the store does not open: {0}")]
    Store(#[from] StoreError),
    /// No model can be used.
    #[error(transparent)]
    Models(#[from] ModelsError),
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
    images_dir: Option<PathBuf>,
    data_dir: PathBuf,
}

impl Application {
    /// Opens the store, loads the current model and listens. Blocks while the model loads and warms up, so
    /// that the first request finds everything ready.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build(settings: &Settings) -> Result<Self, StartError> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&settings.data_dir, SqliteOptions::default())?);
        let models = Arc::new(Models::open(&settings.models_dir, Arc::clone(&store), encoder_options(settings))?);
        let decoders = std::thread::available_parallelism().map_or(2, usize::from);
        let registrar =
            Registrar::new(Arc::clone(&store), Arc::clone(&models), decode_limits(&settings.limits), decoders);
        let services = web::Data::new(Services::new(
            store,
            models,
            Arc::new(registrar),
            settings.limits.clone(),
            &settings.api_keys,
        ));
        let (server, address) = listen(settings, services.clone())?;
        Ok(Self {
            server,
            address,
            services,
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

    /// Registers the sample pictures when the store is empty; see [`crate::seed`].
    pub fn seeding(&self) -> impl Future<Output = Option<Seeded>> + use<> {
        let (services, images_dir, data_dir) = (self.services(), self.images_dir.clone(), self.data_dir.clone());
        async move {
            let folder = images_dir?;
            match seed(&folder, &data_dir, Arc::clone(&services.store), &services.registrar).await {
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
        let served = self.server.await;
        self.services.stopping.store(true, Ordering::Relaxed);
        for encoder in self.services.models.encoders() {
            encoder.close(Close::Fail);
        }
        let store = Arc::clone(&self.services.store);
        match crate::blocking::run(move || store.close()).await {
            Ok(Ok(())) => log::info!("stopped; everything is saved"),
            Ok(Err(error)) => log::error!("the store did not close cleanly (nothing is lost): {error}"),
            Err(error) => log::error!("the store did not close cleanly (nothing is lost): {error}"),
        }
        served
    }
}

fn listen(settings: &Settings, services: web::Data<Services>) -> Result<(Server, SocketAddr), StartError> {
    let bind_error = |cause| StartError::Bind { address: settings.bind, cause };
    let origins = settings.cors_origins.clone();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .wrap(from_fn(in_context))
            .wrap(Condition::new(origins != CorsOrigins::None, cors(&origins)))
            .configure(routes(services.clone()))
    })
    .workers(settings.workers)
    .shutdown_timeout(settings.shutdown_timeout.as_secs())
    .bind(settings.bind)
    .map_err(bind_error)?;
    let address = server.addrs().first().copied().unwrap_or(settings.bind);
    Ok((server.run(), address))
}

fn encoder_options(settings: &Settings) -> EncoderOptions {
    let encoder = &settings.encoder;
    EncoderOptions {
        device: match encoder.device {
            Device::Auto => DeviceChoice::Auto,
            Device::Cpu => DeviceChoice::Cpu,
            Device::Cuda => DeviceChoice::Cuda,
        },
        max_batch: encoder.batch_size,
        max_wait: encoder.batch_wait,
        queue_capacity: encoder.queue_capacity,
        torch_threads: encoder.torch_threads,
    }
}

fn decode_limits(limits: &Limits) -> DecodeLimits {
    DecodeLimits { max_pixels: limits.pixels, max_edge: limits.edge, ..DecodeLimits::default() }
}
