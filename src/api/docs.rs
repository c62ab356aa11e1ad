//! The OpenAPI document, generated from the code, and Swagger UI.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::{
    backfill, compare, health, images, metrics, models, read, resource, search, similar, thumbnail, types, upload,
};
use crate::error::ApiError;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mitsuke",
        description = "Finds pictures by what they show: by Japanese or English text, by another picture, and by \
                       the generation prompt or caption written inside the file.\n\nErrors are RFC 9457 problem \
                       documents with a stable `code`. Every answer carries an `X-Request-Id`.",
        license(name = "MIT", identifier = "MIT"),
        contact(name = "Mitsuke")
    ),
    servers((url = "/", description = "This server")),
    paths(
        upload::create, images::list, images::known, images::get, images::patch, images::delete, images::content, thumbnail::get,
        search::by_text, search::by_uploaded_image, similar::similar, similar::duplicates,
        models::list, models::current, models::switch, models::refresh, models::get,
        backfill::start, backfill::stop, backfill::failures, backfill::retire, compare::compare,
        health::healthz, health::readyz, metrics::scrape,
    ),
    components(schemas(types::ImageSearchRequest, search::ImageSearchForm)),
    tags(
        (name = "images", description = "Register, list, read, change and delete pictures"),
        (name = "search", description = "Find pictures by text or by picture"),
        (name = "models", description = "Embedding models and the current one"),
        (name = "operations", description = "Probes and metrics"),
    ),
    modifiers(&Keys, &WholeAnswers),
    security((), ("bearer" = []), ("api_key" = [])),
)]
struct Document;

/// Both ways to show a key. They are needed only where the server has MITSUKE_API_KEYS.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components
            .add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    }
}

/// Answers that always have all their fields: what there is nothing to say of is null, not left out. Generated
/// clients then know that a field is there.
struct WholeAnswers;

impl WholeAnswers {
    const SCHEMAS: [&str; 7] = ["Generation", "Hit", "Image", "ImagePage", "Model", "SearchResponse", "TookMs"];

    fn require_all(schema: &mut RefOr<Schema>) {
        match schema {
            RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
            RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(Self::require_all),
            _ => {}
        }
    }
}

impl Modify for WholeAnswers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let schemas = &mut document.components.get_or_insert_default().schemas;
        for name in Self::SCHEMAS {
            if let Some(schema) = schemas.get_mut(name) {
                Self::require_all(schema);
            }
        }
    }
}

/// The OpenAPI 3.1 document as indented JSON with a final line break, as committed in `openapi/openapi.json`.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Ok(Document::openapi().to_pretty_json()? + "\n")
}

/// Swagger UI below /swagger-ui/ and the document at /openapi.json.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/openapi.json", "GET, HEAD").route(read().to(document)))
        .service(
            resource("/swagger-ui", "GET, HEAD")
                .route(read().to(async || web::Redirect::to("/swagger-ui/").temporary())),
        )
        .service(SwaggerUi::new("/swagger-ui/{_:.*}").config(Config::new(["/openapi.json"])));
}

async fn document() -> Result<HttpResponse, ApiError> {
    static JSON: OnceLock<String> = OnceLock::new();
    let json = match JSON.get() {
        Some(json) => json,
        None => {
            let json = openapi_json().map_err(|error| ApiError::internal(&error))?;
            JSON.get_or_init(|| json)
        }
    };
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json.as_str()))
}
