//! Soak checks: the built program under kill -9, load, a change of models and interrupted uploads, and how well it
//! searches. They take minutes, so that `cargo test` compiles them and leaves them out; `scripts/soak.sh` runs them and
//! explains the `SOAK_…` variables that set their sizes. Times are printed and never asserted.
//!
//! The checks use none of Mitsuke's own crates: they know the program as its callers do, and link without libtorch.

mod attack;
mod bench;
mod chance;
mod client;
mod crash;
mod crash_loop;
mod figures;
mod full_disk;
mod harness;
mod hybrid;
mod load;
mod mixed;
mod overload;
mod page;
mod pictures;
mod relevance;
mod stale;
mod switch;
mod upload;
