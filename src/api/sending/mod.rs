//! Sends large answers within the memory for them. A body stays in memory until its caller has read it, and a caller may
//! read slowly or not at all.

mod streamed;
mod watch;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, dev};
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use crate::api::Services;
use crate::error::ApiError;
use mitsuke_engine::budget::{Budget, Full, Purpose, Share};
use streamed::StreamedBody;
use watch::{Connection, Delivery, Watch};

pub use watch::watch_connection;

/// The number of bytes that are handed to the connection at once. The connection buffers a few such pieces at most.
const CHUNK: usize = 64 << 10;

/// The memory for answers, and the watch over the callers who read them.
pub struct Sending {
    budget: Arc<Budget>,
    watch: Watch,
}

impl Sending {
    /// Sends within a budget, and cuts off callers who read nothing for `patience`.
    #[must_use]
    pub fn new(budget: Arc<Budget>, patience: Duration) -> Self {
        Self { budget, watch: Watch::new(patience) }
    }

    /// Takes memory for a body, before its bytes are read. Returns `None` when there is not enough. A body larger than
    /// all the memory for answers takes all of it.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> Option<Room> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.budget.try_take(Purpose::Sending, bytes).map(Room)
    }

    /// Returns the number of callers who were cut off since the start.
    #[must_use]
    pub fn stalled(&self) -> u64 {
        self.watch.stalled()
    }
}

/// Memory for one body.
pub struct Room(#[expect(dead_code, reason = "held, not read")] Share);

/// The way to answer one request.
pub struct Answering {
    services: Option<Data<Services>>,
    connection: Option<Connection>,
}

impl FromRequest for Answering {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let services = request.app_data::<Data<Services>>().cloned();
        ready(Ok(Self { services, connection: request.conn_data::<Connection>().copied() }))
    }
}

impl Answering {
    /// Answers with JSON.
    ///
    /// # Errors
    /// [`ErrorCode::MemoryFull`](crate::error::ErrorCode::MemoryFull) when there is no memory for a large answer.
    pub fn json(&self, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
        self.json_in(HttpResponse::build(StatusCode::OK), value)
    }

    /// Answers with JSON and the status and headers of `response`.
    ///
    /// # Errors
    /// The errors of [`Self::json`].
    pub fn json_in(&self, mut response: HttpResponseBuilder, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
        let json = serde_json::to_vec(value).map_err(|error| ApiError::internal(&error))?;
        response.content_type(ContentType::json());
        // A small answer fits into the buffers of its connection.
        let Some(services) = self.services.as_ref().filter(|_| json.len() > CHUNK) else {
            return Ok(response.body(json));
        };
        let room = services
            .sending
            .reserve(json.len() as u64)
            .ok_or_else(|| Full { retry_after_s: services.budget.retry_after_s(Purpose::Sending) })?;
        Ok(response.body(self.body(room, json.into())))
    }

    /// Makes a body that keeps its memory until it is sent or its caller has gone.
    #[must_use]
    pub fn body(&self, room: Room, bytes: Bytes) -> SentBody {
        SentBody { bytes, delivery: self.delivery(), _room: room }
    }

    /// Makes a body of parts that are made while it is sent. Its memory is kept until then.
    #[must_use]
    pub fn streamed(&self, room: Room, parts: impl Stream<Item = Result<Bytes, ApiError>> + 'static) -> StreamedBody {
        StreamedBody::new(parts, self.delivery(), room)
    }

    fn delivery(&self) -> Option<Arc<Delivery>> {
        let watch = self.services.as_ref().map(|services| &services.sending.watch);
        self.connection.and_then(|connection| watch?.begin(connection))
    }
}

/// Takes the bytes that are handed to the connection next.
fn piece(bytes: &mut Bytes, delivery: Option<&Delivery>) -> Bytes {
    let length = bytes.len().min(CHUNK);
    if let Some(delivery) = delivery {
        delivery.note(length);
    }
    bytes.split_to(length)
}

/// A body that is handed over piece by piece, as fast as the caller reads.
pub struct SentBody {
    bytes: Bytes,
    delivery: Option<Arc<Delivery>>,
    _room: Room,
}

impl MessageBody for SentBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        Poll::Ready(Some(Ok(piece(&mut this.bytes, this.delivery.as_deref()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_until_a_body_goes_and_a_giant_takes_it_all() {
        let budget = Arc::new(Budget::new(1 << 20, Duration::ZERO).at_most(Purpose::Sending, 40_960));
        let sending = Sending::new(Arc::clone(&budget), Duration::from_secs(30));
        let answering = Answering { services: None, connection: None };
        let (six, four) = (sending.reserve(6 << 12), sending.reserve(4 << 12));
        assert!(six.is_some() && four.is_some() && sending.reserve(1).is_none());
        drop(six.map(|room| answering.body(room, Bytes::new())));
        assert!(sending.reserve(7 << 12).is_none());
        drop(four);
        assert!(sending.reserve(99 << 12).is_some());
        let [.., stats] = budget.stats();
        assert_eq!((stats.used, stats.refused), (0, 2));
    }
}
