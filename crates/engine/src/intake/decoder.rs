//! Decoding slots: how many pictures are decoded at once, for each class of work.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use mitsuke_clip::{LATE, Priority};
use mitsuke_image::{
    self as image, DecodeLimits, DecodeRequest, Decoded, Enough, FileTexts, ImageError, TextChunks, TextLimits,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::background::{Background, BackgroundPool};
use crate::blocking::{self, Unfinished};
use crate::budget::{Budget, Purpose};

/// The number of slots that only searches take.
const SEARCH_SLOTS: usize = 1;

/// The decoder of a process, which decodes a bounded number of pictures at once.
///
/// Decoding is the step that needs memory (three bytes for each pixel), and each class of work has slots of its own for
/// it: [`Priority::Upload`] as many as the processor has cores, [`Priority::Backfill`] half as many and at least one. A
/// [`Priority::Search`] takes a slot that only searches take, or one of the uploads, whichever is free first; so
/// searches do not wait behind uploads. Uploads and backfills are decoded on threads that give way to searches, except
/// uploads that have waited for [`LATE`].
pub struct Decoder {
    limits: DecodeLimits,
    search: Arc<Semaphore>,
    upload: Arc<Semaphore>,
    backfill: Arc<Semaphore>,
    backfill_slots: usize,
    bulk: BackgroundPool,
    /// The memory for pictures; `None` bounds them by the slots alone.
    budget: Option<Arc<Budget>>,
}

impl Decoder {
    /// Makes a decoder of pictures within `limits`, for a processor of `cores` cores.
    #[must_use]
    pub fn new(limits: DecodeLimits, cores: usize) -> Self {
        let backfill_slots = (cores / 2).max(1);
        Self {
            limits,
            search: Arc::new(Semaphore::new(SEARCH_SLOTS)),
            upload: Arc::new(Semaphore::new(cores.max(1))),
            backfill: Arc::new(Semaphore::new(backfill_slots)),
            backfill_slots,
            bulk: BackgroundPool::new(cores.max(1) + backfill_slots),
            budget: None,
        }
    }

    /// Has pictures wait for memory of a budget before they are decoded.
    #[must_use]
    pub fn within(self, budget: Arc<Budget>) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Returns the number of pictures that backfills decode at once.
    #[must_use]
    pub fn backfill_slots(&self) -> usize {
        self.backfill_slots
    }

    /// Waits for a slot of a class of work.
    ///
    /// # Errors
    /// [`Unfinished`] when the process is ending.
    pub async fn slot(&self, priority: Priority) -> Result<DecodingSlot, Unfinished> {
        let asked = Instant::now();
        let acquire = |slots: &Arc<Semaphore>| Arc::clone(slots).acquire_owned();
        let permit = match priority {
            Priority::Search => tokio::select! {
                biased;
                permit = acquire(&self.search) => permit,
                permit = acquire(&self.upload) => permit,
            },
            Priority::Upload => acquire(&self.upload).await,
            Priority::Backfill => acquire(&self.backfill).await,
        };
        let in_background = match priority {
            Priority::Search => false,
            Priority::Upload => asked.elapsed() < LATE,
            Priority::Backfill => true,
        };
        let background = in_background.then(|| self.bulk.handle());
        let budget = self.budget.clone();
        Ok(DecodingSlot { limits: self.limits, background, budget, permit: permit.map_err(|_| Unfinished)? })
    }
}

/// The right to decode one picture. Dropping the slot frees it.
pub struct DecodingSlot {
    limits: DecodeLimits,
    /// The pool that decodes bulk; `None` for a search, which the blocking pool decodes.
    background: Option<Background>,
    budget: Option<Arc<Budget>>,
    permit: OwnedSemaphorePermit,
}

impl DecodingSlot {
    /// Decodes a picture away from the async workers and gives its pixels to `work` there. The picture may be decoded
    /// smaller than it is, as long as there is `enough` of it. The slot becomes free when `work` ends, even if the future
    /// is dropped before.
    ///
    /// # Errors
    /// [`ImageError`] when the picture cannot be decoded within the limits; [`Unfinished`] when `work` panicked.
    pub async fn decode<T: Send + 'static>(
        self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        enough: Enough,
        work: impl FnOnce(Decoded) -> T + Send + 'static,
    ) -> Result<Result<T, ImageError>, Unfinished> {
        self.run(move |limits| Ok(work(image::decode(bytes.as_ref(), DecodeRequest::at_least(limits, enough))?))).await
    }

    /// Decodes a picture like [`Self::decode`], and reads the texts in the file as well.
    ///
    /// # Errors
    /// The errors of [`Self::decode`].
    pub async fn decode_with_texts<T: Send + 'static>(
        self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        enough: Enough,
        work: impl FnOnce(Decoded, TextChunks) -> T + Send + 'static,
    ) -> Result<Result<T, ImageError>, Unfinished> {
        self.run(move |limits| {
            let request = DecodeRequest::at_least(limits, enough);
            let (decoded, texts) = image::decode_with_texts(bytes.as_ref(), request, &TextLimits::default())?;
            Ok(work(decoded, texts))
        })
        .await
    }

    /// Reads the texts of a file away from the async workers, with at most `max_chars` characters of a generation prompt.
    ///
    /// # Errors
    /// [`ImageError`] when the file cannot be read; [`Unfinished`] when reading it panicked.
    pub async fn read_texts(
        self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        max_chars: usize,
    ) -> Result<Result<FileTexts, ImageError>, Unfinished> {
        self.run(move |limits| image::read_texts(bytes.as_ref(), max_chars, limits)).await
    }

    /// Runs `work` away from the async workers and frees the slot when it ends.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&DecodeLimits) -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let Self { limits, background, budget, permit } = self;
        let work = move || {
            let result = match &budget {
                Some(budget) => within(budget, || work(&limits)),
                None => work(&limits),
            };
            drop(permit);
            result
        };
        match background {
            Some(background) => background.run(work).await,
            None => blocking::run(work).await,
        }
    }
}

/// Does `work` with memory of a budget for each picture that it decodes; one that the system has no memory for is refused.
/// Decoding always ends, so that waiting for the pictures of others does.
fn within<T>(budget: &Budget, work: impl FnOnce() -> T) -> T {
    let share = Rc::new(RefCell::new(budget.nothing(Purpose::Decoding)));
    let taken = Rc::clone(&share);
    let reserve = move |bytes| taken.borrow_mut().raise_blocking(usize::try_from(bytes).unwrap_or(usize::MAX));
    image::reserving(reserve, work)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    fn decoder(cores: usize) -> Decoder {
        Decoder::new(DecodeLimits::default(), cores)
    }

    fn picture() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        ::image::RgbImage::new(3, 2).write_to(&mut bytes, ::image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// Takes slots until none is free.
    fn take_all(decoder: &Decoder, priority: Priority) -> Vec<DecodingSlot> {
        std::iter::from_fn(|| decoder.slot(priority).now_or_never()).map(Result::unwrap).collect()
    }

    #[test]
    fn each_class_of_work_has_slots_of_its_own() {
        for (cores, uploads, backfills) in [(1, 1, 1), (2, 2, 1), (8, 8, 4)] {
            let decoder = decoder(cores);
            assert_eq!(decoder.backfill_slots(), backfills);
            // Searches take the slots of uploads as well.
            let free = Priority::ALL.map(|priority| take_all(&decoder, priority).len());
            assert_eq!(free, [uploads + 1, uploads, backfills]);
            let _uploads = take_all(&decoder, Priority::Upload);
            assert_eq!(take_all(&decoder, Priority::Backfill).len(), backfills);
        }
    }

    #[test]
    fn a_search_does_not_wait_behind_uploads_and_uses_their_slots_too() {
        let decoder = decoder(2);
        let uploads = take_all(&decoder, Priority::Upload);
        let searches = take_all(&decoder, Priority::Search);
        assert_eq!((uploads.len(), searches.len()), (2, 1));
        drop(uploads);
        assert_eq!(take_all(&decoder, Priority::Search).len(), 2);
    }

    #[tokio::test]
    async fn a_slot_is_free_again_after_a_picture_a_refusal_and_a_panic() {
        let decoder = decoder(1);
        let size = |decoded: Decoded| (decoded.facts.width, decoded.facts.height);
        let slot = decoder.slot(Priority::Backfill).await.unwrap();
        assert_eq!(slot.decode(picture(), Enough::default(), size).await, Ok(Ok((3, 2))));
        let slot = decoder.slot(Priority::Backfill).await.unwrap();
        assert!(slot.decode(b"no picture", Enough::default(), size).await.unwrap().is_err());
        let slot = decoder.slot(Priority::Backfill).await.unwrap();
        assert_eq!(
            slot.decode(picture(), Enough::default(), |_| panic!("a panic that the test expects")).await,
            Err::<Result<(), _>, _>(Unfinished)
        );
        assert_eq!(take_all(&decoder, Priority::Backfill).len(), 1);
    }

    #[tokio::test]
    async fn a_picture_takes_memory_of_the_budget_while_it_is_decoded() {
        let budget = Arc::new(Budget::new(1 << 30, std::time::Duration::ZERO));
        let decoder = decoder(1).within(Arc::clone(&budget));
        let decoding = |budget: &Budget| budget.stats()[Purpose::Decoding as usize].used;
        let seen = Arc::clone(&budget);
        let slot = decoder.slot(Priority::Upload).await.unwrap();
        let used = slot.decode(picture(), Enough::default(), move |_| decoding(&seen)).await.unwrap().unwrap();
        assert!(used > 0);
        assert_eq!(decoding(&budget), 0);
        // A picture that panics or is refused gives its memory back too.
        let slot = decoder.slot(Priority::Upload).await.unwrap();
        let panicked = slot.decode(picture(), Enough::default(), |_| panic!("a panic that the test expects")).await;
        assert_eq!(panicked, Err::<Result<(), _>, _>(Unfinished));
        assert_eq!(decoding(&budget), 0);
    }

    #[tokio::test]
    async fn a_caller_that_leaves_frees_its_slot_only_when_the_decoding_ends() {
        let decoder = decoder(1);
        let (started, wait_for_start) = mpsc::channel();
        let (end, wait_for_end) = mpsc::channel::<()>();
        let slot = decoder.slot(Priority::Upload).await.unwrap();
        let work = move |_| {
            started.send(()).unwrap();
            wait_for_end.recv().unwrap();
        };
        assert!(slot.decode(picture(), Enough::default(), work).now_or_never().is_none());
        wait_for_start.recv().unwrap();
        assert!(decoder.slot(Priority::Upload).now_or_never().is_none());
        end.send(()).unwrap();
        decoder.slot(Priority::Upload).await.unwrap();
    }
}
