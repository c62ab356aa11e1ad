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
    match error {
        "invalid digit found in string" | "cannot parse integer from empty string" => "it must be a whole number",
        "number too large to fit in target type" => "the number is too large",
        "number too small to fit in target type" => "the number is too small",
        "invalid float literal" | "cannot parse float from empty string" => "it must be a number",
        "provided string was not `true` or `false`" => "it must be true or false",
        "expected value at line 1 column 1" | "expected ident at line 1 column 2" => {
            "it must be JSON: a number, `true`, or an object"
        }
        other => other,
    }
    .to_owned()
}
