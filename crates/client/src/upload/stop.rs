//! The signal that ends an upload before all files were tried.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// The reason why an upload ends before all files were tried.
#[derive(Debug, Clone)]
pub enum StopReason {
    /// The user interrupted the upload.
    Interrupted,
    /// The server no longer answers; the text says what happened.
    Unreachable(String),
    /// The server no longer accepts the key; the text has the server's words.
    Unauthorized(String),
    /// The server has no storage left; the text has the server's words.
    StorageFull(String),
}

/// A signal that tells all parts of an upload to stop. The first reason counts.
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

    /// Returns the reason to stop; `None` while the upload goes on.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        self.reason.get()
    }

    /// Returns whether the upload was told to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.reason.get().is_some()
    }

    /// Waits until the upload is told to stop.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// Returns a token that is cancelled when the upload is told to stop.
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
