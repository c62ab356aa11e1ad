//! HTTP and nothing else: routes, thin handlers, limits, authentication, OpenAPI.

mod auth;
mod backfill;
mod checks;
mod compare;
mod context;
mod cors;
mod docs;
mod health;
mod images;
mod json;
mod metrics;
mod model_metrics;
mod models;
mod multipart;
mod page;
mod problems;
mod query;
mod search;
mod sending;
mod similar;
mod thumbnail;
mod types;
mod upload;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route, guard};
use tokio::sync::Semaphore;

use secrecy::SecretString;

use crate::config::Limits;
use crate::models::{Backfills, Models};
use crate::register::Registrar;
use crate::search::Finder;
use crate::store::Store;

pub use auth::KeyRing;
pub use context::in_context;
pub use cors::cors;
pub use docs::openapi_json;
pub use metrics::Metrics;
pub use sending::Sending;
pub use thumbnail::Thumbnails;

/// What handlers work with; one for the whole process.
pub struct Services {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The models.
    pub models: Arc<Models>,
    /// Embeds old images.
    pub backfills: Arc<Backfills>,
    /// Registers pictures.
    pub registrar: Arc<Registrar>,
    /// Answers queries.
    pub finder: Finder,
    /// What one request may cost.
    pub limits: Limits,
    /// Who may call.
    pub keys: KeyRing,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Recently made thumbnails.
    pub thumbnails: Thumbnails,
    /// Uploads that may be read at once.
    pub upload_slots: Semaphore,
    /// Searches by picture that may be read at once: uploads must not keep them out.
    pub search_slots: Semaphore,
    /// Pictures on their way to callers.
    pub sending: Sending,
    /// Set when the server stops, so that load balancers turn away first.
    pub stopping: AtomicBool,
}

impl Services {
    /// Puts the services together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        models: Arc<Models>,
        backfills: Arc<Backfills>,
        registrar: Arc<Registrar>,
        limits: Limits,
        api_keys: &[SecretString],
    ) -> Self {
        Self {
            finder: Finder::new(Arc::clone(&store), Arc::clone(&models), Arc::clone(&registrar)),
            store,
            models,
            backfills,
            registrar,
            upload_slots: Semaphore::new(limits.concurrent_uploads),
            search_slots: Semaphore::new(limits.concurrent_uploads),
            sending: Sending::new(limits.sending_bytes),
            limits,
            keys: KeyRing::new(api_keys),
            metrics: Metrics::new(),
            thumbnails: Thumbnails::new(),
            stopping: AtomicBool::new(false),
        }
    }
}

/// All routes. What stands before `protected` is open to everybody.
pub fn routes(services: web::Data<Services>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(services)
            .service(resource("/healthz", "GET, HEAD").route(read().to(health::healthz)))
            .service(resource("/readyz", "GET, HEAD").route(read().to(health::readyz)))
            .configure(docs::routes)
            .configure(page::routes)
            .configure(protected)
            .default_service(web::to(problems::route_not_found));
    }
}

fn protected(config: &mut ServiceConfig) {
    let multipart = || web::post().guard(multipart::guard());
    config
        .service(
            resource("/images", "GET, HEAD, POST")
                .route(read().to(images::list))
                .route(multipart().to(upload::create))
                .route(web::post().to(problems::multipart_needed)),
        )
        .service(resource("/images/known", "POST").route(web::post().to(images::known)))
        .service(resource("/images/duplicates", "GET, HEAD").route(read().to(similar::duplicates)))
        .service(
            resource("/images/{image_id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(images::get))
                .route(web::patch().to(images::patch))
                .route(web::delete().to(images::delete)),
        )
        .service(resource("/images/{image_id}/similar", "GET, HEAD").route(read().to(similar::similar)))
        .service(resource("/images/{image_id}/content", "GET, HEAD").route(read().to(images::content)))
        .service(resource("/images/{image_id}/thumbnail", "GET, HEAD").route(read().to(thumbnail::get)))
        .service(resource("/search/text", "POST").route(web::post().to(search::by_text)))
        .service(
            resource("/search/image", "POST")
                .route(multipart().to(search::by_uploaded_image))
                .route(web::post().to(search::by_stored_image)),
        )
        .service(resource("/models", "GET, HEAD").route(read().to(models::list)))
        .service(
            resource("/models/current", "GET, HEAD, PUT")
                .route(read().to(models::current))
                .route(web::put().to(models::switch)),
        )
        .service(resource("/models/refresh", "POST").route(web::post().to(models::refresh)))
        .service(resource("/models/{model_id}", "GET, HEAD").route(read().to(models::get)))
        .service(
            resource("/models/{model_id}/backfill", "POST, DELETE")
                .route(web::post().to(backfill::start))
                .route(web::delete().to(backfill::stop)),
        )
        .service(resource("/models/{model_id}/failures", "GET, HEAD").route(read().to(backfill::failures)))
        .service(resource("/models/{model_id}/embeddings", "DELETE").route(web::delete().to(backfill::retire)))
        .service(resource("/models/{model_id}/compare", "POST").route(web::post().to(compare::compare)))
        .service(resource("/metrics", "GET, HEAD").route(read().to(metrics::scrape)));
}

/// A path whose other methods are answered with 405 and the Allow header that RFC 9110 asks for.
pub(crate) fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || problems::method_not_allowed(allow)))
}

/// GET and HEAD, as RFC 9110 asks of every server; the framework leaves the body of a HEAD answer out.
pub(crate) fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
