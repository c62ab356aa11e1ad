//! A program that the command runs, which Ctrl-C ends together with the command.

use std::error::Error;
use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::cli::interrupt::Signals;

/// The time between two looks at a program that runs.
const LOOK: Duration = Duration::from_millis(50);
/// The time after a signal in which a program ends by itself. A terminal sends Ctrl-C to it as well, and a second one
/// would disturb its last words.
const GRACE: Duration = Duration::from_secs(3);

/// A signal has stopped the command.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// A program that runs. It is killed when this is dropped.
pub struct Child {
    process: std::process::Child,
}

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        // Passwords and keys of the server are no business of other programs, least of all of code that a model brings.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("MITSUKE_") || text.starts_with("DB_") {
                command.env_remove(&name);
            }
        }
        let started = started(command);
        let process = started
            .map_err(|error| format!("{} cannot be started: {error}", command.get_program().to_string_lossy()))?;
        Ok(Self { process })
    }

    /// Waits for the end of the program. The first signal ends it cleanly, and the second one at once.
    ///
    /// # Errors
    /// [`Stopped`] after a signal, or when the system cannot tell whether the program has ended.
    pub async fn finish(mut self, signals: &mut Signals) -> Result<ExitStatus, Box<dyn Error>> {
        let mut stopping = None;
        loop {
            if let Some(status) = self.process.try_wait()? {
                return if stopping.is_some() { Err(Stopped.into()) } else { Ok(status) };
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = signals.next() => match stopping {
                    None => stopping = Some(Some(Instant::now() + GRACE)),
                    Some(_) => self.process.kill()?,
                },
                () = at(stopping.flatten()) => {
                    self.interrupt()?;
                    stopping = Some(None);
                }
            }
        }
    }

    /// Sends the program the signal of Ctrl-C.
    #[cfg(unix)]
    fn interrupt(&self) -> io::Result<()> {
        let process = rustix::process::Pid::from_child(&self.process);
        Ok(rustix::process::kill_process(process, rustix::process::Signal::INT)?)
    }

    /// Ends the program.
    #[cfg(not(unix))]
    fn interrupt(&mut self) -> io::Result<()> {
        self.process.kill()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A program that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a program whose files others may read: a server often runs as another user, who has to read a model.
#[cfg(unix)]
fn started(command: &mut Command) -> io::Result<std::process::Child> {
    use rustix::fs::Mode;
    let before = rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let started = command.spawn();
    rustix::process::umask(before);
    started
}

#[cfg(not(unix))]
fn started(command: &mut Command) -> io::Result<std::process::Child> {
    command.spawn()
}

/// Waits until a time, and forever where there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
