//! GET /metrics, in the Prometheus text format.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::api::Services;
use crate::api::model_metrics::ModelMetrics;
use crate::blocking;
use crate::error::{ApiError, Problem};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TowerLabels {
    model: String,
    tower: &'static str,
}

/// Counters and gauges of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    images: Gauge,
    queue_depth: Family<TowerLabels, Gauge>,
    encoded: Family<TowerLabels, Gauge>,
    batches: Family<TowerLabels, Gauge>,
    skipped: Family<TowerLabels, Gauge>,
    refused: Family<TowerLabels, Gauge>,
    models: ModelMetrics,
}

/// From 1 ms to 16 s.
fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all metrics.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("mitsuke");
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds_histogram),
            images: Gauge::default(),
            queue_depth: Family::default(),
            encoded: Family::default(),
            batches: Family::default(),
            skipped: Family::default(),
            refused: Family::default(),
            models: ModelMetrics::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Answered requests", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("images", "Images in the store", metrics.images.clone());
        registry.register("encoder_queue_depth", "Items waiting for an encoder", metrics.queue_depth.clone());
        registry.register("encoder_items", "Items encoded since the start", metrics.encoded.clone());
        registry.register("encoder_batches", "Batches encoded since the start", metrics.batches.clone());
        registry.register("encoder_skipped", "Items skipped because their caller had gone", metrics.skipped.clone());
        registry.register("encoder_refused", "Items refused because the queue was full", metrics.refused.clone());
        metrics.models.register(&mut registry);
        Self { registry, ..metrics }
    }

    /// Counts an answered request.
    pub fn observe_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        // A caller may invent methods, and every new label costs memory for good.
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other").to_owned();
        let route = route.to_owned();
        self.durations
            .get_or_create(&RouteLabels { method: method.clone(), route: route.clone() })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    fn set_encoder_gauges(&self, services: &Services) {
        for (model, towers) in services.models.tower_stats() {
            for (tower, stats) in [("text", towers.text), ("image", towers.image)] {
                let labels = TowerLabels { model: model.to_string(), tower };
                let set = |family: &Family<TowerLabels, Gauge>, value: u64| {
                    family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
                };
                if towers.loaded {
                    set(&self.queue_depth, stats.depth as u64);
                } else {
                    self.queue_depth.remove(&labels);
                }
                set(&self.encoded, stats.items);
                set(&self.batches, stats.batches);
                set(&self.skipped, stats.skipped);
                set(&self.refused, stats.refused);
            }
        }
    }
}

/// Metrics
///
/// Counters and gauges in the Prometheus (OpenMetrics) text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn scrape(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let store = Arc::clone(&services.store);
    if let Ok(count) = blocking::run(move || store.count_images()).await? {
        services.metrics.images.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    services.metrics.set_encoder_gauges(&services);
    let models = Arc::clone(&services.models);
    for status in blocking::run(move || models.list()).await?.unwrap_or_default() {
        services.metrics.models.set(&status, services.backfills.status(status.model.model_id).as_ref());
    }
    let mut text = String::new();
    encode(&mut text, &services.metrics.registry).map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
