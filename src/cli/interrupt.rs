//! The signals that end a command: Ctrl-C and SIGTERM.

use std::io;

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// When the system does not let the process wait for them.
pub async fn signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Calls `stop` at the first signal and returns at the second one. Never returns where signals cannot be waited for.
pub async fn twice(stop: impl FnOnce()) {
    if signal().await.is_err() {
        return std::future::pending().await;
    }
    stop();
    if signal().await.is_err() {
        std::future::pending().await
    }
}
