//! The error answers of a route: which codes it has, and what the OpenAPI document says of them.

use actix_web::http::{Method, StatusCode};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr};

use crate::access::Scope;
use crate::error::ErrorCode;
use crate::error::ErrorCode::*;

/// Errors of a route that asks the store.
pub const STORE: &[ErrorCode] = &[StoreBusy, StoreMisconfigured, StoreUnavailable, StoreDamaged];

/// Errors of a route that writes to the store.
pub const WRITING: &[ErrorCode] = &[StoreBusy, StoreMisconfigured, StoreUnavailable, StoreDamaged, StorageFull];

/// Errors of a route that decodes a picture.
pub const PICTURE: &[ErrorCode] = &[TooManyPixels, UnsupportedImageType, ImageCorrupt, MemoryFull];

/// Errors of a route that encodes with the current model.
pub const ENCODING: &[ErrorCode] = &[NoEmbedding, QueueFull, NotReady, MemoryFull];

/// Errors of a route whose answer may be large.
pub const LARGE: &[ErrorCode] = &[MemoryFull];

/// The media type of every error.
const PROBLEM_JSON: &str = "application/problem+json";

/// The codes that follow from what an operation takes: its parameters, its body, and whether it asks for a key.
pub fn implied(path: &str, operation: &Operation) -> Vec<ErrorCode> {
    let mut codes = vec![Internal];
    if needs_key(operation) {
        codes.push(Unauthorized);
    }
    for (parameter, code) in [("{image_id}", ImageNotFound), ("{model_id}", ModelNotFound)] {
        if path.contains(parameter) {
            codes.push(code);
        }
    }
    let mut parameters = operation.parameters.iter().flatten();
    if parameters.any(|parameter| matches!(parameter, RefOr::T(p) if p.parameter_in == ParameterIn::Query)) {
        codes.push(InvalidRequest);
    }
    let Some(RefOr::T(body)) = &operation.request_body else { return codes };
    for media_type in body.content.keys() {
        codes.extend([InvalidRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType, MemoryFull]);
        if media_type == "multipart/form-data" {
            codes.extend([InvalidMultipart, TextTooLong, FileTooLarge, TooManyFiles]);
        } else {
            codes.push(InvalidJson);
        }
    }
    codes
}

/// Tells whether an operation needs a key on a server that has keys. One without a requirement of its own has that of
/// the document: a key.
pub fn needs_key(operation: &Operation) -> bool {
    let nothing = SecurityRequirement::default();
    operation.security.as_ref().is_none_or(|requirements| requirements.iter().any(|one| *one != nothing))
}

/// The codes with which requests to operations that need a key are refused.
pub fn refusals(method: &Method, scope: Scope) -> Vec<ErrorCode> {
    let mut codes = vec![HostUnknown, TooManyAttempts, RateLimited];
    if *method != Method::GET {
        codes.push(OriginRefused);
    }
    if scope > Scope::Search {
        codes.push(KeyScope);
    }
    codes
}

/// The answers with these codes: one for those of status 4xx and one for those of status 5xx. Their descriptions list
/// status, code and title as the table of errors has them.
pub fn responses(codes: &[ErrorCode]) -> Vec<(String, RefOr<Response>)> {
    let mut rows: Vec<_> = ErrorCode::ALL.iter().filter(|code| codes.contains(code)).collect();
    rows.sort_by_key(|code| code.status());
    let (refused, failed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|code| code.status().is_client_error());
    let mut responses = Vec::new();
    if !refused.is_empty() {
        let mut response = problem("The request is refused.", &refused);
        if refused.iter().any(|code| code.status() == StatusCode::TOO_MANY_REQUESTS) {
            response = response.header("Retry-After", retry_after(StatusCode::TOO_MANY_REQUESTS));
        }
        responses.push(("4XX".to_owned(), response.build().into()));
    }
    if !failed.is_empty() {
        let mut response = problem("The server cannot answer.", &failed);
        if failed.iter().any(|code| code.status() == StatusCode::SERVICE_UNAVAILABLE) {
            response = response.header("Retry-After", retry_after(StatusCode::SERVICE_UNAVAILABLE));
        }
        responses.push(("5XX".to_owned(), response.build().into()));
    }
    responses
}

fn problem(says: &str, codes: &[&ErrorCode]) -> ResponseBuilder {
    let line = |code: &&ErrorCode| format!("\n- {} `{}`: {}", code.status().as_u16(), code.as_str(), code.title());
    let lines: String = codes.iter().map(line).collect();
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(format!("{says}\n{lines}"))
        .content(PROBLEM_JSON, ContentBuilder::new().schema(Some(schema)).build())
}

fn retry_after(status: StatusCode) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(Type::Integer)))
        .description(Some(format!("Seconds to wait before the request is sent again; with status {}", status.as_u16())))
        .build()
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::HttpMethod;

    use super::*;

    #[test]
    fn an_operation_has_the_errors_of_what_it_takes() {
        let document = crate::api::docs::document();
        let codes = |path: &str, method| implied(path, document.paths.get_path_operation(path, method).unwrap());
        let get = codes("/images/{image_id}", HttpMethod::Get);
        assert_eq!(get, [Internal, Unauthorized, ImageNotFound]);
        let open = codes("/healthz", HttpMethod::Get);
        assert_eq!(open, [Internal]);
        let json = codes("/search/text", HttpMethod::Post);
        assert!(json.contains(&InvalidJson) && json.contains(&RequestTimeout) && !json.contains(&InvalidMultipart));
        let form = codes("/images", HttpMethod::Post);
        assert!(form.contains(&InvalidMultipart) && form.contains(&FileTooLarge) && !form.contains(&InvalidJson));
    }

    #[test]
    fn the_answers_list_status_code_and_title_of_the_table() {
        let responses = responses(&[QueueFull, ImageNotFound, Unauthorized, ImageNotFound]);
        let described = |range: &str| {
            let (_, response) = responses.iter().find(|(status, _)| status == range).unwrap();
            serde_json::to_value(response).unwrap()
        };
        assert_eq!(
            described("4XX")["description"],
            "The request is refused.\n\n- 401 `unauthorized`: An API key is needed\n- 404 `image_not_found`: There is no such image"
        );
        assert!(described("4XX")["headers"].is_null());
        assert!(described("5XX")["headers"]["Retry-After"].is_object());
        assert!(described("5XX")["content"]["application/problem+json"]["schema"]["$ref"].is_string());
    }
}
