//! The import from its first picture to its report.
//!
//! Pictures pass four stages, which work at the same time: they get a hash (an export states it), those that the store has
//! are dropped, the others are read and embedded, and batches of them are written.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::{Stream, StreamExt as _, stream};
use mitsuke_client::upload::Progress;
use mitsuke_client::upload::prepare::{Picture, Prepared as Looked, prepare};
use mitsuke_client::upload::scan::SourceFile;
use mitsuke_client::upload::upload_log::{Entry, Status, caption_fingerprint};
use mitsuke_engine::blocking;
use mitsuke_engine::intake::Prepared;
use mitsuke_image::OtherContent;
use mitsuke_store::{ImageId, Inserted, MAX_HASHES, Model, NewImage, Sha256, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::error::ImportError;
use super::files;
use super::journal::Journal;
use super::lines::{ExportedModel, ImageLine};
use super::models::{self, Proof};
use super::prepare::{NotPrepared, Reader};
use super::report::{LeftOut, Report};
use super::source::{Item, Source};

/// The number of pictures that are looked up at once.
const CHUNK: usize = 250;

/// The largest number of bytes of the originals of a batch; the last one may go beyond it.
const BATCH_BYTES: usize = 64 << 20;

/// The memory for originals that are read and not yet stored, in [`UNIT`] bytes. Batches take less than half of it.
const MEMORY_UNITS: usize = (384 << 20) / UNIT;
const UNIT: usize = 1 << 10;

/// The choices of a run.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The number of pictures that are read at once.
    pub workers: usize,
    /// The number of pictures that are prepared at once.
    pub in_flight: usize,
    /// The largest number of pictures of a batch.
    pub batch: usize,
    /// Whether nothing is stored.
    pub dry_run: bool,
}

/// An import into a store.
pub struct Importer<'a> {
    store: Arc<dyn Store>,
    reader: Reader,
    options: ImportOptions,
    exported: Vec<ExportedModel>,
    models: Vec<Option<Model>>,
    /// The folder of the export; empty for a plain folder.
    folder: PathBuf,
    damaged: BTreeSet<ImageId>,
    journal: Journal,
    progress: &'a Progress,
    stop: &'a AtomicBool,
    memory: Arc<Semaphore>,
    report: RefCell<Report>,
}

/// A picture on its way, or the outcome of one that needs no further step.
#[expect(
    clippy::large_enum_variant,
    reason = "a step is taken apart at once, and most pictures go through all of them"
)]
enum Step<T> {
    Go(T),
    Settled(Mark, Outcome),
}

type Stepped<T> = Result<Step<T>, ImportError>;

/// A picture as the report and the log name it.
#[derive(Debug, Clone, Default)]
struct Mark {
    name: String,
    /// The file of a plain folder, its hash, and the fingerprint of its caption.
    file: Option<(SourceFile, Option<String>, Option<String>)>,
}

/// The outcome for a picture.
enum Outcome {
    Created {
        image_id: ImageId,
        bytes: u64,
        needs_backfill: bool,
    },
    Known(Option<ImageId>),
    Repaired,
    Finished,
    NoPicture(OtherContent),
    WouldImport,
    LeftOut(LeftOut),
    CutOff,
    /// The import has been stopped before.
    NotTried,
}

/// A picture whose hash is known.
struct Candidate {
    what: What,
    sha256: Sha256,
    mark: Mark,
    /// The image with this hash, when its original is damaged.
    damaged: Option<ImageId>,
}

enum What {
    File(Box<Picture>),
    Line(Box<ImageLine>),
}

/// A picture that is ready to be stored.
struct Ready {
    prepared: Prepared,
    mark: Mark,
    _memory: OwnedSemaphorePermit,
}

impl<'a> Importer<'a> {
    /// Gets ready to import: proves the embeddings of an export if `proof` is given, and makes the rows of its models.
    /// `reader` makes the reader of pictures once the models have rows.
    ///
    /// # Errors
    /// See [`ImportError`]. Nothing is stored then but rows of models.
    pub async fn prepare(
        store: Arc<dyn Store>,
        source: &Source,
        mut journal: Journal,
        proof: Option<&Proof>,
        reader: impl FnOnce() -> Result<Reader, ImportError> + Send + 'static,
        options: ImportOptions,
        (progress, stop): (&'a Progress, &'a AtomicBool),
    ) -> Result<Self, ImportError> {
        let (mut exported, mut folder, mut used) = (Vec::new(), PathBuf::new(), Vec::new());
        match source {
            Source::Export(export) => {
                exported.clone_from(&export.header.models);
                folder.clone_from(&export.folder);
                used = match proof {
                    Some(proof) => proof.check(export).await?,
                    None => vec![true; exported.len()],
                };
            }
            Source::Plain(plain) => journal.forget_missing(&plain.files, store.as_ref())?,
        }
        let (rows, wanted) = (exported.clone(), Arc::clone(&store));
        let dry_run = options.dry_run;
        let (models, reader, damaged) = blocking::run(move || {
            let models =
                if dry_run { vec![None; rows.len()] } else { models::register(wanted.as_ref(), &rows, &used)? };
            let mut reader = reader()?;
            for model in wanted.models()? {
                if model.is_current {
                    reader.current = Some(model.model_id);
                }
                if model.is_current || model.maintained {
                    reader.wanted.push(model.model_id);
                }
            }
            Ok::<_, ImportError>((models, reader, damaged(wanted.as_ref())?))
        })
        .await??;
        Ok(Self {
            store,
            reader,
            options,
            exported,
            models,
            folder,
            damaged,
            journal,
            progress,
            stop,
            memory: Arc::new(Semaphore::new(MEMORY_UNITS)),
            report: RefCell::default(),
        })
    }

    /// Imports everything, and returns the counts. A picture that cannot be imported never stops the others.
    ///
    /// # Errors
    /// The errors that the next picture would meet too. What is stored by then stays.
    pub async fn run(self, mut source: Source) -> Result<Report, ImportError> {
        let begin = Instant::now();
        self.progress.begin(source.total()?);
        if let Source::Plain(plain) = &mut source {
            for (path, reason) in std::mem::take(&mut plain.unreadable) {
                let reason = LeftOut::new("file_unreadable", &reason);
                self.report.borrow_mut().leave_out(&path.display().to_string(), reason);
            }
        }
        let (batches, mut queue) = mpsc::channel::<Vec<Ready>>(1);
        let gather = self.gather(source, batches);
        let write = async {
            while let Some(batch) = queue.recv().await {
                self.write(batch).await?;
            }
            Ok(())
        };
        tokio::try_join!(gather, write)?;
        let Self { report, journal, stop, .. } = self;
        journal.close()?;
        let mut report = report.into_inner();
        report.is_stopped = stop.load(Ordering::Acquire);
        report.took = begin.elapsed();
        Ok(report)
    }

    /// Passes pictures through all stages, and gathers batches.
    async fn gather(&self, source: Source, batches: mpsc::Sender<Vec<Ready>>) -> Result<(), ImportError> {
        let steps = self
            .items(source)
            .map(|item| self.identify(item))
            .buffered(2 * self.options.workers)
            .chunks(CHUNK)
            .then(|chunk| self.look_up(chunk))
            .flat_map(stream::iter)
            .map(|step| self.prepare_step(step))
            .buffered(self.options.in_flight);
        let mut steps = std::pin::pin!(steps);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(step) = steps.next().await {
            match step? {
                Step::Settled(mark, outcome) => self.settle(mark, outcome),
                Step::Go(ready) => {
                    bytes += ready.prepared.bytes.len();
                    batch.push(ready);
                    if batch.len() >= self.options.batch || bytes >= BATCH_BYTES {
                        bytes = 0;
                        // Sending fails only after an error of writing, which ends the import.
                        _ = batches.send(std::mem::take(&mut batch)).await;
                    }
                }
            }
        }
        if !batch.is_empty() {
            _ = batches.send(batch).await;
        }
        Ok(())
    }

    /// Lists what the source has, until the import is stopped.
    fn items(&self, source: Source) -> impl Stream<Item = Result<Item, ImportError>> {
        let chunks = stream::unfold(Some(source), move |source| async move {
            let mut source = source?;
            if self.is_stopped() {
                return None;
            }
            let taken = blocking::run(move || {
                let items = source.take(CHUNK);
                (items, source)
            });
            match taken.await {
                Ok((Ok(items), _)) if items.is_empty() => None,
                Ok((Ok(items), source)) => Some((items.into_iter().map(Ok).collect::<Vec<_>>(), Some(source))),
                Ok((Err(error), _)) => Some((vec![Err(error)], None)),
                Err(error) => Some((vec![Err(error.into())], None)),
            }
        });
        chunks.flat_map(stream::iter)
    }

    /// Returns whether no further picture is begun.
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Finds the hash of a picture.
    async fn identify(&self, item: Result<Item, ImportError>) -> Stepped<Candidate> {
        let item = item?;
        if self.is_stopped() {
            return Ok(Step::Settled(Mark::default(), Outcome::NotTried));
        }
        Ok(match item {
            Item::CutOff => Step::Settled(Mark::default(), Outcome::CutOff),
            Item::BrokenLine(number, reason) => {
                let mark = Mark { name: format!("line {number}"), file: None };
                Step::Settled(mark, Outcome::LeftOut(LeftOut::new("line_unreadable", &reason)))
            }
            Item::Line(line) => self.identify_line(line),
            Item::File(file) => self.identify_file(file).await?,
        })
    }

    fn identify_line(&self, line: Box<ImageLine>) -> Step<Candidate> {
        let mark = Mark { name: line.name().to_owned(), file: None };
        let reason = match (&line.file, &line.problem) {
            (None, Some(problem)) => LeftOut::new("no_original", &problem.detail),
            (None, None) => LeftOut::new("no_original", "it was exported without its original (--no-pictures)"),
            (Some(_), _) => match Sha256::parse(&line.sha256) {
                Some(sha256) => return Step::Go(Candidate { what: What::Line(line), sha256, mark, damaged: None }),
                None => LeftOut::new("line_unreadable", "its line has no SHA-256"),
            },
        };
        Step::Settled(mark, Outcome::LeftOut(reason))
    }

    async fn identify_file(&self, file: SourceFile) -> Stepped<Candidate> {
        let name = file.path.display().to_string();
        if self.journal.is_finished(&file) {
            return Ok(Step::Settled(Mark { name, file: None }, Outcome::Finished));
        }
        Ok(match blocking::run(move || prepare(file, None)).await? {
            Looked::NotPicture { file, found } => {
                Step::Settled(Mark { name, file: Some((file, None, None)) }, Outcome::NoPicture(found))
            }
            Looked::Failed { file, code, detail } => {
                let mark = Mark { name, file: Some((file, None, None)) };
                Step::Settled(mark, Outcome::LeftOut(LeftOut::new(code, &detail)))
            }
            Looked::Picture(picture) => {
                if let Some(reason) = &picture.unusable_caption {
                    self.progress.message(&format!("{name}: its caption is left out: {reason}"));
                }
                let fingerprint = picture.caption.as_deref().map(caption_fingerprint);
                let hash = picture.sha256.clone();
                let mark = Mark { name, file: Some((picture.file.clone(), Some(hash.clone()), fingerprint)) };
                match Sha256::parse(&hash) {
                    Some(sha256) => {
                        Step::Go(Candidate { what: What::File(Box::new(picture)), sha256, mark, damaged: None })
                    }
                    None => Step::Settled(mark, Outcome::LeftOut(LeftOut::new("file_unreadable", "it has no hash"))),
                }
            }
        })
    }

    /// Settles the pictures that the store has.
    async fn look_up(&self, chunk: Vec<Stepped<Candidate>>) -> Vec<Stepped<Candidate>> {
        let hash = |step: &Stepped<Candidate>| match step {
            Ok(Step::Go(candidate)) => Some(candidate.sha256),
            _ => None,
        };
        let (store, hashes) = (Arc::clone(&self.store), chunk.iter().filter_map(hash).collect::<Vec<_>>());
        if hashes.is_empty() {
            return chunk;
        }
        let found = blocking::run(move || {
            let mut found = HashMap::new();
            for part in hashes.chunks(MAX_HASHES) {
                found.extend(store.images_by_sha256(part)?);
            }
            Ok::<_, StoreError>(found)
        });
        let found: HashMap<Sha256, ImageId> = match found.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return vec![Err(error.into())],
            Err(error) => return vec![Err(error.into())],
        };
        let settled = |step: Step<Candidate>| match step {
            Step::Go(candidate) => match found.get(&candidate.sha256) {
                Some(image_id) if self.damaged.contains(image_id) => {
                    Step::Go(Candidate { damaged: Some(*image_id), ..candidate })
                }
                Some(image_id) => Step::Settled(candidate.mark, Outcome::Known(Some(*image_id))),
                None => Step::Go(candidate),
            },
            settled => settled,
        };
        chunk.into_iter().map(|step| step.map(settled)).collect()
    }

    /// Reads and embeds a picture.
    async fn prepare_step(&self, step: Stepped<Candidate>) -> Stepped<Ready> {
        let candidate = match step? {
            Step::Go(candidate) => candidate,
            Step::Settled(mark, outcome) => return Ok(Step::Settled(mark, outcome)),
        };
        let Candidate { what, sha256, mark, damaged } = candidate;
        if self.is_stopped() {
            return Ok(Step::Settled(mark, Outcome::NotTried));
        }
        if self.options.dry_run {
            return Ok(Step::Settled(mark, self.would_import(&what)));
        }
        let size = match &what {
            What::File(picture) => picture.file.bytes,
            What::Line(line) => line.bytes,
        };
        // The first pause of a picture is here, so that pictures get memory in their order.
        let units = usize::try_from(size).unwrap_or(usize::MAX).min(BATCH_BYTES) / UNIT + 1;
        let memory = Arc::clone(&self.memory).acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await;
        let memory = memory.map_err(|_| blocking::Unfinished)?;
        let prepared = match (damaged, what) {
            (Some(image_id), what) => return self.repair(image_id, &what, sha256, mark).await,
            (None, What::File(picture)) => self.reader.file(&picture, sha256).await,
            (None, What::Line(line)) => {
                self.reader.line(&self.folder, line, sha256, &self.exported, &self.models).await
            }
        };
        match prepared {
            Ok(prepared) => Ok(Step::Go(Ready { prepared, mark, _memory: memory })),
            Err(NotPrepared::LeftOut(reason)) => Ok(Step::Settled(mark, Outcome::LeftOut(reason))),
            Err(NotPrepared::Fatal(error)) => Err(error),
        }
    }

    /// Returns what would become of a picture, as far as that is known without reading it.
    fn would_import(&self, what: &What) -> Outcome {
        match what {
            What::File(_) => Outcome::WouldImport,
            What::Line(line) => {
                let located = files::locate(&self.folder, line.file.as_deref().unwrap_or_default());
                match located.map(|path| path.metadata().is_ok_and(|metadata| metadata.len() == line.bytes)) {
                    Ok(true) => Outcome::WouldImport,
                    Ok(false) => Outcome::LeftOut(LeftOut::new("bytes_differ", "it is not the file that was exported")),
                    Err(reason) => Outcome::LeftOut(reason),
                }
            }
        }
    }

    /// Writes the original of a known image anew that is damaged in the store.
    async fn repair(&self, image_id: ImageId, what: &What, sha256: Sha256, mark: Mark) -> Stepped<Ready> {
        let read = match what {
            What::File(picture) => self.reader.read(&picture.file.path, sha256).await,
            What::Line(line) => match files::locate(&self.folder, line.file.as_deref().unwrap_or_default()) {
                Ok(path) => self.reader.read(&path, sha256).await,
                Err(reason) => Err(reason.into()),
            },
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(NotPrepared::LeftOut(reason)) => return Ok(Step::Settled(mark, Outcome::LeftOut(reason))),
            Err(NotPrepared::Fatal(error)) => return Err(error),
        };
        let store = Arc::clone(&self.store);
        let repaired = blocking::run(move || store.repair_content(image_id, &bytes)).await??;
        Ok(Step::Settled(mark, if repaired { Outcome::Repaired } else { Outcome::Known(Some(image_id)) }))
    }

    /// Stores a batch.
    async fn write(&self, batch: Vec<Ready>) -> Result<(), ImportError> {
        let store = Arc::clone(&self.store);
        let outcomes = blocking::run(move || write_batch(store.as_ref(), batch)).await??;
        for (mark, outcome) in outcomes {
            self.settle(mark, outcome);
        }
        Ok(())
    }

    /// Counts an outcome, and writes it into the log.
    fn settle(&self, mark: Mark, outcome: Outcome) {
        let mut report = self.report.borrow_mut();
        let mut entry = mark.file.map(|(file, sha256, caption)| Entry {
            path: file.log_path().into_owned(),
            sha256,
            status: Status::Known,
            image_id: None,
            code: None,
            detail: None,
            bytes: file.bytes,
            modified_ns: file.modified_ns,
            caption,
            server: String::new(),
        });
        match outcome {
            Outcome::Created { image_id, bytes, needs_backfill } => {
                report.created += 1;
                report.bytes += bytes;
                report.to_embed += u64::from(needs_backfill);
                if let Some(entry) = &mut entry {
                    (entry.status, entry.image_id) = (Status::Created, Some(image_id));
                }
            }
            Outcome::Known(image_id) => {
                report.known += 1;
                if let Some(entry) = &mut entry {
                    entry.image_id = image_id;
                }
            }
            Outcome::Repaired => report.repaired += 1,
            Outcome::Finished => report.finished_before += 1,
            Outcome::NoPicture(found) => {
                *report.not_pictures.entry(found).or_default() += 1;
                if let Some(entry) = &mut entry {
                    (entry.status, entry.code) = (Status::Skipped, Some(found.code().to_owned()));
                }
            }
            Outcome::WouldImport => {
                report.to_import += 1;
                entry = None;
            }
            Outcome::LeftOut(reason) => {
                if let Some(entry) = &mut entry {
                    entry.status = Status::Failed;
                    (entry.code, entry.detail) = (Some(reason.code.to_owned()), Some(reason.detail.clone()));
                }
                report.leave_out(&mark.name, reason);
            }
            Outcome::CutOff => {
                report.is_cut_off = true;
                return;
            }
            Outcome::NotTried => return,
        }
        if let Some(entry) = entry.filter(|_| !self.options.dry_run) {
            self.journal.add(entry);
        }
        self.progress.step();
    }
}

/// Returns the images whose original is damaged.
fn damaged(store: &dyn Store) -> Result<BTreeSet<ImageId>, StoreError> {
    const PAGE: usize = 1_000;
    let mut found = BTreeSet::new();
    loop {
        let page = store.damaged_images(found.last().copied(), PAGE)?;
        let is_last = page.len() < PAGE;
        found.extend(page.into_iter().map(|damaged| damaged.image_id));
        if is_last {
            return Ok(found);
        }
    }
}

/// Stores a batch, and returns the outcome for each picture.
///
/// # Errors
/// The errors that the next batch would meet too.
fn write_batch(store: &dyn Store, batch: Vec<Ready>) -> Result<Vec<(Mark, Outcome)>, StoreError> {
    let images: Vec<NewImage<'_>> = batch.iter().map(|ready| ready.prepared.as_new()).collect();
    let answers = store.insert_images(&images)?;
    drop(images);
    let mut outcomes = Vec::with_capacity(batch.len());
    for (Ready { prepared, mark, .. }, answer) in batch.into_iter().zip(answers) {
        let outcome = match answer {
            Ok(Inserted::Created(image_id)) => {
                prepared.record_failures(store, image_id);
                let bytes = prepared.bytes.len() as u64;
                Outcome::Created { image_id, bytes, needs_backfill: prepared.needs_backfill }
            }
            Ok(Inserted::Known(image_id)) => Outcome::Known(Some(image_id)),
            Err(error) if ends_the_import(&error) => return Err(error),
            Err(error) => Outcome::LeftOut(LeftOut::new("not_stored", &error.to_string())),
        };
        outcomes.push((mark, outcome));
    }
    Ok(outcomes)
}

/// Returns whether the next picture would meet this error too.
fn ends_the_import(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Busy(_)
            | StoreError::Unreachable(_)
            | StoreError::DiskFull(_)
            | StoreError::Misconfigured(_)
            | StoreError::Unavailable(_)
            | StoreError::Locked(_)
            | StoreError::NewerSchema { .. }
    )
}
