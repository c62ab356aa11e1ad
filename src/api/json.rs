//! Reads JSON bodies within a limit, with errors that name the place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use actix_web::http::header::{self, ContentType, Header as _};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::api::Services;
use crate::api::metered::Metered;
use crate::api::query::reason;
use crate::error::{ApiError, ErrorCode};

/// Bytes that a JSON body may have. No body of this API comes near it.
const MAX_BYTES: usize = 4 << 20;

/// A JSON body.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let json = is_json(request);
        let (timeout, body) = (body_timeout(request), Metered::new(request, payload, MAX_BYTES));
        Box::pin(async move {
            json?;
            parse(&read(body, timeout).await?).map(JsonBody)
        })
    }
}

/// A JSON body that may be left out; an empty body reads as the default.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let json = is_json(request);
        let (timeout, body) = (body_timeout(request), Metered::new(request, payload, MAX_BYTES));
        Box::pin(async move {
            let body = read(body, timeout).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            json?;
            parse(&body).map(Self)
        })
    }
}

/// Returns how long a body may take to arrive.
fn body_timeout(request: &HttpRequest) -> Duration {
    request.app_data::<Data<Services>>().map_or(Duration::MAX, |services| services.limits.body_timeout)
}

/// Reads a whole body. Its memory is given back with the bytes, which are few.
async fn read(body: Result<Metered, ApiError>, timeout: Duration) -> Result<Vec<u8>, ApiError> {
    let body = body?;
    let reading = Metered::clone(&body).read_all();
    tokio::time::timeout(timeout, reading).await.unwrap_or_else(|_| {
        let detail = format!("The body did not arrive within {} s. Send it again.", timeout.as_secs());
        Err(body.refuse(ApiError::new(ErrorCode::RequestTimeout, detail)))
    })
}

/// Returns the text of a body without its byte order mark, which editors and shells of Windows write. The mark also tells
/// UTF-16, in which a body is read as well.
fn without_mark(body: &[u8]) -> Result<Cow<'_, [u8]>, ApiError> {
    let utf16 = |units: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = units.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
        match (text, rest) {
            (Ok(text), []) => Ok(Cow::Owned(text.into_bytes())),
            _ => Err(ApiError::new(ErrorCode::InvalidJson, "The JSON body is not valid UTF-16. Send it as UTF-8.")),
        }
    };
    match body {
        [0xef, 0xbb, 0xbf, text @ ..] => Ok(Cow::Borrowed(text)),
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes),
        text => Ok(Cow::Borrowed(text)),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = without_mark(body)?;
    let body = text.as_ref();
    // Serde would read an array as a struct, field by field, which no caller means.
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(ApiError::new(ErrorCode::InvalidJson, "The JSON body must be an object: `{ … }`."));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // A path of "." is the body itself. A body that breaks off before a name leaves "?" at the end of the path.
        let path = error.path().to_string();
        unusable(path.trim_end_matches('?').trim_end_matches('.'), error.inner())
    })?;
    json.end().map_err(|error| unusable("", &error))?;
    Ok(value)
}

/// Returns the error of a body that cannot be used: of JSON that cannot be read, or of the field at `path`.
fn unusable(path: &str, error: &serde_json::Error) -> ApiError {
    let invalid_json = || ApiError::new(ErrorCode::InvalidJson, format!("The JSON body is not usable: {error}."));
    if !error.is_data() {
        return match path {
            "" => invalid_json(),
            field => invalid_json().with("field", field),
        };
    }
    let message = reason(&error.to_string());
    // The path of a missing field ends with the object that lacks it.
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let field = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        return ApiError::invalid(&field, format!("The field `{field}` is missing."));
    }
    match path {
        "" => invalid_json(),
        field => ApiError::invalid(field, format!("The field `{field}` is not usable: {message}.")),
    }
}

/// Reads an object or null. Serde alone would also read an array as a struct, field by field, which no caller means.
///
/// # Errors
/// When the value is something else, or its fields do not fit.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct ObjectOrNull<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOrNull<T> {
        type Value = Option<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(ObjectOrNull(PhantomData))
}

fn is_json(request: &HttpRequest) -> Result<(), ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "Send the JSON body as it is, without a Content-Encoding.",
        ));
    }
    let content_type = ContentType::parse(request).ok();
    let json = content_type
        .is_some_and(|ContentType(mime)| mime.subtype() == "json" || mime.suffix().is_some_and(|s| s == "json"));
    if json {
        return Ok(());
    }
    let given = request.headers().get(header::CONTENT_TYPE).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    Err(ApiError::new(
        ErrorCode::UnsupportedMediaType,
        format!("Send a JSON body with `Content-Type: application/json`, not {}.", given.as_deref().unwrap_or("none")),
    ))
}
