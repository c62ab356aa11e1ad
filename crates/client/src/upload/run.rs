//! The whole upload: three stages that work at the same time, hash → ask → send.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::Url;
use tokio::sync::{mpsc, watch};

use super::captions::{self, CaptionError};
use super::client::{Client, Failure, Kind, Patience, Stored};
use super::journal::{Entry, Journal, JournalError, Past, Status, caption_mark};
use super::lookup::{self, Asked, MOST_HASHES};
use super::prepare::{Picture, Prepared, prepare};
use super::progress::Progress;
use super::scan::{Found, Scan, ScanOptions, scan};
use super::summary::Summary;
use secrecy::SecretString;

/// Pictures that may wait between two stages: what is known of them, not their bytes.
const WAITING: usize = 500;
/// How long a server that does not answer at all is waited for at the start.
const FIRST_CONTACT: Duration = Duration::from_secs(5);

/// What to upload, where to and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders and files.
    pub roots: Vec<PathBuf>,
    /// The server.
    pub server: Url,
    /// Its key, if it wants one.
    pub key: Option<SecretString>,
    /// Uploads at once.
    pub jobs: usize,
    /// A table of captions.
    pub captions: Option<PathBuf>,
    /// Sets captions on images that the server knows already.
    pub update_captions: bool,
    /// The log; none when `None`.
    pub log: Option<PathBuf>,
    /// Takes hidden files too.
    pub hidden: bool,
    /// How patient to be.
    pub patience: Patience,
}

/// Why a run ends before all files were tried.
#[derive(Debug, Clone)]
pub enum StopReason {
    /// The user said so.
    Interrupted,
    /// The server is gone.
    Unreachable(String),
    /// The server does not take the key any more.
    Unauthorized(String),
    /// The server has no room left.
    Full(String),
}

/// Says to all parts of a run that it ends. The first reason counts.
#[derive(Debug)]
pub struct Stop(watch::Sender<Option<StopReason>>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stop {
    /// Takes no new files from now on, and waits for no next try.
    pub fn set(&self, reason: StopReason) {
        self.0.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(reason);
            }
            first
        });
    }

    /// Why to stop, once that is said.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        self.0.borrow().clone()
    }

    /// Waits until that is said.
    pub async fn stopped(&self) {
        // The sender lives in self, so that waiting cannot fail.
        drop(self.0.subscribe().wait_for(Option::is_some).await);
    }
}

/// Why nothing was uploaded at all.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A folder or file of the command line is not there.
    #[error("{}: {cause}", path.display())]
    Root {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The captions cannot be used.
    #[error("the captions cannot be used: {0}")]
    Captions(#[from] CaptionError),
    /// The log cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No client can be made.
    #[error("{0}")]
    Client(String),
    /// The server does not let us in.
    #[error("the server at {0} wants an API key, or another one: set MITSUKE_API_KEY, or give --api-key")]
    Unauthorized(Url),
    /// The server does not answer as Mitsuke does.
    #[error("no Mitsuke can be reached at {server}: {detail} ({code}). Is it running there? See --server")]
    Unreachable {
        /// The server.
        server: Url,
        /// What happened.
        detail: String,
        /// Problem code.
        code: String,
    },
    /// Work broke off.
    #[error("a blocking step broke off; nothing that was stored is lost")]
    Unfinished(#[from] blocking::Unfinished),
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Counts and failures.
    pub summary: Summary,
    /// Why it ended early, if it did.
    pub stopped: Option<StopReason>,
    /// What kept the log from being written.
    pub log_error: Option<io::Error>,
}

/// Uploads. One bad file never stops the rest; what stops everything is in the report, as far as anything had
/// been done.
///
/// # Errors
/// When nothing could be begun.
pub async fn run(options: &Options, stop: &Stop, progress: &Progress) -> Result<Report, UploadError> {
    let client =
        Client::new(&options.server, options.key.as_ref(), options.patience, stop).map_err(UploadError::Client)?;
    let rows = options.captions.as_deref().map(captions::read_table).transpose()?;
    let Scan { files, unreadable, hidden, loops } = scan_roots(options).await?;
    let table = assign_captions(options, rows.as_deref(), &files, progress);
    client.probe(FIRST_CONTACT).await.map_err(|failure| unreachable_error(options, failure))?;
    let opened = options.log.as_deref().map(|log| Journal::open(log, options.server.as_str())).transpose()?;
    let (journal, past) = opened.unzip();
    let past = still_true(past.unwrap_or_default(), &files, &client, stop, progress).await;

    let mut summary = Summary { hidden, loops, ..Summary::default() };
    for (path, reason) in &unreadable {
        summary.fail("file_unreadable", path, reason);
    }
    let found = files.len() as u64;
    let files: Vec<_> = files.into_iter().filter(|file| !is_done(options, &past, file, &table)).collect();
    summary.done_before = found - files.len() as u64;

    progress.begin(files.len() as u64);
    let begin = Instant::now();
    let uploader = Uploader {
        options,
        client: &client,
        stop,
        progress,
        journal: journal.as_ref(),
        summary: RefCell::new(summary),
        handled: Cell::new(0),
    };
    let total = files.len() as u64;
    uploader.work(files, table).await?;
    let Uploader { summary, handled, .. } = uploader;
    let mut summary = summary.into_inner();
    summary.left = total - handled.get();
    summary.took = begin.elapsed();
    summary.retries = client.retries();
    progress.end();
    let log_error = match journal {
        Some(journal) => tokio::task::spawn_blocking(move || journal.close()).await?.err(),
        None => None,
    };
    Ok(Report { summary, stopped: stop.reason(), log_error })
}

async fn scan_roots(options: &Options) -> Result<Scan, UploadError> {
    let exclude = options.log.iter().chain(&options.captions).cloned().collect();
    let (roots, how) = (options.roots.clone(), ScanOptions { hidden: options.hidden, exclude });
    tokio::task::spawn_blocking(move || scan(&roots, &how)).await?.map_err(|(path, cause)| UploadError::Root { path, cause })
}

/// The captions of the table by the key of their file.
fn assign_captions(
    options: &Options,
    rows: Option<&[captions::Row]>,
    files: &[Found],
    progress: &Progress,
) -> HashMap<PathBuf, String> {
    let (Some(path), Some(rows)) = (&options.captions, rows) else { return HashMap::new() };
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { ".".into() } else { folder.to_owned() });
    let bases: Vec<_> = folder.iter().chain(&options.roots).filter_map(|base| base.canonicalize().ok()).collect();
    let (table, warnings) = captions::assign(rows, &bases, files);
    for warning in warnings {
        progress.say(&format!("{}: {warning}", path.display()));
    }
    table
}

fn unreachable_error(options: &Options, failure: Failure) -> UploadError {
    let Failure { kind, code, detail } = failure;
    match kind {
        Kind::Unauthorized => UploadError::Unauthorized(options.server.clone()),
        _ => UploadError::Unreachable { server: options.server.clone(), detail, code },
    }
}

/// A log tells what was done once. Images that were deleted since, or a store that is another one at the same
/// address, make it wrong: what the server does not have now counts as not done.
async fn still_true(mut past: Past, files: &[Found], client: &Client<'_>, stop: &Stop, progress: &Progress) -> Past {
    let hashes = past.hashes(files);
    let mut gone = HashSet::new();
    for some in hashes.chunks(MOST_HASHES) {
        if stop.reason().is_some() {
            break;
        }
        match client.known(some).await {
            Ok(Some(known)) => gone.extend(some.iter().filter(|hash| !known.contains_key(*hash)).cloned()),
            // An older server cannot tell; its log is believed.
            Ok(None) => return past,
            // Whether they are there is asked again before they are sent.
            Err(_) => gone.extend(some.iter().cloned()),
        }
    }
    if !gone.is_empty() {
        progress.say(&format!(
            "the server does not have {} of the {} pictures that the log says are done: their files are looked at again",
            gone.len(),
            hashes.len()
        ));
        past.forget(&gone);
    }
    past
}

fn is_done(options: &Options, past: &Past, file: &Found, table: &HashMap<PathBuf, String>) -> bool {
    let Some(entry) = past.done(file) else { return false };
    if !options.update_captions {
        return true;
    }
    let caption = table.get(&file.key).cloned().or_else(|| captions::beside(&file.path).ok().flatten());
    caption.is_none_or(|caption| entry.caption == Some(caption_mark(&caption)))
}

struct Uploader<'a> {
    options: &'a Options,
    client: &'a Client<'a>,
    stop: &'a Stop,
    progress: &'a Progress,
    journal: Option<&'a Journal>,
    summary: RefCell<Summary>,
    /// Files that are dealt with, one way or another.
    handled: Cell<u64>,
}

impl Uploader<'_> {
    async fn work(&self, files: Vec<Found>, table: HashMap<PathBuf, String>) -> Result<(), blocking::Unfinished> {
        let (prepared, to_ask) = mpsc::channel(WAITING);
        let (asked, to_send) = mpsc::channel(WAITING);
        let asked_all = lookup::ask(self.client, self.progress, to_ask, asked);
        let sent_all = futures_util::stream::unfold(to_send, |mut queue: mpsc::Receiver<Asked>| async {
            queue.recv().await.map(|asked| (asked, queue))
        })
        .for_each_concurrent(self.options.jobs, |asked| self.handle(asked));
        tokio::join!(self.prepare_all(files, table, prepared), asked_all, sent_all).0
    }

    /// Reads files ahead of the uploads, as many at once as there are cores.
    async fn prepare_all(
        &self,
        files: Vec<Found>,
        mut table: HashMap<PathBuf, String>,
        pictures: mpsc::Sender<Picture>,
    ) -> Result<(), blocking::Unfinished> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let mut looked = futures_util::stream::iter(files)
            .map(|file| {
                let listed = table.remove(&file.key);
                tokio::task::spawn_blocking(move || prepare(file, listed))
            })
            .buffered(cores);
        while self.stop.reason().is_none()
            && let Some(look) = looked.next().await
        {
            match look? {
                Prepared::Picture(picture) => {
                    tokio::select! {
                        sent = pictures.send(picture) => if sent.is_err() { break },
                        () = self.stop.stopped() => break,
                    }
                }
                Prepared::Other(found) => {
                    *self.summary.borrow_mut().others.entry(found).or_default() += 1;
                    self.done();
                }
                Prepared::Failed(file, code, detail) => {
                    self.write(&file, None, Status::Failed, |entry| {
                        (entry.code, entry.detail) = (Some(code.to_owned()), Some(detail.clone()));
                    });
                    self.fail(&file, code, &detail);
                }
            }
        }
        Ok(())
    }

    /// Brings one picture to the server, unless that is stopped.
    async fn handle(&self, (picture, known): Asked) {
        if self.stop.reason().is_some() {
            return;
        }
        match self.bring(&picture, known).await {
            Ok((status, image_id, caption_sent)) => {
                let mark = picture.caption.as_deref().filter(|_| caption_sent).map(caption_mark);
                self.write(&picture.file, Some(&picture.sha256), status, |entry| {
                    (entry.image_id, entry.caption) = (Some(image_id), mark);
                });
                self.done();
            }
            Err(failure) if failure.kind == Kind::Stopped => {}
            Err(failure) => self.failed(&picture, &failure).await,
        }
    }

    /// Sends a picture, or only its caption. What became of it, its image, and whether the image has its caption.
    async fn bring(&self, picture: &Picture, known: Option<i64>) -> Result<(Status, i64, bool), Failure> {
        if let Some(image_id) = known {
            match self.caption_of_known(picture, image_id, None).await {
                // Somebody has deleted it meanwhile.
                Err(failure) if failure.code == "image_not_found" => {}
                Err(failure) => return Err(failure),
                Ok(set) => {
                    self.summary.borrow_mut().known_unsent += 1;
                    return Ok((Status::Known, image_id, set));
                }
            }
        }
        let Stored { created, image_id, sha256, caption } = self.client.upload(picture).await?;
        if sha256 != picture.sha256 {
            let path = picture.file.path.display();
            self.progress.say(&format!("{path} was changed while it was read; image {image_id} has the newer bytes"));
        }
        let set = created || self.caption_of_known(picture, image_id, caption.as_deref()).await?;
        let mut summary = self.summary.borrow_mut();
        summary.bytes_sent += picture.file.bytes;
        if created {
            summary.created += 1;
            Ok((Status::Created, image_id, set))
        } else {
            summary.known_sent += 1;
            Ok((Status::Known, image_id, set))
        }
    }

    /// Sets the caption of an image that was known before, where that is asked for. Whether it has it now.
    async fn caption_of_known(&self, picture: &Picture, image_id: i64, has: Option<&str>) -> Result<bool, Failure> {
        let Some(caption) = picture.caption.as_deref() else { return Ok(false) };
        if has == Some(caption) {
            return Ok(true);
        }
        if !self.options.update_captions {
            self.summary.borrow_mut().captions_kept += 1;
            return Ok(false);
        }
        self.client.set_caption(image_id, caption).await?;
        self.summary.borrow_mut().captions_set += 1;
        Ok(true)
    }

    /// Notes a failure, and stops everything when it would be the same for every file.
    async fn failed(&self, picture: &Picture, failure: &Failure) {
        let Failure { kind, code, detail } = failure;
        self.write(&picture.file, Some(&picture.sha256), Status::Failed, |entry| {
            (entry.code, entry.detail) = (Some(code.clone()), Some(detail.clone()));
        });
        self.fail(&picture.file, code, detail);
        match kind {
            Kind::Unauthorized => self.stop.set(StopReason::Unauthorized(detail.clone())),
            Kind::Full => self.stop.set(StopReason::Full(detail.clone())),
            // Perhaps it is only this file that the server chokes on.
            Kind::Unreachable => {
                if let Err(failure) = self.client.probe(FIRST_CONTACT).await
                    && failure.kind != Kind::Stopped
                {
                    self.stop.set(StopReason::Unreachable(failure.detail));
                }
            }
            Kind::File | Kind::Stopped => {}
        }
    }

    fn fail(&self, file: &Found, code: &str, detail: &str) {
        self.progress.say(&format!("failed: {}: {detail} ({code})", file.path.display()));
        self.summary.borrow_mut().fail(code, &file.path, detail);
        self.done();
    }

    fn done(&self) {
        self.handled.set(self.handled.get() + 1);
        self.progress.step();
    }

    fn write(&self, file: &Found, sha256: Option<&str>, status: Status, fill: impl FnOnce(&mut Entry)) {
        let Some(journal) = self.journal else { return };
        let mut entry = Entry {
            path: file.key_text().into_owned(),
            sha256: sha256.map(str::to_owned),
            status,
            image_id: None,
            code: None,
            detail: None,
            bytes: file.bytes,
            modified_ns: file.modified_ns,
            caption: None,
            server: self.options.server.to_string(),
        };
        fill(&mut entry);
        journal.add(&entry);
    }
}
