//! The signals that end a command: Ctrl-C and SIGTERM.

use std::io;

/// The signals from the moment on when this is made. One that comes while nobody waits is not lost.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to receive the signals.
    ///
    /// # Errors
    /// When the system does not let the process receive them.
    pub fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// When the system does not let the process wait for them.
pub async fn signal() -> io::Result<()> {
    Signals::new()?.next().await;
    Ok(())
}

/// Calls `stop` at the first signal and returns at the second one. Never returns where signals cannot be waited for.
pub async fn twice(stop: impl FnOnce()) {
    let Ok(mut signals) = Signals::new() else { return std::future::pending().await };
    signals.next().await;
    stop();
    signals.next().await;
}
