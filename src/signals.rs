//! The signals that the server receives.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// Waits for a signal that stops the server: that of Ctrl-C, SIGTERM, or SIGHUP, which a terminal sends when it is closed.
///
/// # Errors
/// When signals cannot be received.
#[cfg(unix)]
pub async fn stop() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
        _ = hang_up.recv() => (),
    }
    Ok(())
}

/// Waits for the signal of Ctrl-C.
///
/// # Errors
/// When signals cannot be received.
#[cfg(not(unix))]
pub async fn stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Keeps the process alive when a file reaches the size that the system allows (`ulimit -f`). The system then sends
/// SIGXFSZ, which ends a process that does not receive it; the write fails with an error of its own, which is reported as
/// a full disk.
pub fn report_full_files() {
    #[cfg(target_os = "linux")]
    {
        match signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())) {
            Ok(mut full) => drop(actix_web::rt::spawn(async move {
                while full.recv().await.is_some() {
                    log::error!("a file has reached the size that the system allows: raise ulimit -f");
                }
            })),
            Err(error) => log::warn!("SIGXFSZ cannot be received: {error}"),
        }
    }
}
