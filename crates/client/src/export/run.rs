//! The export from its first question to its report.

use std::path::PathBuf;

use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::document::{Document, Embedding, Line, ProblemBody};
use super::error::ExportError;
use super::facts::{Image, Models};
use super::files::{Fetched, Files, PICTURES};
use super::names::Names;
use crate::client::Client;
use crate::download::Original;
use crate::failure::{ConnectError, Failure, FailureKind};
use crate::pages::{Query, filter_parameters};
use crate::upload::Progress;

/// The choice of what is exported.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The folder to export into.
    pub folder: PathBuf,
    /// The query line that chooses the images.
    pub query: Option<String>,
    /// The fields of the filter that chooses the images.
    pub filter: Map<String, Value>,
    /// Whether the originals are exported too.
    pub pictures: bool,
    /// Whether the embeddings are exported too.
    pub embeddings: bool,
    /// The number of downloads at once.
    pub jobs: usize,
}

/// The result of an export.
#[derive(Debug, Default)]
pub struct ExportReport {
    /// The number of images.
    pub images: u64,
    /// The number of files that were there already, with the right bytes.
    pub kept: u64,
    /// The number of files that were fetched.
    pub fetched: u64,
    /// The number of bytes of these files.
    pub bytes: u64,
    /// The number of images that have been deleted from the server meanwhile.
    pub deleted: u64,
    /// The originals that are not to be had.
    pub problems: Vec<Problem>,
    /// The JSON Lines file.
    pub document: PathBuf,
}

/// An original that is not to be had.
#[derive(Debug)]
pub struct Problem {
    /// The image.
    pub image_id: i64,
    /// The name that its file would have.
    pub name: String,
    /// The reason.
    pub failure: Failure,
}

/// An image with what became of its file.
struct Exported {
    image: Image,
    name: String,
    fetched: Option<Fetched>,
}

/// Exports. An image whose original is damaged on the server does not stop the others.
///
/// # Errors
/// When the export cannot begin or go on; the same call continues from there.
pub async fn export(
    client: &Client,
    options: &ExportOptions,
    progress: &Progress,
) -> Result<ExportReport, ExportError> {
    // The oldest images come first, so that those which are uploaded meanwhile follow at the end.
    let order = [("sort", "uploaded"), ("order", "asc")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut parameters = filter_parameters(&options.filter);
    parameters.extend(order);
    let query = match options.query.clone() {
        Some(line) => {
            parameters.push(("q".to_owned(), line));
            Query::Layout(parameters)
        }
        None => Query::List(parameters),
    };
    let mut pages = client.pages(query, None);
    let mut page = pages.next().await.map_err(|failure| first(client, failure))?;
    let models = if options.embeddings { Models::with_embeddings(client).await? } else { Models::default() };

    let files = Files::open(&options.folder)?;
    let mut document = Document::begin(&options.folder)?;
    let total = page.as_ref().and_then(|page| page.total);
    let exact = total.filter(|total| total.exact).map(|total| total.count);
    let now = OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    document.add(&Line::first(now, exact, options.query.as_deref(), &options.filter, &models.described))?;

    progress.begin(total.map_or(0, |total| total.count));
    let (mut report, mut names) = (ExportReport::default(), Names::default());
    while let Some(listed) = page {
        let mut images = Vec::with_capacity(listed.images.len());
        for image in listed.images {
            match Image::read(client, image).await? {
                Some(image) => images.push(image),
                None => report.deleted += 1,
            }
        }
        let ids: Vec<_> = images.iter().map(|image| image.known.image_id).collect();
        let mut embeddings = models.embeddings(client, &ids).await?;
        let named = images.into_iter().map(|image| {
            let known = &image.known;
            let name = names.name(known.image_id, known.source_path.as_deref(), &known.file_name);
            (image, format!("{PICTURES}/{name}"))
        });
        let named: Vec<_> = named.collect();
        let mut exported = futures_util::stream::iter(named)
            .map(|(image, name)| fetch(client, &files, options.pictures, image, name))
            .buffered(options.jobs);
        while let Some(exported) = exported.next().await {
            let exported = exported?;
            let embeddings = embeddings.remove(&exported.image.known.image_id).unwrap_or_default();
            report.add(exported, embeddings, &mut document, progress)?;
        }
        drop(exported);
        page = pages.next().await?;
    }
    document.add(&Line::End { images: report.images, left_out: report.problems.len() as u64 })?;
    report.document = document.finish()?;
    files.close();
    progress.end();
    Ok(report)
}

/// Explains the failure of the first request.
fn first(client: &Client, failure: Failure) -> ExportError {
    match failure.kind {
        FailureKind::Unauthorized | FailureKind::Unreachable => ConnectError::new(client.server(), failure).into(),
        _ => failure.into(),
    }
}

async fn fetch(
    client: &Client,
    files: &Files,
    pictures: bool,
    image: Image,
    name: String,
) -> Result<Exported, ExportError> {
    let known = &image.known;
    let original = Original { image_id: known.image_id, sha256: &known.sha256, bytes: known.bytes };
    let fetched = if pictures { Some(files.fetch(client, original, &name).await?) } else { None };
    Ok(Exported { image, name, fetched })
}

impl ExportReport {
    /// Counts an image and adds its line.
    fn add(
        &mut self,
        exported: Exported,
        embeddings: Vec<Embedding>,
        document: &mut Document,
        progress: &Progress,
    ) -> Result<(), ExportError> {
        let Exported { image: Image { facts, known }, name, fetched } = exported;
        let (mut file, mut problem) = (None, None);
        match fetched {
            Some(Fetched::Deleted) => {
                self.deleted += 1;
                return Ok(());
            }
            Some(Fetched::Missing(failure)) => {
                progress.message(&format!("left out: {name} (#{}): {failure}", known.image_id));
                problem = Some(ProblemBody::from(&failure));
                self.problems.push(Problem { image_id: known.image_id, name, failure });
            }
            Some(Fetched::Kept) => {
                self.kept += 1;
                file = Some(name);
            }
            Some(Fetched::New) => {
                self.fetched += 1;
                self.bytes += known.bytes;
                file = Some(name);
            }
            None => {}
        }
        self.images += 1;
        progress.step();
        document.add(&Line::Image { file, problem, facts, embeddings })
    }
}
