//! Reads query strings, with our own errors.

use actix_web::{FromRequest, HttpRequest, dev, web};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::api::types::FilterRequest;
use crate::error::{ApiError, ErrorCode};

/// A query string.
pub struct QueryString<T>(pub T);

impl<T: DeserializeOwned> FromRequest for QueryString<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        std::future::ready(parsed(request.query_string()).map(Self))
    }
}

/// A query string with the fields of a filter among its parameters. (Serde could flatten one into the other, but would
/// then read no numbers and refuse no unknown names.)
pub struct FilteredQuery<T> {
    /// The parameters that are not the filter's.
    pub params: T,
    /// The filter; empty when no parameter is one of its fields.
    pub filter: FilterRequest,
}

impl<T: DeserializeOwned + IntoParams> FromRequest for FilteredQuery<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let names: Vec<String> = T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
        let own = |pair: &&str| names.iter().any(|name| pair.split('=').next() == Some(name));
        let (own, filters): (Vec<&str>, Vec<&str>) = request.query_string().split('&').partition(own);
        std::future::ready(parsed(&own.join("&")).and_then(|params| {
            let filter = parsed(&filters.join("&"))?;
            Ok(Self { params, filter })
        }))
    }
}

fn parsed<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let read = |query: &str| web::Query::<T>::from_query(query).map(web::Query::into_inner);
    read(query).map_err(|error| {
        // Serde does not say which parameter is wrong. When they are read one by one, only the wrong one fails.
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let reason = reason(&error.to_string());
        match query.split('&').find(|pair| read(pair).is_err()).map(name) {
            Some(name) => ApiError::invalid(&name, format!("The parameter `{name}` is not usable: {reason}.")),
            None => ApiError::new(ErrorCode::InvalidRequest, format!("The query string is not usable: {reason}.")),
        }
    })
}

/// Says what is wrong with a value in the words of a caller instead of a parser.
pub fn reason(error: &str) -> String {
    let error = error.trim_start_matches("Query deserialize error: ");
    match without_place(error) {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "it must be a whole number".into()
        }
        "number too large to fit in target type" => "the number is too large".into(),
        "number too small to fit in target type" => "the number is too small".into(),
        "invalid float literal" | "cannot parse float from empty string" => "it must be a number".into(),
        "provided string was not `true` or `false`" => "it must be true or false".into(),
        "expected value" | "expected ident" => "it must be JSON: a number, `true`, or an object".into(),
        other => in_words(other),
    }
}

/// Removes the line and column from the end of a message, because a caller knows the value by the name of its field.
fn without_place(error: &str) -> &str {
    let place = |place: &str| place.split(" column ").all(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    error.rsplit_once(" at line ").filter(|(_, end)| place(end)).map_or(error, |(error, _)| error)
}

/// Replaces the names of number types at the end of a message.
fn in_words(error: &str) -> String {
    let words = match error.rsplit_once("expected ") {
        Some((_, "u8" | "u16" | "u32" | "u64" | "usize" | "i64")) => "a whole number",
        Some((_, "f32" | "f64")) => "a number",
        _ => return error.to_owned(),
    };
    let before = error.rfind("expected ").map_or("", |at| &error[..at]);
    format!("{before}expected {words}")
}
