//! The fuzz targets as ordinary functions: what must hold for input of any kind, however hostile.
//!
//! A target takes any bytes and panics when something does not hold. `fuzz/` gives the targets to libFuzzer, which
//! `scripts/fuzz.sh` runs for as long as one likes; the smoke test of this crate gives them every [seed](seeds) and a
//! fixed number of [changes](changes) of each, in the ordinary tests.

pub mod changes;
mod decode;
mod model_json;
mod multipart;
mod prompts;
mod query_line;
mod random;
pub mod seeds;
mod snapshot;
mod texts;

pub use decode::decode;
pub use model_json::model_json;
pub use multipart::multipart;
pub use prompts::prompts;
pub use query_line::query_line;
pub use snapshot::snapshot;
pub use texts::texts;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// The targets by name. Each has a file in `fuzz/fuzz_targets`, and a folder in `fuzz/corpus` where it has inputs that
/// are kept as files.
pub const TARGETS: [(&str, Target); 7] = [
    ("decode", decode),
    ("texts", texts),
    ("prompts", prompts),
    ("multipart", multipart),
    ("query_line", query_line),
    ("snapshot", snapshot),
    ("model_json", model_json),
];
