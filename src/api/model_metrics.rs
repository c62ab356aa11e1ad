//! What /metrics tells of models and backfills.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::models::{BackfillState, BackfillStatus, LoadState, ModelStatus};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    model: String,
    state: &'static str,
}

type Numbers = Family<ModelLabels, Gauge>;
type Fractions = Family<ModelLabels, Gauge<f64, AtomicU64>>;

/// Gauges of models and backfills, set when they are read.
#[derive(Default)]
pub struct ModelMetrics {
    current: Numbers,
    loaded: Numbers,
    memory: Numbers,
    embedded: Numbers,
    failed: Numbers,
    missing: Numbers,
    state: Family<StateLabels, Gauge>,
    done: Numbers,
    rate: Fractions,
    left: Fractions,
}

impl ModelMetrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let mut number = |name: &str, help: &str, family: &Numbers| registry.register(name, help, family.clone());
        number("model_current", "1 for the model that searches use", &self.current);
        number("model_loaded", "1 for a model in memory", &self.loaded);
        number("model_memory_bytes", "Bytes of a loaded model's weights, estimated from its files", &self.memory);
        number("model_embedded_images", "Images that have an embedding of the model", &self.embedded);
        number("model_failed_images", "Images that the model could not embed", &self.failed);
        number("model_missing_images", "Images that lack an embedding of the model", &self.missing);
        number("backfill_images", "Images that the present or last backfill has dealt with", &self.done);
        registry.register("backfill_state", "1 for the state that a backfill is in", self.state.clone());
        registry.register("backfill_images_per_second", "Rate of a running backfill", self.rate.clone());
        registry.register("backfill_seconds_left", "Time until a running backfill is done", self.left.clone());
    }

    /// Sets all gauges of one model.
    pub fn set(&self, status: &ModelStatus, backfill: Option<&BackfillStatus>) {
        let model = format!("{} {}", status.model.model_name, status.model.model_version);
        let labels = ModelLabels { model: model.clone() };
        let set = |family: &Numbers, value: u64| {
            family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.current, status.model.is_current.into());
        set(&self.loaded, (status.state == LoadState::Ready).into());
        set(&self.memory, status.loaded.map_or(0, |loaded| loaded.bytes));
        set(&self.embedded, status.coverage.embedded);
        set(&self.failed, status.coverage.failed);
        set(&self.missing, status.coverage.missing());
        // What is not known is left out, not 0: a retired model has no backfill any more.
        match backfill {
            Some(backfill) => set(&self.done, backfill.embedded + backfill.failed),
            None => drop(self.done.remove(&labels)),
        }
        for state in BackfillState::ALL {
            let labels = StateLabels { model: model.clone(), state: state.name() };
            match backfill {
                Some(backfill) => drop(self.state.get_or_create(&labels).set((state == backfill.state).into())),
                None => drop(self.state.remove(&labels)),
            }
        }
        let fraction = |family: &Fractions, value: Option<f64>| match value {
            Some(value) => drop(family.get_or_create(&labels).set(value)),
            None => drop(family.remove(&labels)),
        };
        fraction(&self.rate, backfill.and_then(|backfill| backfill.per_second));
        fraction(&self.left, backfill.and_then(|backfill| backfill.seconds_left(status.coverage.missing())));
    }
}
