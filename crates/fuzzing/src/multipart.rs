//! Forms: never more bytes than were sent, never over a limit, and alike however the network cuts them.

use actix_web::FromRequest as _;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use bytes::Bytes;
use futures_util::stream;
use mitsuke::api::multipart::{Form, FormBody, read};
use mitsuke::config::{Limits, Settings};
use mitsuke_store::Hasher;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::random::Random;

/// The boundary of the forms.
const BOUNDARY: &str = "b";

/// The parts that the endpoint takes, beside `file`.
const TEXTS: [&str; 2] = ["caption", "tags"];
const LISTS: [&str; 1] = ["similar_to"];

/// The number of bytes that choose how the body is cut; the body is behind them.
const CHOICE_BYTES: usize = 4;

/// Reads an input as the body of a form, in one piece and cut at random places.
///
/// # Panics
/// When the form holds more than was sent or than the limits allow, or depends on the cuts.
pub fn multipart(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first_chunk::<CHOICE_BYTES>() else { return };
    let mut random = Random::new(u32::from_le_bytes(*choice).into());
    let limits = limits();
    let whole = form(vec![Bytes::copy_from_slice(body)], &limits);
    let cut = form(pieces(body, &mut random), &limits);
    if let Some(form) = &whole {
        within(form, body, &limits);
    }
    match (&whole, &cut) {
        (Some(whole), Some(cut)) => assert_eq!(summary(whole), summary(cut)),
        (None, None) => {}
        _ => panic!("in one piece {}, in several {}", told(whole.as_ref()), told(cut.as_ref())),
    }
}

/// Returns limits that small inputs reach.
fn limits() -> Limits {
    let defaults = Settings::from_lookup(&|_| None).expect("the defaults");
    Limits { body_bytes: 4_096, file_bytes: 1_024, files: 3, text_chars: 64, ..defaults.limits }
}

fn pieces(body: &[u8], random: &mut Random) -> Vec<Bytes> {
    let (mut pieces, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(1 + random.below(rest.len().min(40)));
        pieces.push(Bytes::copy_from_slice(piece));
        rest = left;
    }
    pieces
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

/// Reads a form whose body arrives in these pieces; `None` when it is refused.
fn form(pieces: Vec<Bytes>, limits: &Limits) -> Option<Form> {
    let content_type = ("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let request = TestRequest::post().insert_header(content_type).to_http_request();
    let arriving = stream::iter(pieces.into_iter().map(Ok::<_, PayloadError>));
    let mut payload: Payload = Payload::Stream { payload: Box::pin(arriving) };
    RUNTIME.with(|runtime| {
        // A refused body is read on by a local task.
        LocalSet::new().block_on(runtime, async {
            let body = FormBody::from_request(&request, &mut payload).await.ok()?;
            read(body, limits, &TEXTS, &LISTS).await.ok()
        })
    })
}

fn within(form: &Form, body: &[u8], limits: &Limits) {
    assert!(form.files.len() <= limits.files);
    let mut total = 0;
    for file in &form.files {
        assert!(!file.file_name.is_empty() && !file.file_name.contains(['/', '\\', '\0', '\n']), "{}", file.file_name);
        let Ok(bytes) = &file.bytes else { continue };
        assert!(bytes.len() <= limits.file_bytes);
        total += bytes.len();
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        assert_eq!(hasher.finish(), file.sha256);
    }
    let texts = form.texts.values().chain(form.lists.values().flatten());
    for text in texts {
        assert!(text.chars().count() <= limits.text_chars && !text.contains('\0'));
        total += text.len();
    }
    assert!(total <= body.len(), "{total} bytes of {}", body.len());
    assert!(form.texts.keys().all(|name| TEXTS.contains(&name.as_str())));
    assert!(form.lists.keys().all(|name| LISTS.contains(&name.as_str())));
}

/// Returns all of a form that can be compared.
fn summary(form: &Form) -> impl PartialEq + std::fmt::Debug {
    let files: Vec<_> =
        form.files.iter().map(|file| (file.file_name.clone(), file.bytes.clone().ok(), file.bytes.is_ok())).collect();
    (files, form.texts.clone(), form.lists.clone())
}

fn told(form: Option<&Form>) -> &'static str {
    if form.is_some() { "a form" } else { "refused" }
}
