//! A body whose bytes are made while it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use futures_util::Stream;

use super::watch::Delivery;
use super::{Room, piece};
use crate::error::ApiError;

/// Bytes that are made one part after the other, each when the caller has read the part before it. An error ends the
/// connection, so that no caller takes the beginning for the whole.
pub struct StreamedBody {
    parts: Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>>>>,
    current: Bytes,
    delivery: Option<Arc<Delivery>>,
    _room: Room,
}

impl StreamedBody {
    pub(super) fn new(
        parts: impl Stream<Item = Result<Bytes, ApiError>> + 'static,
        delivery: Option<Arc<Delivery>>,
        room: Room,
    ) -> Self {
        Self { parts: Box::pin(parts), current: Bytes::new(), delivery, _room: room }
    }
}

impl MessageBody for StreamedBody {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        while self.current.is_empty() {
            match ready!(self.parts.as_mut().poll_next(context)) {
                Some(Ok(part)) => self.current = part,
                Some(Err(error)) => {
                    log::warn!("an answer ends before its end: {error}");
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => return Poll::Ready(None),
            }
        }
        let this = &mut *self;
        Poll::Ready(Some(Ok(piece(&mut this.current, this.delivery.as_deref()))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body;
    use futures_util::stream;

    use super::*;
    use crate::api::Sending;
    use mitsuke_engine::budget::Budget;

    fn body(parts: Vec<Result<Bytes, ApiError>>) -> StreamedBody {
        let sending = Sending::new(Arc::new(Budget::new(1 << 20, Duration::ZERO)), Duration::from_secs(30));
        StreamedBody::new(stream::iter(parts), None, sending.reserve(1).unwrap())
    }

    #[actix_web::test]
    async fn parts_follow_each_other_and_an_error_is_no_end() {
        let large = Bytes::from(vec![7; 200_000]);
        let parts = vec![Ok(Bytes::new()), Ok(Bytes::from("a")), Ok(large.clone()), Ok(Bytes::new())];
        let whole = body::to_bytes(body(parts)).await.unwrap();
        assert_eq!(whole, [&b"a"[..], &large].concat());
        let broken = body(vec![Ok(Bytes::from("a")), Err(ApiError::internal(&"gone"))]);
        assert!(body::to_bytes(broken).await.is_err());
    }
}
