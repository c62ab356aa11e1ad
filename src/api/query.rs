//! Reads query strings, with our own errors.

use actix_web::{FromRequest, HttpRequest, dev, web};
use serde::de::DeserializeOwned;

use crate::api::types::{FilterRequest, SimilarParams};
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

/// Parameters that stand beside those of a filter.
pub trait BesideFilter: DeserializeOwned {
    /// Their names.
    const NAMES: &'static [&'static str];
}

impl BesideFilter for super::images::ListParams {
    const NAMES: &'static [&'static str] = &["limit", "cursor"];
}

impl BesideFilter for SimilarParams {
    const NAMES: &'static [&'static str] = &["min_similarity", "max_gap", "exact", "limit", "offset"];
}

/// A query string with the fields of a filter among its parameters. (Serde could flatten one into the other, but then
/// knows no numbers and refuses no unknown names.)
pub struct FilteredQuery<T> {
    /// The parameters that are not the filter's.
    pub params: T,
    /// The filter; empty without a word of it.
    pub filter: FilterRequest,
}

impl<T: BesideFilter> FromRequest for FilteredQuery<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let own = |pair: &&str| T::NAMES.contains(&pair.split('=').next().unwrap_or_default());
        let (own, filters): (Vec<&str>, Vec<&str>) = request.query_string().split('&').partition(own);
        std::future::ready(parsed(&own.join("&")).and_then(|params| {
            let filter = parsed(&filters.join("&"))?;
            Ok(Self { params, filter })
        }))
    }
}

fn parsed<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    web::Query::<T>::from_query(query)
        .map(web::Query::into_inner)
        .map_err(|error| ApiError::new(ErrorCode::InvalidRequest, format!("The query string is not usable: {error}.")))
}
