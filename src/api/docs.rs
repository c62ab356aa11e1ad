//! The OpenAPI document, generated from the code, and Swagger UI.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Deprecated, RefOr, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::route::Route;
use crate::api::routes::documented;
use crate::error::{ApiError, Problem};
use mitsuke_engine::request_id;

/// The frame of the document. The routes bring the paths and their schemas.
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
    components(schemas(Problem)),
    tags(
        (name = "images", description = "Register, list, read, change and delete pictures"),
        (name = "search", description = "Find pictures by text or by picture"),
        (name = "models", description = "Embedding models and the current one"),
        (name = "operations", description = "Probes and metrics"),
    ),
    modifiers(&Keys),
    security((), ("bearer" = []), ("api_key" = [])),
)]
struct Frame;

/// Describes both ways to show a key. A server without MITSUKE_API_KEYS needs neither.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components
            .add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    }
}

/// Declares every field of an answer as required, so that generated clients know that it is there: a field without a
/// value is null, never left out.
struct WholeAnswers;

impl WholeAnswers {
    /// Tells whether callers send values of the schema. A caller may leave fields out.
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

/// Marks the parameters whose names have been replaced. (The attributes of bodies can do this themselves.)
struct OldParameters;

impl OldParameters {
    /// The names, which stand for the same in every operation.
    const NAMES: [&str; 3] = ["generation_model", "offset", "sampler"];
}

impl Modify for OldParameters {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let items = document.paths.paths.values_mut();
        let operations = items.filter_map(|item| item.get.as_mut());
        for parameter in operations.filter_map(|operation| operation.parameters.as_mut()).flatten() {
            if let RefOr::T(parameter) = parameter
                && Self::NAMES.contains(&parameter.name.as_str())
            {
                parameter.deprecated = Some(Deprecated::True);
            }
        }
    }
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for route in documented() {
        route.describe(&mut document);
    }
    WholeAnswers.modify(&mut document);
    OldParameters.modify(&mut document);
    document
}

/// The OpenAPI 3.1 document as indented JSON with a final line break, as committed in `openapi/openapi.json`.
///
/// # Errors
/// When the document cannot be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}

/// The document of a server whose paths begin with a prefix.
fn openapi_json_below(prefix: &str) -> Result<String, serde_json::Error> {
    let mut document = document();
    for server in document.servers.iter_mut().flatten() {
        prefix.clone_into(&mut server.url);
    }
    document.to_pretty_json()
}

/// The routes of the document and of Swagger UI's address without its last slash.
pub fn routes() -> Vec<Route> {
    vec![
        Route::undocumented("/openapi.json", served),
        Route::undocumented("/swagger-ui", async || {
            web::Redirect::to(format!("{}/swagger-ui/", request_id::current().prefix)).temporary()
        }),
    ]
}

/// Swagger UI below /swagger-ui/.
pub fn swagger_ui() -> SwaggerUi {
    // The address is relative to the page, which may lie under the prefix of a proxy.
    SwaggerUi::new("/swagger-ui/{_:.*}").config(Config::new(["../openapi.json"]))
}

async fn served() -> Result<HttpResponse, ApiError> {
    let prefix = request_id::current().prefix;
    if !prefix.is_empty() {
        let json = openapi_json_below(&prefix).map_err(|error| ApiError::internal(&error))?;
        return Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json));
    }
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
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use mitsuke_image::FileType;

    fn document() -> Value {
        serde_json::from_str(&super::openapi_json().unwrap()).unwrap()
    }

    /// Path, method and description of every operation.
    fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    #[test]
    fn clients_may_rely_on_every_field_of_an_answer_and_leave_out_those_of_a_request() {
        let document = document();
        let schema = |name: &str| document["components"]["schemas"][name].clone();
        let required = |schema: &Value| schema["required"].as_array().map_or(0, Vec::len);
        for name in ["Image", "ImagePage", "SearchResponse", "Model"] {
            let schema = schema(name);
            assert_eq!(required(&schema), schema["properties"].as_object().unwrap().len(), "{name}");
        }
        assert_eq!(schema("TextSearchRequest")["required"], json!(["query"]));
        assert_eq!(required(&schema("FilterRequest")), 0);
    }

    #[test]
    fn replaced_names_are_deprecated_wherever_they_occur() {
        let document = document();
        for (path, _, operation) in operations(&document) {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let old = super::OldParameters::NAMES.contains(&parameter["name"].as_str().unwrap());
                assert_eq!(parameter["deprecated"] == json!(true), old, "{path} {}", parameter["name"]);
            }
        }
        for (schema, field) in [
            ("FilterRequest", "generation_model"),
            ("FilterRequest", "sampler"),
            ("Image", "upload_date"),
            ("ImageSearchForm", "image_id"),
            ("ImageSearchForm", "offset"),
            ("ImageSearchRequest", "image_id"),
            ("ImageSearchRequest", "offset"),
            ("Model", "problem"),
            ("SearchResponse", "next_offset"),
            ("TextSearchRequest", "offset"),
        ] {
            assert_eq!(
                document["components"]["schemas"][schema]["properties"][field]["deprecated"], true,
                "{schema} {field}"
            );
        }
    }

    #[test]
    fn no_schema_has_a_name_of_our_source() {
        for name in document()["components"]["schemas"].as_object().unwrap().keys() {
            assert!(name.starts_with(char::is_uppercase) && !name.ends_with("Body"), "{name}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_summary() {
        let document = document();
        let mut names = HashSet::new();
        for (path, method, operation) in operations(&document) {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        }
    }

    #[test]
    fn every_operation_lists_its_errors_as_problems() {
        let document = document();
        for (path, method, operation) in operations(&document) {
            let errors =
                operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with(['4', '5']));
            for (status, response) in errors {
                assert!(["4XX", "5XX"].contains(&status.as_str()), "{method} {path} {status}");
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{method} {path} {status}");
            }
            assert!(operation["responses"]["5XX"].to_string().contains("`internal`"), "{method} {path}");
        }
    }

    #[test]
    fn the_document_says_which_operations_need_no_key() {
        let document = document();
        for (path, method, operation) in operations(&document) {
            let open = operation["security"] == json!([{}]);
            assert_eq!(open, crate::api::auth::is_open(path), "{method} {path}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"][reference].is_object(), "{reference}");
        }
    }

    #[test]
    fn the_document_names_every_type_of_picture_that_is_served_and_taken() {
        let document = document();
        let served = &document["paths"]["/images/{image_id}/content"]["get"]["responses"]["200"]["content"];
        let served: HashSet<_> = served.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(served, FileType::ALL.map(FileType::media_type).into_iter().collect());
        let taken = document["components"]["schemas"]["UploadForm"]["properties"]["file"]["description"].to_string();
        assert!(taken.contains("`FileType`"), "{taken}");
        let listed = document["components"]["schemas"]["FileType"]["enum"].as_array().unwrap();
        assert_eq!(*listed, FileType::ALL.map(|file_type| json!(file_type.media_type())));
    }
}
