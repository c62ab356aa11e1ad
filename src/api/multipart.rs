//! Reads multipart forms with pictures, within the limits.

mod disposition;
mod encoded_word;
pub mod file_name;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::guard::{Guard, fn_guard};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::SemaphorePermit;

use disposition::Disposition;

use crate::api::metered::Metered;
use crate::api::query::reason;
use crate::api::shares::{CallerPlace, Places};
use crate::api::{Caller, Services};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::budget::Share;
use mitsuke_store::{Hasher, Sha256};

/// Parts of one name that a form may have: far more than any request needs.
const MAX_LIST_PARTS: usize = 1_000;

/// Bytes that a body may have beyond those of its parts: boundaries, headers, and what precedes and follows them.
const ENVELOPE: usize = 256 << 10;

/// A `file` part. A file over its limit does not stop the others.
pub struct FilePart {
    /// The name that the caller gives the file.
    pub file_name: String,
    /// The bytes of the file, or the limit that they exceed.
    pub bytes: Result<Bytes, ApiError>,
    /// The hash of the bytes, computed while they arrived.
    pub sha256: Sha256,
}

/// The body of a request with a form, which [`read`] reads.
pub struct FormBody {
    multipart: Multipart,
    body: Metered,
    caller: Caller,
}

impl FromRequest for FormBody {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<Data<Services>>().map_or(usize::MAX, |services| services.limits.body_bytes);
        let body = Metered::new(request, payload, limit.saturating_add(ENVELOPE));
        ready(body.map(|body| Self {
            multipart: Multipart::new(&mixed(request.headers()), Metered::clone(&body)),
            body,
            caller: Caller::of(request),
        }))
    }
}

/// The place of a body. Dropping it frees the place.
pub struct Place<'s> {
    _slot: SemaphorePermit<'s>,
    _caller: Rc<RefCell<CallerPlace>>,
}

impl FormBody {
    /// Takes one of the places for bodies of this kind, and has the body count as one of its caller's.
    ///
    /// # Errors
    /// [`ErrorCode::QueueFull`] when there is none, or the caller has its share already.
    pub fn take_place<'s>(&self, services: &'s Services, kind: Places) -> Result<Place<'s>, ApiError> {
        let (slots, work) = match kind {
            Places::Uploads => (&services.upload_slots, "uploads"),
            Places::PictureSearches => (&services.search_slots, "searches by picture"),
        };
        let taken = slots.try_acquire().map_err(|_| ApiError::too_many(work)).and_then(|slot| {
            let caller = services.callers.enter(&self.caller, kind, services.limits.concurrent_uploads)?;
            let caller = Rc::new(RefCell::new(caller));
            self.body.belongs_to(Rc::clone(&caller));
            Ok(Place { _slot: slot, _caller: caller })
        });
        taken.map_err(|error| self.body.refuse(error))
    }

    /// Returns an error for the caller, and gives the body up.
    pub fn refuse(&self, error: impl Into<ApiError>) -> ApiError {
        self.body.refuse(error.into())
    }
}

/// Returns the Content-Type of a form as that of a mixed body. actix-multipart refuses a form with a name that is not
/// UTF-8; it leaves the headers of a mixed body to its caller.
fn mixed(headers: &HeaderMap) -> HeaderMap {
    let mut mixed = HeaderMap::with_capacity(1);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameters = content_type.split_once(';').map_or("", |(_, parameters)| parameters);
    if let Ok(value) = HeaderValue::try_from(format!("multipart/mixed;{parameters}")) {
        mixed.insert(header::CONTENT_TYPE, value);
    }
    mixed
}

/// A form, read to its end.
pub struct Form {
    /// The `file` parts in their order.
    pub files: Vec<FilePart>,
    /// The text parts.
    pub texts: BTreeMap<String, String>,
    /// The text parts that may occur several times.
    pub lists: BTreeMap<String, Vec<String>>,
}

impl Form {
    /// Keeps memory until the last of the files is dropped, wherever it is by then.
    fn hold(&mut self, share: Option<Share>) {
        let Some(share) = share.filter(|share| share.bytes() > 0).map(Arc::new) else { return };
        for bytes in self.files.iter_mut().filter_map(|file| file.bytes.as_mut().ok()) {
            *bytes = Bytes::from_owner(Held { bytes: std::mem::take(bytes), _share: Arc::clone(&share) });
        }
    }

    /// Takes a text part out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.texts.remove(name)
    }

    /// Takes a text part out and reads it as a JSON value. A blank part counts as missing.
    ///
    /// # Errors
    /// When the part is not such a value.
    pub fn take_json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.take(name).filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        // Serde would read an array as a struct, field by field, which no caller means.
        if text.trim_start().starts_with('[') {
            return Err(ApiError::invalid(name, format!("The part `{name}` may not be a JSON array.")));
        }
        serde_json::from_str(&text).map(Some).map_err(|error| {
            ApiError::invalid(name, format!("The part `{name}` is not usable: {}.", reason(&error.to_string())))
        })
    }

    /// Takes the parts of a list out and reads them as numbers. A part holds one number, or several separated by
    /// commas.
    ///
    /// # Errors
    /// When a part holds something else.
    pub fn take_list(&mut self, name: &str) -> Result<Vec<i64>, ApiError> {
        let parts = self.lists.remove(name).unwrap_or_default();
        let texts = parts.iter().flat_map(|part| part.split(',')).map(str::trim).filter(|text| !text.is_empty());
        texts
            .map(|text| {
                text.parse().map_err(|_| ApiError::invalid(name, format!("The part `{name}` must hold whole numbers.")))
            })
            .collect()
    }
}

/// Lets requests through whose body is a multipart form.
pub fn guard() -> impl Guard {
    fn_guard(|context| {
        let content_type = context.head().headers().get(header::CONTENT_TYPE);
        content_type.is_some_and(|value| {
            let essence = value.as_bytes().split(|&b| b == b';').next().unwrap_or_default();
            essence.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data")
        })
    })
}

/// Reads a whole form. `text_names` are the text parts that it may have; those of `list_names` may occur several times.
///
/// # Errors
/// When the body is broken, late or over a limit, or has a part that the endpoint does not know.
pub async fn read(
    FormBody { multipart, mut body, .. }: FormBody,
    limits: &Limits,
    text_names: &[&str],
    list_names: &[&str],
) -> Result<Form, ApiError> {
    let late = || {
        let detail =
            format!("The body did not arrive within {} s. Send fewer files at once.", limits.body_timeout.as_secs());
        ApiError::new(ErrorCode::RequestTimeout, detail)
    };
    let reader = Reader { limits, text_names, list_names, body: Metered::clone(&body), read: 0, kept: 0 };
    let reading = async {
        let form = reader.form(multipart).await;
        // An error of the body hides behind one of the form.
        let form = form.map_err(|error| body.failure().unwrap_or(error))?;
        body.read_epilogue().await?;
        Ok(form)
    };
    let form = tokio::time::timeout(limits.body_timeout, reading).await.unwrap_or_else(|_| Err(late()));
    match form {
        Ok(mut form) => {
            form.hold(body.into_share());
            Ok(form)
        }
        Err(error) => Err(body.refuse(error)),
    }
}

/// The bytes of a file with the memory that was taken for them.
struct Held {
    bytes: Bytes,
    _share: Arc<Share>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

struct Reader<'a> {
    limits: &'a Limits,
    text_names: &'a [&'a str],
    list_names: &'a [&'a str],
    body: Metered,
    /// Bytes of all parts so far.
    read: usize,
    /// Bytes of the parts that are kept.
    kept: usize,
}

impl Reader<'_> {
    async fn form(mut self, mut multipart: Multipart) -> Result<Form, ApiError> {
        let mut form = Form { files: Vec::new(), texts: BTreeMap::new(), lists: BTreeMap::new() };
        while let Some(field) = multipart.next().await {
            let mut field = field.map_err(|error| broken(&error))?;
            let Disposition { name, file_name } = disposition(&field)?;
            if name == "file" {
                if form.files.len() == self.limits.files {
                    return Err(self.too_many_files());
                }
                form.files.push(self.file(&mut field, file_name).await?);
            } else if self.list_names.contains(&name.as_str()) {
                let text = self.text(&mut field, &name).await?;
                let list = form.lists.entry(name.clone()).or_default();
                list.push(text);
                if list.len() > MAX_LIST_PARTS {
                    let detail = format!("The part `{name}` may occur {MAX_LIST_PARTS} times at most.");
                    return Err(ApiError::invalid(&name, detail));
                }
            } else if self.text_names.contains(&name.as_str()) {
                let text = self.text(&mut field, &name).await?;
                if form.texts.insert(name.clone(), text).is_some() {
                    return Err(ApiError::invalid(&name, format!("The part `{name}` occurs twice. Send it once.")));
                }
            } else {
                return Err(self.unknown_part(&name));
            }
        }
        Ok(form)
    }

    async fn file(&mut self, field: &mut Field, file_name: Option<String>) -> Result<FilePart, ApiError> {
        let (file_name, limit) = (file_name::clean(&file_name.unwrap_or_default()), self.limits.file_bytes);
        let too_large = || {
            let detail = format!("A file may have {limit} bytes at most.");
            ApiError::new(ErrorCode::FileTooLarge, detail).with("limit", limit)
        };
        let mut hasher = Hasher::default();
        let bytes = self.part(field, limit, |piece| hasher.update(piece)).await?.ok_or_else(too_large);
        Ok(FilePart { file_name, bytes, sha256: hasher.finish() })
    }

    fn too_many_files(&self) -> ApiError {
        let limit = self.limits.files;
        let detail = format!("One request may carry {limit} files. Send the rest in another request.");
        ApiError::new(ErrorCode::TooManyFiles, detail).with("limit", limit)
    }

    fn unknown_part(&self, name: &str) -> ApiError {
        let known = [self.list_names, self.text_names].concat().join(", ");
        ApiError::invalid(name, format!("This endpoint does not know the part `{name}`. It takes: file, {known}."))
    }

    async fn text(&mut self, field: &mut Field, name: &str) -> Result<String, ApiError> {
        let too_long = || {
            ApiError::new(
                ErrorCode::TextTooLong,
                format!("The part `{name}` may have {} characters at most.", self.limits.text_chars),
            )
            .with("field", name)
            .with("limit", self.limits.text_chars)
        };
        // A character of UTF-8 has four bytes at most.
        let bytes = self.part(field, self.limits.text_chars.saturating_mul(4), |_| ()).await?.ok_or_else(too_long)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| ApiError::invalid(name, format!("The part `{name}` is not UTF-8 text.")))?;
        if text.chars().count() > self.limits.text_chars {
            return Err(too_long());
        }
        if text.contains('\0') {
            return Err(ApiError::invalid(name, format!("`{name}` may not hold the character U+0000. Leave it out.")));
        }
        Ok(text.to_owned())
    }

    /// Reads the bytes of one part, and gives each piece to `arrived`. Returns `None` when the bytes are more than
    /// `limit`; the rest is then read and dropped.
    async fn part(
        &mut self,
        field: &mut Field,
        limit: usize,
        mut arrived: impl FnMut(&[u8]),
    ) -> Result<Option<Bytes>, ApiError> {
        // The pieces are put together once all are there, so that each byte is copied once.
        let mut pieces = Vec::new();
        let mut length = 0_usize;
        let mut over = false;
        while let Some(chunk) = field.next().await {
            let chunk = chunk.map_err(|error| broken(&error))?;
            self.read = self.read.saturating_add(chunk.len());
            if self.read > self.limits.body_bytes {
                return Err(ApiError::new(
                    ErrorCode::BodyTooLarge,
                    format!("A request may carry {} bytes at most. Send fewer files at once.", self.limits.body_bytes),
                )
                .with("limit", self.limits.body_bytes));
            }
            length = length.saturating_add(chunk.len());
            over |= length > limit;
            if over {
                pieces = Vec::new();
            } else {
                arrived(&chunk);
                pieces.push(chunk);
            }
        }
        if over {
            self.body.keep(self.kept);
            return Ok(None);
        }
        if pieces.len() > 1 {
            self.body.make_room(length).await?;
        }
        self.kept += length;
        let whole = joined(pieces, length);
        self.body.keep(self.kept);
        Ok(Some(whole))
    }
}

/// Joins the pieces of a part. A single piece is not copied.
fn joined(mut pieces: Vec<Bytes>, length: usize) -> Bytes {
    match pieces.pop() {
        Some(piece) if pieces.is_empty() => piece,
        last => {
            let mut bytes = BytesMut::with_capacity(length);
            pieces.iter().chain(&last).for_each(|piece| bytes.extend_from_slice(piece));
            bytes.freeze()
        }
    }
}

/// Reads the header that names a part.
fn disposition(field: &Field) -> Result<Disposition, ApiError> {
    let value = field.headers().get(header::CONTENT_DISPOSITION);
    value.and_then(|value| Disposition::parse(value.as_bytes())).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidMultipart,
            "A part has no header `Content-Disposition: form-data` with the name of the part. Let your HTTP client build \
             the body; curl does so with `-F file=@cat.jpg`.",
        )
    })
}

fn broken(error: &MultipartError) -> ApiError {
    log::debug!("multipart: {error}");
    ApiError::new(
        ErrorCode::InvalidMultipart,
        "The multipart body is broken or ends too early. Let your HTTP client build it; curl does so with `-F file=@cat.jpg`.",
    )
}
