//! Runs blocking work (SQL, decoding, file reads) away from the async workers.

use crate::request_id;

/// The error of blocking work that panicked or was cut off by the runtime's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("blocking work did not finish")]
pub struct Unfinished;

/// Runs `work` on the blocking pool, for the request of the caller, and waits for its answer. Dropping the future does
/// not stop work that has begun: a transaction always ends.
///
/// # Errors
/// [`Unfinished`] when the work panicked; the panic's message is already in the log.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unfinished> {
    let facts = request_id::current();
    tokio::task::spawn_blocking(move || request_id::within(facts, work)).await.map_err(|_| Unfinished)
}
