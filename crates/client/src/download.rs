//! Downloads of originals, which go on where an interrupted one ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{Method, RequestBuilder, StatusCode};

use crate::client::{Attempt, Client, respond, without_answer};
use crate::failure::{Failure, FailureKind};

/// The code of a failure to write the file of a download.
pub const FILE_UNWRITABLE: &str = "file_unwritable";

/// The original of an image.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// The id of the image.
    pub image_id: i64,
    /// The SHA-256 of the bytes, hexadecimal.
    pub sha256: &'a str,
    /// The number of bytes.
    pub bytes: u64,
}

impl Client {
    /// Downloads an original into a file. What the file holds already counts as the beginning of the original; the
    /// caller compares the hash of the whole.
    ///
    /// # Errors
    /// When the original does not arrive whole. The code is [`FILE_UNWRITABLE`] when the file cannot be written.
    pub async fn download(&self, original: Original<'_>, path: &Path) -> Result<(), Failure> {
        let content = format!("images/{}/content", original.image_id);
        let request = || self.request(Method::GET, &content, original.bytes);
        self.repeat(async || receive(request(), original, path).await.unwrap_or_else(|attempt| attempt)).await
    }
}

/// Asks for the bytes that the file lacks, once.
async fn receive(request: RequestBuilder, original: Original<'_>, path: &Path) -> Result<Attempt<()>, Attempt<()>> {
    let unwritable = |error: io::Error| {
        let detail = format!("{}: {error}", path.display());
        Attempt::Done(Err(Failure::new(FailureKind::Rejected, FILE_UNWRITABLE, detail)))
    };
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(unwritable)?;
    let mut have = file.metadata().map_err(unwritable)?.len();
    if have > original.bytes {
        have = empty(&file).map_err(unwritable)?;
    }
    if have == original.bytes {
        return Ok(Attempt::Done(Ok(())));
    }
    // The server sends everything when the bytes are others than those of the beginning.
    let etag = format!("\"{}\"", original.sha256);
    let request =
        if have > 0 { request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, etag) } else { request };
    let mut response = respond(Ok(request)).await?;
    if response.status() != StatusCode::PARTIAL_CONTENT {
        have = empty(&file).map_err(unwritable)?;
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| without_answer(&error))? {
        have += chunk.len() as u64;
        if have > original.bytes {
            break;
        }
        file.write_all(&chunk).map_err(unwritable)?;
    }
    if have == original.bytes {
        return Ok(Attempt::Done(Ok(())));
    }
    empty(&file).map_err(unwritable)?;
    Err(Attempt::Done(Err(Failure::unexpected_answer("the picture that the server sends has another size"))))
}

/// Empties a file. Returns its length.
fn empty(file: &File) -> io::Result<u64> {
    file.set_len(0)?;
    Ok(0)
}
