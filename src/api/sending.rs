//! Bounds the bytes of pictures that are being sent. A body stays in memory until its caller has read it, and a caller
//! may read slowly.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of bytes that a permit of [`Sending`] stands for.
const UNIT: usize = 4096;

/// The number of bytes that are handed to the connection at once. The connection buffers a few such pieces at most.
const CHUNK: usize = 64 << 10;

/// Room for the bytes that may be sent at once.
pub struct Sending {
    room: Arc<Semaphore>,
    units: usize,
}

impl Sending {
    /// Makes room for a number of bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).clamp(1, u32::MAX as usize);
        Self { room: Arc::new(Semaphore::new(units)), units }
    }

    /// Reserves room for a body, before its bytes are read. Returns `None` when there is not enough. A body larger than
    /// all the room takes all of it.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> Option<Room> {
        let units = bytes.div_ceil(UNIT as u64).min(self.units as u64);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        Arc::clone(&self.room).try_acquire_many_owned(units).ok().map(Room)
    }
}

/// Room for one body.
pub struct Room(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Room {
    /// Makes a body that keeps the room until it is sent or its caller has gone.
    #[must_use]
    pub fn body(self, bytes: Bytes) -> SentBody {
        SentBody { bytes, _room: self }
    }
}

/// A body that is handed over piece by piece, as fast as the caller reads.
pub struct SentBody {
    bytes: Bytes,
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
        let piece = self.bytes.len().min(CHUNK);
        Poll::Ready(Some(Ok(self.bytes.split_to(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_a_body_goes_and_a_giant_takes_it_all() {
        let unit = UNIT as u64;
        let sending = Sending::new(10 * UNIT);
        let (six, four) = (sending.reserve(6 * unit), sending.reserve(4 * unit));
        assert!(six.is_some() && four.is_some() && sending.reserve(1).is_none());
        drop(six.map(|room| room.body(Bytes::new())));
        assert!(sending.reserve(7 * unit).is_none());
        drop(four);
        assert!(sending.reserve(99 * unit).is_some());
    }
}
