//! The signal that ends an upload before all files were tried.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Why an upload ends before all files were tried.
#[derive(Debug, Clone)]
pub enum StopReason {
    /// The user interrupted it.
    Interrupted,
    /// The server no longer answers; with what happened.
    Unreachable(String),
    /// The server no longer accepts the key; with the server's words.
    Unauthorized(String),
    /// The server has no storage left; with the server's words.
    StorageFull(String),
}

/// Tells all parts of an upload to stop. The first reason counts.
#[derive(Debug, Default)]
pub struct StopSignal {
    reason: OnceLock<StopReason>,
    token: CancellationToken,
}

impl StopSignal {
    /// Stops the upload: no file is begun and no request is repeated from now on.
    pub fn stop(&self, reason: StopReason) {
        if self.reason.set(reason).is_ok() {
            self.token.cancel();
        }
    }

    /// The reason to stop; `None` while the upload goes on.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        self.reason.get()
    }

    /// Whether the upload was told to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.reason.get().is_some()
    }

    /// Waits until the upload is told to stop.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// A token that is cancelled when the upload is told to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts() {
        let stop = StopSignal::default();
        assert!(!stop.is_set() && !stop.token().is_cancelled());
        stop.stop(StopReason::StorageFull("no space".to_owned()));
        stop.stop(StopReason::Interrupted);
        assert!(matches!(stop.reason(), Some(StopReason::StorageFull(_))));
        assert!(stop.token().is_cancelled());
    }
}
