//! Writes an archive piece by piece, each of which is the bytes of one file.

use std::sync::Arc;
use std::vec;

use bytes::Bytes;
use time::{OffsetDateTime, PrimitiveDateTime};
use zip::result::ZipError;
use zip::write::{PreparedZipFile, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::names::Names;
use super::tail::Tail;
use crate::error::ApiError;
use mitsuke_store::{Content, Image, ImageId, Store, StoreError};

/// The name of the file that says which pictures an archive lacks.
const LEFT_OUT: &str = "left-out.txt";

/// The rights of a file that everybody may read and its owner may change.
const MODE: u32 = 0o644;

/// An archive of pictures that is being written. Pictures are stored as they are, because their formats compress
/// already. Each is read when its piece is asked for, so that one is in memory at a time.
pub struct ArchiveWriter {
    store: Arc<dyn Store>,
    images: vec::IntoIter<Image>,
    names: Names,
    /// A line for each picture that the archive lacks.
    left_out: Vec<String>,
    /// The writer; `None` after the last piece.
    zip: Option<ZipWriter<Tail>>,
}

impl ArchiveWriter {
    /// Begins an archive of `images`, which says that those of `unknown` are missing.
    pub fn new(store: Arc<dyn Store>, images: Vec<Image>, unknown: &[ImageId]) -> Self {
        Self {
            store,
            images: images.into_iter(),
            names: Names::default(),
            left_out: unknown.iter().map(|id| format!("image {id}: there is no such image")).collect(),
            zip: Some(ZipWriter::new(Tail::default())),
        }
    }

    /// Returns the next piece and the rest of the work; `None` at the end. Blocks.
    ///
    /// # Errors
    /// When the store does not answer. The archive cannot be finished then.
    pub fn next(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let Some(mut zip) = self.zip.take() else { return Ok(None) };
        for image in self.images.by_ref() {
            let place = || format!("{} (image {})", image.file_name, image.image_id);
            match self.store.content(image.image_id) {
                Ok(Some(Content { bytes, .. })) => {
                    let name = self.names.of(&image.file_name);
                    let piece = add(&mut zip, &name, date(&image), bytes)?;
                    self.zip = Some(zip);
                    return Ok(Some((piece, self)));
                }
                Ok(None) => self.left_out.push(format!("{}: it has been deleted", place())),
                Err(StoreError::ImageDamaged(_)) => {
                    self.left_out.push(format!("{}: its stored bytes are damaged", place()));
                }
                Err(StoreError::OriginalMissing(_)) => {
                    self.left_out.push(format!("{}: its file is missing or has changed where it lay", place()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut last = Vec::new();
        if !self.left_out.is_empty() {
            let text = format!("These pictures are not in this archive:\n\n{}\n", self.left_out.join("\n"));
            let now = OffsetDateTime::now_utc();
            let now = zip_date(PrimitiveDateTime::new(now.date(), now.time()));
            last.extend(add(&mut zip, &self.names.of(LEFT_OUT), now, text.into_bytes())?);
        }
        last.extend(zip.finish().map_err(failed)?.take());
        Ok(Some((last.into(), self)))
    }
}

/// Adds a file, and returns the bytes that the archive grows by. The head of the file states its size and its CRC, because
/// programs that read an archive while it arrives need them there.
fn add(zip: &mut ZipWriter<Tail>, name: &str, date: DateTime, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let options = options.last_modified_time(date).unix_permissions(MODE);
    let file = PreparedZipFile::from_data(name, options, &bytes).map_err(failed)?;
    // Two copies of a picture are in memory at a time.
    drop(bytes);
    zip.add_prepared_file(file).map_err(failed)?;
    let tail = zip.get_ref().ok_or_else(|| ApiError::internal(&"the archive is closed"))?;
    Ok(tail.take().into())
}

fn failed(error: ZipError) -> ApiError {
    ApiError::internal(&error)
}

/// Returns the time of a picture: that at which it was taken, or else that of its upload by UTC.
fn date(image: &Image) -> DateTime {
    let uploaded = PrimitiveDateTime::new(image.upload_date.date(), image.upload_date.time());
    zip_date(image.taken.map_or(uploaded, |taken| taken.local))
}

/// Returns a time as archives state it. A year that they cannot state becomes the first that they can.
fn zip_date(at: PrimitiveDateTime) -> DateTime {
    let year = u16::try_from(at.year()).unwrap_or_default();
    DateTime::from_date_and_time(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second())
        .unwrap_or_default()
}
