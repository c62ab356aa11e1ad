//! Uploads the pictures that appear in folders, until it is told to stop.
//!
//! The folders are listed again and again, because that works on every file system, also on those of other computers,
//! whose changes no system tells.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use mitsuke_image::OtherContent;
use tokio::task::JoinError;

use super::error::UploadError;
use super::options::UploadOptions;
use super::pipeline::upload_files;
use super::progress::Progress;
use super::run::{UploadReport, scan_roots};
use super::scan::{Scan, SourceFile};
use super::session::Session;
use super::settled::{Settling, State, state};
use super::stop::{StopReason, StopSignal};
use super::summary::{Summary, advice};
use super::upload_log::{Entry, PreviousRuns, Status, UploadLog};
use crate::FIRST_CONTACT;
use crate::client::{Client, RetryPolicy};
use crate::failure::{ConnectError, Failure, FailureKind};

/// The longest pause while the server is away or full.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The time for which a file is sent again before the server counts as away.
const PATIENCE: Duration = Duration::from_secs(30);

/// The options of a watch.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// The folders, the server and the log. Captions stand in text files beside the pictures.
    pub upload: UploadOptions,
    /// The time between two looks at the folders.
    pub every: Duration,
}

/// A running watch.
struct Watch<'a> {
    options: &'a WatchOptions,
    client: Client,
    stop: &'a StopSignal,
    progress: &'a Progress,
    log: Option<UploadLog>,
    previous: PreviousRuns,
    /// The files that this run has stored, skipped or failed to store, as they were then.
    done: RefCell<HashMap<PathBuf, State>>,
    settling: Settling,
    /// The folders and files that cannot be read and have been reported.
    reported: HashSet<PathBuf>,
    summary: Summary,
}

/// Watches the folders. A file is uploaded when it is complete, and again when it changes. A server that is away or full
/// is waited for. An image that has been deleted from the server stays deleted.
///
/// # Errors
/// When the watch cannot begin.
pub async fn watch(
    options: &WatchOptions,
    stop: &StopSignal,
    progress: &Progress,
) -> Result<UploadReport, UploadError> {
    let upload = &options.upload;
    let retry = RetryPolicy { give_up_after: PATIENCE.min(upload.retry.give_up_after), ..upload.retry };
    let client = Client::new(&upload.server, upload.key.as_ref(), retry)?;
    let scan = scan_roots(upload).await?;
    let opened = upload.log.as_deref().map(|log| UploadLog::open(log, upload.server.as_str())).transpose()?;
    let (log, previous) = opened.unzip();
    let mut watch = Watch {
        options,
        client,
        stop,
        progress,
        log,
        previous: previous.unwrap_or_default(),
        done: RefCell::default(),
        settling: Settling::default(),
        reported: HashSet::new(),
        summary: Summary { hidden: scan.hidden, symlink_loops: scan.symlink_loops, ..Summary::default() },
    };
    let already = scan.files.iter().filter(|file| watch.previous.finished(file).is_some()).count();
    watch.summary.finished_before = already as u64;
    let stopped = watch.run(scan).await?;
    let Watch { log, mut summary, client, .. } = watch;
    summary.repeated_requests = client.repeated_requests();
    let log_error = match log {
        Some(log) => tokio::task::spawn_blocking(move || log.close()).await?.err(),
        None => None,
    };
    Ok(UploadReport { summary, stopped: Some(stopped), log_error })
}

impl Watch<'_> {
    /// Watches until there is a reason to stop. `scan` is the first look at the folders.
    async fn run(&mut self, scan: Scan) -> Result<StopReason, UploadError> {
        let mut trouble = Trouble::default();
        while let Err(failure) = self.contact().await {
            match failure.kind {
                FailureKind::Unreachable | FailureKind::ServerError => self.tell(&mut trouble, &failure.detail),
                FailureKind::Cancelled => return Ok(StopReason::Interrupted),
                _ => return Err(ConnectError::new(self.client.server(), failure).into()),
            }
            if self.wait(trouble.pause(self.options.every)).await {
                return Ok(StopReason::Interrupted);
            }
        }
        self.end_trouble(&mut trouble);
        self.progress.message("watching; Ctrl-C stops");
        let mut ready = self.ready(scan);
        loop {
            if !ready.is_empty() {
                match self.upload(ready).await? {
                    None => self.end_trouble(&mut trouble),
                    Some(StopReason::Unreachable(why) | StopReason::StorageFull(why)) => self.tell(&mut trouble, &why),
                    Some(reason) => return Ok(reason),
                }
            }
            loop {
                if self.wait(trouble.pause(self.options.every)).await {
                    return Ok(StopReason::Interrupted);
                }
                if !trouble.is_told {
                    break;
                }
                // Files are not read again for a server that is still away.
                match self.contact().await {
                    Ok(()) => break,
                    Err(failure) if failure.kind == FailureKind::Unauthorized => {
                        return Ok(StopReason::Unauthorized(failure.detail));
                    }
                    Err(failure) => self.tell(&mut trouble, &failure.detail),
                }
            }
            let scan = self.scan().await?;
            ready = self.ready(scan);
        }
    }

    /// Lists the files again. A folder that is not there any more, such as one on another computer, may come back.
    async fn scan(&mut self) -> Result<Scan, UploadError> {
        let (roots, missing): (Vec<_>, Vec<_>) =
            self.options.upload.roots.iter().cloned().partition(|root| root.exists());
        for root in missing {
            self.report(root, "it is not there");
        }
        match scan_roots(&UploadOptions { roots, ..self.options.upload.clone() }).await {
            Err(UploadError::Root { path, cause }) => {
                self.report(path, &cause.to_string());
                Ok(Scan::default())
            }
            scanned => scanned,
        }
    }

    /// Returns the files of a scan that are to be uploaded now.
    fn ready(&mut self, scan: Scan) -> Vec<SourceFile> {
        for (path, reason) in scan.unreadable {
            self.report(path, &reason);
        }
        let done = self.done.borrow();
        let is_new = |file: &SourceFile| match done.get(&file.absolute_path) {
            Some(before) => *before != state(file),
            None => self.previous.finished(file).is_none(),
        };
        let new = scan.files.into_iter().filter(is_new).collect();
        self.settling.settled(new, SystemTime::now())
    }

    /// Uploads files. Returns the reason why it ended before all were tried, if it did.
    async fn upload(&mut self, files: Vec<SourceFile>) -> Result<Option<StopReason>, JoinError> {
        let (total, begin) = (files.len() as u64, Instant::now());
        let summary = RefCell::new(std::mem::take(&mut self.summary));
        let batch = StopSignal::default();
        let client = self.client.clone().with_cancellation(batch.token());
        let on_entry = &|file: &SourceFile, entry: &Entry| self.finish(file, entry);
        let session = Session {
            options: &self.options.upload,
            client: &client,
            stop: &batch,
            progress: self.progress,
            log: self.log.as_ref(),
            previous: &self.previous,
            on_entry,
            summary,
            finished: Cell::new(0),
        };
        let pass_on_stop = async || -> Infallible {
            self.stop.stopped().await;
            batch.stop(StopReason::Interrupted);
            std::future::pending().await
        };
        tokio::select! {
            result = upload_files(&session, files, HashMap::new()) => result?,
            never = pass_on_stop() => match never {},
        }
        let Session { summary, finished, .. } = session;
        let finished = finished.get();
        self.summary = summary.into_inner();
        self.summary.not_tried = total - finished;
        self.summary.took += begin.elapsed();
        Ok(batch.reason().cloned())
    }

    /// Remembers a file as done, and tells what became of it. A failure is told where it is counted.
    fn finish(&self, file: &SourceFile, entry: &Entry) {
        self.done.borrow_mut().insert(file.absolute_path.clone(), state(file));
        let path = file.path.display();
        match (entry.status, entry.image_id, &entry.detail) {
            (Status::Created, Some(image_id), _) => self.progress.message(&format!("stored: {path} (#{image_id})")),
            (Status::Known, Some(image_id), _) => {
                self.progress.message(&format!("already on the server: {path} (#{image_id})"));
            }
            (Status::Skipped, _, Some(detail)) if is_missed(entry) => {
                self.progress.message(&format!("skipped: {path}: {detail}"));
            }
            _ => {}
        }
    }

    /// Asks whether the server answers and accepts the key.
    async fn contact(&self) -> Result<(), Failure> {
        self.client.clone().with_cancellation(self.stop.token()).giving_up_after(FIRST_CONTACT).check_connection().await
    }

    /// Waits. Returns whether the watch was told to stop.
    async fn wait(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => false,
            () = self.stop.stopped() => true,
        }
    }

    /// Tells once that the server is away or full.
    fn tell(&self, trouble: &mut Trouble, why: &str) {
        if !trouble.is_told {
            self.progress.message(&format!("waiting for the server: {why}"));
        }
        trouble.begin_or_continue();
    }

    fn end_trouble(&self, trouble: &mut Trouble) {
        if trouble.is_told {
            self.progress.message("the server takes pictures again");
        }
        *trouble = Trouble::default();
    }

    /// Reports a folder or file that cannot be read, once.
    fn report(&mut self, path: PathBuf, reason: &str) {
        if !self.reported.contains(&path) {
            self.progress.message(&format!("cannot be read: {}: {reason}", path.display()));
            self.reported.insert(path);
        }
    }
}

/// Returns whether an entry is that of a skipped file that its owner is likely to miss.
fn is_missed(entry: &Entry) -> bool {
    OtherContent::ALL.into_iter().any(|found| advice(found).is_some() && entry.code.as_deref() == Some(found.code()))
}

/// The time for which the server has been away or full.
#[derive(Debug, Default)]
struct Trouble {
    is_told: bool,
    tries: u32,
}

impl Trouble {
    fn begin_or_continue(&mut self) {
        self.is_told = true;
        self.tries = self.tries.saturating_add(1);
    }

    /// Returns the pause before the next look: longer from try to try while there is trouble.
    fn pause(&self, every: Duration) -> Duration {
        let factor = 2u32.saturating_pow(self.tries.saturating_sub(1));
        every.saturating_mul(factor).min(LONGEST_PAUSE.max(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_the_server_is_away() {
        let every = Duration::from_secs(5);
        let mut trouble = Trouble::default();
        assert_eq!(trouble.pause(every), every);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            trouble.begin_or_continue();
            pauses.push(trouble.pause(every).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert_eq!(trouble.pause(Duration::from_secs(600)).as_secs(), 600, "a longer pause is kept");
    }
}
