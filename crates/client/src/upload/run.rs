//! The upload from its first check to its report.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::captions::{self, CaptionRow};
use super::confirm::{confirm, is_finished};
use super::error::UploadError;
use super::options::UploadOptions;
use super::pipeline::upload_files;
use super::progress::Progress;
use super::scan::{Scan, ScanOptions, SourceFile, scan};
use super::session::Session;
use super::stop::{StopReason, StopSignal};
use super::summary::Summary;
use super::upload_log::{Entry, UploadLog};
use crate::FIRST_CONTACT;
use crate::client::Client;
use crate::failure::ConnectError;

/// The result of an upload.
#[derive(Debug)]
pub struct UploadReport {
    /// The counts and failures.
    pub summary: Summary,
    /// The reason why the upload ended early, if it did.
    pub stopped: Option<StopReason>,
    /// The reason why the log is not complete, if it is not.
    pub log_error: Option<io::Error>,
}

/// Uploads the files. A file that fails never stops the others. An upload that `stop` ends reports what it did until
/// then.
///
/// # Errors
/// When the upload cannot begin.
pub async fn run(options: &UploadOptions, stop: &StopSignal, progress: &Progress) -> Result<UploadReport, UploadError> {
    let client = Client::new(&options.server, options.key.as_ref(), options.retry)?.with_cancellation(stop.token());
    let rows = options.captions.as_deref().map(captions::read_table).transpose()?;
    let Scan { files, unreadable, hidden, symlink_loops } = scan_roots(options).await?;
    let listed_captions = match_captions(options, rows.as_deref(), &files, progress);
    let contact = client.giving_up_after(FIRST_CONTACT).check_connection().await;
    contact.map_err(|failure| ConnectError::new(client.server(), failure))?;
    let opened = options.log.as_deref().map(|log| UploadLog::open(log, options.server.as_str())).transpose()?;
    let (log, previous) = opened.unzip();
    let previous = confirm(previous.unwrap_or_default(), &files, &client, stop, progress).await;

    let mut summary = Summary { hidden, symlink_loops, ..Summary::default() };
    for (path, reason) in &unreadable {
        summary.fail("file_unreadable", path, reason);
    }
    let (finished, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| is_finished(&previous, file, options.update_captions, &listed_captions));
    summary.finished_before = finished.len() as u64;

    let total = files.len() as u64;
    progress.begin(total);
    let begin = Instant::now();
    let (summary, finished) = (RefCell::new(summary), Cell::new(0));
    let (previous, log_lines) = (&previous, log.as_ref());
    let on_entry = &|_: &SourceFile, _: &Entry| {};
    let session =
        Session { options, client: &client, stop, progress, log: log_lines, previous, on_entry, summary, finished };
    upload_files(&session, files, listed_captions).await?;
    let Session { summary, finished, .. } = session;
    let mut summary = summary.into_inner();
    summary.not_tried = total - finished.get();
    summary.took = begin.elapsed();
    summary.repeated_requests = client.repeated_requests();
    progress.end();
    let log_error = match log {
        Some(log) => tokio::task::spawn_blocking(move || log.close()).await?.err(),
        None => None,
    };
    Ok(UploadReport { summary, stopped: stop.reason().cloned(), log_error })
}

/// Lists the files below the folders and files to upload.
pub(super) async fn scan_roots(options: &UploadOptions) -> Result<Scan, UploadError> {
    let exclude = options.log.iter().chain(&options.captions).cloned().collect();
    let (roots, scan_options) = (options.roots.clone(), ScanOptions { hidden: options.hidden, exclude });
    let scanned = tokio::task::spawn_blocking(move || scan(&roots, &scan_options)).await?;
    scanned.map_err(|(path, cause)| UploadError::Root { path, cause })
}

/// Finds the file of each row of the table of captions. Returns the captions by the absolute path of their file.
fn match_captions(
    options: &UploadOptions,
    rows: Option<&[CaptionRow]>,
    files: &[SourceFile],
    progress: &Progress,
) -> HashMap<PathBuf, String> {
    let (Some(path), Some(rows)) = (&options.captions, rows) else { return HashMap::new() };
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { ".".into() } else { folder.to_owned() });
    let bases: Vec<_> = folder.iter().chain(&options.roots).filter_map(|base| base.canonicalize().ok()).collect();
    let (captions, warnings) = captions::match_rows(rows, &bases, files);
    for warning in warnings {
        progress.message(&format!("{}: {warning}", path.display()));
    }
    captions
}
