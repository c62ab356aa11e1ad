//! GET /facets.

use actix_web::{HttpResponse, web};

use crate::access::Scope;
use crate::api::checks::{self, choices};
use crate::api::query::FilteredQuery;
use crate::api::route::errors::STORE;
use crate::api::route::{Route, route};
use crate::api::types::{FacetParams, FacetsResponse, FilterRequest};
use crate::api::{Services, line_filter};
use crate::error::ApiError;
use crate::error::ErrorCode::{KeywordsRefused, TextTooLong};
use mitsuke_store::{Facet, StoreError};

/// Values of a facet unless the caller asks for another number.
const DEFAULT_VALUES: usize = 20;

/// The largest number of values of a facet.
const MAX_VALUES: usize = 100;

/// The routes of facets.
pub fn routes() -> Vec<Route> {
    vec![route!(facets).scope(Scope::Search).errors([STORE, &[KeywordsRefused, TextTooLong]])]
}

/// Count values
///
/// Counts, for each of several facts, how many images have each of its values: of all images, of those that pass a
/// filter, or of those that a query line describes.
#[utoipa::path(
    get, path = "/facets", tag = "search", operation_id = "facets",
    params(FacetParams, FilterRequest),
    responses((status = 200, description = "The values with their counts", body = FacetsResponse))
)]
async fn facets(
    services: web::Data<Services>,
    FilteredQuery { params, filter }: FilteredQuery<FacetParams>,
) -> Result<HttpResponse, ApiError> {
    let all = Facet::ALL.map(|facet| (facet.name(), facet));
    let fields = choices("fields", params.fields.as_deref(), &all)?;
    let limit = checks::count(params.limit, DEFAULT_VALUES, MAX_VALUES)?;
    let filter = line_filter::of(filter, params.q, &services.limits)?;
    let (counts, total) = services
        .with_store(move |store| {
            let counts = store.facets(&filter, &fields, limit)?;
            Ok::<_, StoreError>((counts, store.count(&filter)?))
        })
        .await?;
    let facets = counts.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(FacetsResponse { total: total.into(), facets }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::FacetBody;

    #[test]
    fn facets_have_one_name_in_parameters_and_answers() {
        for facet in Facet::ALL {
            assert_eq!(serde_json::to_value(FacetBody::from(facet)).unwrap(), facet.name());
        }
    }
}
