//! Receives the body of a request: counts all of its bytes, takes memory for them, and ends a body that is too large or
//! too slow.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};

use crate::api::Services;
use crate::api::shares::CallerPlace;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::budget::{Budget, Full, Purpose, Share};

/// Bytes of a body for which no memory is taken, so that small requests never wait for large ones.
const FREE: usize = 64 << 10;

/// The bytes by which the memory of a body grows.
const STEP: usize = 1 << 20;

/// The time over which the rate of arrival is measured.
const WINDOW: Duration = Duration::from_secs(10);

/// The time for which an unread body is kept after a refusal. The server closes the connection of such a body when the
/// refusal is sent; it would read a dropped one to its end, which may never come.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes that may follow the end of a form.
const MAX_EPILOGUE: usize = 64 << 10;

/// A body that arrives. Clones are handles of one body.
#[derive(Clone)]
pub struct Metered(Rc<RefCell<State>>);

struct State {
    payload: Payload,
    budget: Option<Arc<Budget>>,
    place: Option<Rc<RefCell<CallerPlace>>>,
    pace: Pace,
    /// The length that the request states.
    declared: Option<usize>,
    /// Bytes that the body may have.
    limit: usize,
    /// Bytes that have arrived.
    read: usize,
    /// Bytes that are in memory.
    held: usize,
    share: Option<Share>,
    /// The share on its way to more memory.
    growing: Option<LocalBoxFuture<'static, (Share, Result<(), Full>)>>,
    /// The bytes that wait for it.
    waiting: Option<Bytes>,
    failure: Option<ApiError>,
    ended: bool,
}

impl Metered {
    /// Receives the body of a request, which may have `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorCode::BodyTooLarge`] when the request states a larger one.
    pub fn new(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Self, ApiError> {
        let services = request.app_data::<Data<Services>>();
        let budget = services.map(|services| Arc::clone(&services.budget));
        let limit = budget.as_ref().map_or(limit, |budget| limit.min(budget.limit(Purpose::Receiving)));
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
        let chunked = request.chunked().unwrap_or(false);
        let body = Self(Rc::new(RefCell::new(State {
            payload: payload.take(),
            share: budget.as_ref().map(|budget| budget.nothing(Purpose::Receiving)),
            budget,
            place: None,
            pace: Pace::new(services.map_or(0, |services| services.limits.min_receive_rate)),
            declared: declared.filter(|_| !chunked),
            limit,
            read: 0,
            held: 0,
            growing: None,
            waiting: None,
            failure: None,
            ended: false,
        })));
        match declared {
            Some(declared) if declared > limit && !chunked => Err(body.refuse(too_large(limit))),
            _ => Ok(body),
        }
    }

    /// Counts the body as one of a caller's.
    pub fn belongs_to(&self, place: Rc<RefCell<CallerPlace>>) {
        self.0.borrow_mut().place = Some(place);
    }

    /// Returns the error that ended the body, if one of this module did.
    pub fn failure(&self) -> Option<ApiError> {
        self.0.borrow().failure.clone()
    }

    /// Notes that `held` bytes of those that have arrived are in memory; the others have been dropped.
    pub fn keep(&self, held: usize) {
        let mut state = self.0.borrow_mut();
        state.held = held;
        let memory = if held > FREE { held } else { 0 };
        if let Some(share) = &mut state.share {
            share.shrink_to(memory);
        }
    }

    /// Takes memory for a copy of `bytes` bytes, until [`Self::keep`] gives it back.
    ///
    /// # Errors
    /// [`ErrorCode::MemoryFull`] when it does not become free in time.
    pub async fn make_room(&self, bytes: usize) -> Result<(), ApiError> {
        if bytes < STEP {
            return Ok(());
        }
        // The share is taken out meanwhile, so that nothing is borrowed while the future waits.
        let Some(mut share) = self.0.borrow_mut().share.take() else { return Ok(()) };
        let grown = share.grow(bytes).await;
        let mut state = self.0.borrow_mut();
        state.share = Some(share);
        state.pace.restart();
        Ok(grown?)
    }

    /// Reads a body to its end, as one text.
    ///
    /// # Errors
    /// The error that ends the body.
    pub async fn read_all(mut self) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await {
            let Ok(chunk) = chunk else {
                let broken =
                    || ApiError::new(ErrorCode::InvalidRequest, "The body broke off before its end. Send it again.");
                let error = self.failure().unwrap_or_else(broken);
                return Err(self.refuse(error));
            };
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads what follows the end of a form, so that the connection can be used again.
    ///
    /// # Errors
    /// The error that ends the body, and [`ErrorCode::InvalidMultipart`] when more than a little follows.
    pub async fn read_epilogue(&mut self) -> Result<(), ApiError> {
        let mut epilogue = 0;
        while let Some(Ok(chunk)) = self.next().await {
            epilogue += chunk.len();
            if epilogue > MAX_EPILOGUE {
                let detail = "The multipart body goes on after its last boundary. Let your HTTP client build it.";
                return Err(ApiError::new(ErrorCode::InvalidMultipart, detail));
            }
        }
        self.failure().map_or(Ok(()), Err)
    }

    /// Returns the memory that the body holds, which its files are to keep.
    pub fn into_share(self) -> Option<Share> {
        self.0.borrow_mut().share.take()
    }

    /// Gives the rest of the body up and returns the error for its caller.
    pub fn refuse(&self, error: ApiError) -> ApiError {
        let mut state = self.0.borrow_mut();
        if !std::mem::replace(&mut state.ended, true) {
            let payload = std::mem::replace(&mut state.payload, Payload::None);
            actix_web::rt::spawn(async move {
                sleep(LINGER).await;
                drop(payload);
            });
        }
        error
    }
}

impl Stream for Metered {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(context)
    }
}

impl State {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.failure.is_some() || self.ended {
            return Poll::Ready(None);
        }
        if let Some(growing) = &mut self.growing {
            let (share, grown) = ready!(growing.as_mut().poll(context));
            (self.share, self.growing) = (Some(share), None);
            // The caller is not to blame for the time that the server has waited.
            self.pace.restart();
            if let Err(full) = grown {
                return self.fail(full.into());
            }
        }
        if let Some(chunk) = self.waiting.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match self.payload.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => self.arrived(chunk, context),
            Poll::Ready(Some(Err(error))) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => match self.pace.poll(context) {
                Poll::Ready(rate) => self.fail(ApiError::new(
                    ErrorCode::RequestTimeout,
                    format!("The body arrives with less than {rate} bytes a second. Send fewer files at once."),
                )),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn arrived(&mut self, chunk: Bytes, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.pace.note(chunk.len());
        self.read = self.read.saturating_add(chunk.len());
        self.held = self.held.saturating_add(chunk.len());
        if self.read > self.limit {
            return self.fail(too_large(self.limit));
        }
        if self.held <= FREE {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let (Some(budget), Some(share)) = (&self.budget, &mut self.share) else {
            return Poll::Ready(Some(Ok(chunk)));
        };
        let missing = self.held.saturating_sub(share.bytes());
        if missing == 0 {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let whole = budget.limit(Purpose::Receiving);
        if let Some(Err(error)) = self.place.as_ref().map(|place| place.borrow_mut().hold(self.held, whole)) {
            return self.fail(error);
        }
        // A body that states its length takes no more than that, and nothing before it arrives.
        let to_come = self.declared.map_or(usize::MAX, |declared| declared.saturating_sub(self.read));
        let step = missing + to_come.min(STEP);
        let Some(mut share) = self.share.take() else { return Poll::Ready(Some(Ok(chunk))) };
        self.waiting = Some(chunk);
        self.growing = Some(Box::pin(async move {
            let grown = share.grow(step).await;
            (share, grown)
        }));
        self.poll(context)
    }

    fn fail(&mut self, error: ApiError) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.failure = Some(error);
        Poll::Ready(Some(Err(PayloadError::Overflow)))
    }
}

fn too_large(limit: usize) -> ApiError {
    let detail = format!("A request may carry {limit} bytes at most. Send fewer files at once.");
    ApiError::new(ErrorCode::BodyTooLarge, detail).with("limit", limit)
}

/// Measures the rate of arrival while a body is waited for.
struct Pace {
    /// The least rate in bytes a second; 0 for none.
    least: usize,
    arrived: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(least: usize) -> Self {
        Self { least, arrived: 0, timer: None }
    }

    fn note(&mut self, bytes: usize) {
        self.arrived = self.arrived.saturating_add(bytes);
    }

    fn restart(&mut self) {
        self.arrived = 0;
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(Instant::now() + WINDOW);
        }
    }

    /// Returns the least rate when less has arrived over the last window.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        if self.least == 0 {
            return Poll::Pending;
        }
        // A body that is there already needs no timer.
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(WINDOW)));
        while timer.as_mut().poll(context).is_ready() {
            if too_few(&mut self.arrived, self.least) {
                return Poll::Ready(self.least);
            }
            timer.as_mut().reset(Instant::now() + WINDOW);
        }
        Poll::Pending
    }
}

/// Tells whether less has arrived in a window than the least rate asks for, and begins the next window.
fn too_few(arrived: &mut usize, least: usize) -> bool {
    (std::mem::take(arrived) as u64) < least as u64 * WINDOW.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_too_slow_when_less_than_the_rate_arrives_in_a_window() {
        let mut pace = Pace::new(100);
        for _ in 0..3 {
            pace.note(400);
            pace.note(600);
            assert!(!too_few(&mut pace.arrived, 100));
        }
        pace.note(999);
        assert!(too_few(&mut pace.arrived, 100));
        assert!(too_few(&mut pace.arrived, 100), "nothing arrives");
        pace.note(1);
        assert!(!too_few(&mut pace.arrived, 0), "every rate is fast enough");
    }
}
