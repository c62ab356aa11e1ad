//! GET /metrics, in the Prometheus text format.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::api::metric_table::{
    Counters, FractionGauges, Gauges, ModelLabels, StateLabels, TowerLabels, set, set_counter,
};
use crate::api::route::{Route, route};
use crate::api::{Services, backups, health};
use crate::error::ApiError;
use mitsuke_engine::backfill::{BackfillState, BackfillStatus};
use mitsuke_engine::models::{LoadState, ModelStatus, Models};

/// The media type of the OpenMetrics text format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The route of the metrics. It answers even when the store does not.
pub fn routes() -> Vec<Route> {
    vec![route!(scrape)]
}

/// Metrics
///
/// Returns counters, gauges and histograms in the Prometheus (OpenMetrics) text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text"))
)]
pub async fn scrape(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let counts = Arc::clone(&services.counts);
    if let Ok(count) = services.with_store(move |store| counts.images(store)).await {
        set(&services.metrics.images, count);
    }
    set_encoders(&services);
    backups::set_metrics(&services);
    health::set_storage(&services);
    let (counts, store) = (Arc::clone(&services.counts), Arc::clone(&services.store));
    let list = move |models: &Models| models.list_with(|model_id| counts.coverage(store.as_ref(), model_id));
    for status in services.with_models(list).await.unwrap_or_default() {
        set_model(&services, &status);
        set_backfill(&services, &status, services.backfills.status(status.model.model_id).as_ref());
    }
    let text = services.metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(OPENMETRICS).body(text))
}

fn set_encoders(services: &Services) {
    let metrics = &services.metrics;
    for (model, towers) in services.models.tower_stats() {
        let labels = ModelLabels { model: model.to_string() };
        set_counter(&metrics.query_cache_hits.get_or_create(&labels), towers.queries.hits);
        set_counter(&metrics.query_cache_misses.get_or_create(&labels), towers.queries.misses);
        for (tower, stats) in [("text", towers.text), ("image", towers.image)] {
            let labels = TowerLabels { model: model.to_string(), tower };
            // The queue of an encoder that is not loaded does not exist, so that it has no depth.
            if towers.loaded {
                set(&metrics.encoder_queue_depth.get_or_create(&labels), stats.depth as u64);
            } else {
                metrics.encoder_queue_depth.remove(&labels);
            }
            let count = |counters: &Counters<_>, value| set_counter(&counters.get_or_create(&labels), value);
            count(&metrics.encoder_items, stats.items);
            count(&metrics.encoder_batches, stats.batches);
            count(&metrics.encoder_skipped, stats.skipped);
            count(&metrics.encoder_refused, stats.refused);
        }
    }
}

fn labels(status: &ModelStatus) -> ModelLabels {
    ModelLabels { model: format!("{} {}", status.model.model_name, status.model.model_version) }
}

fn set_model(services: &Services, status: &ModelStatus) {
    let (metrics, labels) = (&services.metrics, labels(status));
    let gauge = |gauges: &Gauges<_>, value| set(&gauges.get_or_create(&labels), value);
    gauge(&metrics.model_current, status.model.is_current.into());
    gauge(&metrics.model_loaded, (status.state == LoadState::Ready).into());
    gauge(&metrics.model_memory, status.loaded.as_ref().map_or(0, |loaded| loaded.bytes));
    gauge(&metrics.model_embedded, status.coverage.embedded);
    gauge(&metrics.model_failed, status.coverage.failed);
    gauge(&metrics.model_missing, status.coverage.missing());
}

/// Sets the gauges of a model's backfill. An unknown value is left out instead of being 0: a retired model, for
/// example, has no backfill.
fn set_backfill(services: &Services, status: &ModelStatus, backfill: Option<&BackfillStatus>) {
    let (metrics, labels) = (&services.metrics, labels(status));
    match backfill {
        Some(backfill) => {
            set(&metrics.backfill_images.get_or_create(&labels), backfill.embedded + backfill.failed);
        }
        None => drop(metrics.backfill_images.remove(&labels)),
    }
    for state in BackfillState::ALL {
        let labels = StateLabels { model: labels.model.clone(), state: state.name() };
        match backfill {
            Some(backfill) => set(&metrics.backfill_state.get_or_create(&labels), (state == backfill.state).into()),
            None => drop(metrics.backfill_state.remove(&labels)),
        }
    }
    let fraction = |gauges: &FractionGauges<_>, value: Option<f64>| match value {
        Some(value) => drop(gauges.get_or_create(&labels).set(value)),
        None => drop(gauges.remove(&labels)),
    };
    fraction(&metrics.backfill_rate, backfill.and_then(|backfill| backfill.per_second));
    let seconds_left = backfill.and_then(|backfill| backfill.seconds_left(status.coverage.missing()));
    fraction(&metrics.backfill_remaining, seconds_left);
}
