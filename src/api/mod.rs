//! HTTP and nothing else: routes, thin handlers, limits, authentication, OpenAPI.
//!
//! The files of a resource lie where its path says: `/images/{image_id}/thumbnail` is answered by
//! `images/thumbnail.rs`. [`routes`](mod@routes) lists all of them.

mod auth;
mod backups;
mod caching;
mod caller;
mod check;
mod checks;
mod context;
mod cors;
mod counts;
mod cursor;
mod docs;
mod facets;
mod gate;
mod health;
mod hosts;
mod images;
mod json;
mod line_filter;
mod metered;
mod metric_table;
mod metrics;
mod models;
pub mod multipart;
mod page;
mod path_id;
mod prefix;
mod problems;
mod query;
mod range;
mod ranking;
mod reindex;
mod route;
mod routes;
mod search;
mod sending;
mod services;
mod shares;
mod suggestions;
mod throttle;
mod thumbnails;
mod types;

use actix_web::web::{self, ServiceConfig};

pub use auth::KeyRing;
pub use caller::{Caller, CallerId, KeyName, LOCAL, Scope};
pub use context::in_context;
pub use cors::{cors, with_policy};
pub use counts::Counts;
pub use docs::openapi_json;
pub use hosts::Hosts;
pub use metric_table::Metrics;
pub use sending::{Sending, watch_connection};
pub use services::{ServiceParts, Services};
pub use throttle::Rates;
pub use thumbnails::Thumbnails;
pub(crate) use types::taken;
pub use types::{BackupRequest, BackupsBody, RunningBackupBody};

/// Registers all routes, those of the documentation and of the page included. The middleware [`in_context`] asks for a
/// key on all of them but the few that [`KeyRing::check`] leaves open.
pub fn routes(services: web::Data<Services>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let all = routes::documented().into_iter().chain(docs::routes()).chain(page::routes());
        config.app_data(services);
        route::register(all, config);
        config.service(docs::swagger_ui()).default_service(web::to(problems::route_not_found));
    }
}
