//! Embeds stored images with a maintained model, in the background and at the lowest priority.
//!
//! The store alone holds the work that is left: the images that have neither an embedding nor a recorded failure of a
//! maintained model. A backfill therefore continues after any stop, in whichever process takes the lease first.

mod backfills;
mod job;
mod model_locks;
mod progress;
mod run;
mod state;

pub use backfills::Backfills;
pub use state::{BackfillState, BackfillStatus};
