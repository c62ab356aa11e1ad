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

/// Answers always have all their fields: what there is nothing to say of is null, not left out. Generated clients
/// then know that a field is there.
struct WholeAnswers;

impl WholeAnswers {
    /// What callers send; there, fields may be left out.
    fn is_sent(name: &str) -> bool {
        ["Form", "Request", "Weights"].iter().any(|end| name.ends_with(end))
    }

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
        schemas.iter_mut().filter(|(name, _)| !Self::is_sent(name)).for_each(|(_, schema)| Self::require_all(schema));
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn clients_may_rely_on_every_field_of_an_answer_and_leave_out_those_of_a_request() {
        let document: Value = serde_json::from_str(&super::openapi_json().unwrap()).unwrap();
        let schema = |name: &str| document["components"]["schemas"][name].clone();
        let required = |schema: &Value| schema["required"].as_array().map_or(0, Vec::len);
        for name in ["Image", "ImagePage", "SearchResponse", "Model"] {
            let schema = schema(name);
            assert_eq!(required(&schema), schema["properties"].as_object().unwrap().len(), "{name}");
        }
        assert_eq!(schema("TextSearchRequest")["required"], serde_json::json!(["query"]));
        assert_eq!(required(&schema("FilterRequest")), 0);
    }

    #[test]
    fn no_schema_has_a_name_of_our_source() {
        let document: Value = serde_json::from_str(&super::openapi_json().unwrap()).unwrap();
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(name.starts_with(char::is_uppercase) && !name.ends_with("Body"), "{name}");
        }
    }
}
