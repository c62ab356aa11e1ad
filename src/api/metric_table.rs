//! The table of all metrics: name, unit, help and type of each, by the conventions of Prometheus (counters end in
//! `_total`, values have base units, and a unit ends the name).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Labels of a counter of answered requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

/// Labels of the time that requests take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    method: String,
    route: String,
}

/// Labels of an encoder: one of the two towers of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TowerLabels {
    /// Name and version of the model.
    pub model: String,
    /// `text` or `image`.
    pub tower: &'static str,
}

/// Labels of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ModelLabels {
    /// Name and version of the model.
    pub model: String,
}

/// Labels of a state that the backfill of a model may be in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabels {
    /// Name and version of the model.
    pub model: String,
    /// The state.
    pub state: &'static str,
}

/// Labels of requests that were refused at the gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedLabels {
    /// The code of the error.
    pub reason: &'static str,
}

/// Labels of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KeyLabels {
    /// The name of the key.
    pub key: String,
}

/// Labels of a use of memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PurposeLabels {
    /// `receiving`, `decoding` or `sending`.
    pub purpose: &'static str,
}

/// Labels of a class of requests that wait for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabels {
    /// The class.
    pub class: &'static str,
}

/// A gauge of whole numbers for each set of labels.
pub type Gauges<L> = Family<L, Gauge>;
/// A gauge of fractions for each set of labels.
pub type FractionGauges<L> = Family<L, Gauge<f64, AtomicU64>>;
/// A counter for each set of labels.
pub type Counters<L> = Family<L, Counter>;
/// A histogram of seconds for each set of labels.
pub type SecondsHistograms<L> = Family<L, Histogram, SecondsBuckets>;

/// Makes histograms with buckets from 1 ms to 16 s.
#[derive(Debug, Clone, Copy)]
pub struct SecondsBuckets;

impl MetricConstructor<Histogram> for SecondsBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.001, 2.0, 15))
    }
}

/// Declares [`Metrics`] and registers every row under its name, so that a metric cannot lack a help text or a type. The
/// encoder adds the unit and, to counters, `_total` to the name, and a full stop to the help text.
macro_rules! metrics {
    ($($field:ident: $kind:ty = $name:literal $([$unit:ident])?, $help:literal $(, $new:expr)?;)*) => {
        /// All metrics of the process.
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Metrics {
            /// Registers all metrics.
            #[must_use]
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix("mitsuke");
                $(
                    let $field = metrics!(@new $kind $(, $new)?);
                    metrics!(@register registry, $field, $name $([$unit])?, $help);
                )*
                Self { registry, $($field,)* }
            }
        }
    };
    (@new $kind:ty) => { <$kind>::default() };
    (@new $kind:ty, $new:expr) => { <$kind>::new_with_constructor($new) };
    (@register $registry:ident, $field:ident, $name:literal, $help:literal) => {
        $registry.register($name, $help, $field.clone())
    };
    (@register $registry:ident, $field:ident, $name:literal [$unit:ident], $help:literal) => {
        $registry.register_with_unit($name, $help, Unit::$unit, $field.clone())
    };
}

metrics! {
    requests: Counters<RequestLabels> = "http_requests", "Answered requests";
    durations: SecondsHistograms<RouteLabels> = "http_request_duration" [Seconds],
        "Time from a request's head to its answer", SecondsBuckets;

    images: Gauge = "images", "Images in the store, counted at most 60 s ago";

    encoder_queue_depth: Gauges<TowerLabels> = "encoder_queue_depth", "Items that wait for an encoder";
    encoder_items: Counters<TowerLabels> = "encoder_items", "Items encoded since the start";
    encoder_batches: Counters<TowerLabels> = "encoder_batches", "Batches encoded since the start";
    encoder_skipped: Counters<TowerLabels> = "encoder_skipped_items", "Items skipped because their caller had gone";
    encoder_refused: Counters<TowerLabels> = "encoder_refused_items", "Items refused because the queue was full";

    query_cache_hits: Counters<ModelLabels> = "query_cache_hits", "Texts whose vector was known from an earlier search";
    query_cache_misses: Counters<ModelLabels> = "query_cache_misses", "Texts that were encoded for a search";

    model_current: Gauges<ModelLabels> = "model_current", "1 for the model that searches use, 0 for every other";
    model_loaded: Gauges<ModelLabels> = "model_loaded", "1 for a model in memory, 0 for every other";
    model_memory: Gauges<ModelLabels> = "model_memory" [Bytes],
        "Size of a loaded model's weights, estimated from its files";
    model_embedded: Gauges<ModelLabels> = "model_embedded_images",
        "Images that have an embedding of the model, counted at most 60 s ago";
    model_failed: Gauges<ModelLabels> = "model_failed_images",
        "Images that the model could not embed, counted at most 60 s ago";
    model_missing: Gauges<ModelLabels> = "model_missing_images",
        "Images that lack an embedding of the model, counted at most 60 s ago";

    backfill_state: Gauges<StateLabels> = "backfill_state", "1 for the state that a backfill is in, 0 for every other";
    backfill_images: Gauges<ModelLabels> = "backfill_images", "Images that the running or last backfill has finished";
    backfill_rate: FractionGauges<ModelLabels> = "backfill_images_per_second", "Rate of a running backfill";
    backfill_remaining: FractionGauges<ModelLabels> = "backfill_remaining" [Seconds],
        "Time until a running backfill ends at its present rate";
    damaged_images: Gauge = "store_damaged_images", "Images whose stored bytes are known to be damaged";
    lost_commits: Gauge = "store_lost_commits",
        "Changes that were answered as stored and are missing, until an operator acknowledges the loss";
    free_pages: Gauge = "store_free_pages", "Pages of the database that hold nothing";
    scrub_images: Counter = "scrub_images", "Originals that the background check has compared with their hashes";
    scrub_bytes: Counter = "scrub" [Bytes], "Bytes of originals that the background check has read";
    scrub_last_finished: Gauge = "scrub_last_finished" [Seconds],
        "Time at which the background check of all originals ended last, in seconds since 1970; 0 for never";
    backup_last_success: Gauge = "backup_last_success" [Seconds],
        "Time of the newest backup in seconds since 1970, 0 when there is none";
    backup_failures: Counter = "backup_failures", "Backups that failed since the start";
    backup_duration: Gauge<f64, AtomicU64> = "backup_duration" [Seconds], "Time that the last backup took";
    storage_free: Gauge = "storage_free" [Bytes], "Free bytes on the disk of the embedded store";
    storage_low: Gauge = "storage_low", "1 while uploads are refused because the disk has too little room, else 0";
    memory_budget: Gauges<PurposeLabels> = "memory_budget" [Bytes], "Memory that requests may take for a purpose";
    memory_used: Gauges<PurposeLabels> = "memory_used" [Bytes], "Memory that requests have taken for a purpose";
    memory_refused: Counters<PurposeLabels> = "memory_refused", "Requests refused because the memory was used up";
    admission_wait: FractionGauges<ClassLabels> = "admission_expected_wait" [Seconds],
        "Time that a request of a class would wait for those before it";
    admission_refused: Counters<ClassLabels> = "admission_refused", "Requests refused because they would wait too long";
    stalled_connections: Counter = "stalled_connections", "Callers cut off because they did not read their answers";
    refused: Counters<RefusedLabels> = "refused", "Requests that were refused before they reached a route";
    key_requests: Counters<KeyLabels> = "key_requests", "Requests that showed a key";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
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

    /// Returns all metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Sets a gauge to a count.
pub fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Sets a counter to a count that is kept elsewhere and never shrinks.
pub fn set_counter(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}
