//! The cache of recently made thumbnails.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use mitsuke_store::ImageId;

/// The sizes that are made, in pixels of the longer edge. A few fixed sizes keep the cache useful.
pub const SIZES: [u32; 4] = [128, 256, 512, 1024];

/// Bytes of memory that thumbnails may take.
const CACHE_BYTES: u64 = 64 << 20;

/// An image and the longer edge of its thumbnail.
type Key = (ImageId, u32);

#[derive(Clone)]
struct BytesWeighter;

impl Weighter<Key, Bytes> for BytesWeighter {
    fn weight(&self, _: &Key, thumbnail: &Bytes) -> u64 {
        // The overhead of an entry is included, so that many tiny thumbnails are bounded too.
        thumbnail.len() as u64 + 128
    }
}

/// Recently made thumbnails, bounded in bytes.
pub struct Thumbnails(Cache<Key, Bytes, BytesWeighter>);

impl Default for Thumbnails {
    fn default() -> Self {
        Self::new()
    }
}

impl Thumbnails {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self(Cache::with_weighter(4_096, CACHE_BYTES, BytesWeighter))
    }

    /// Returns the thumbnail of one of [`SIZES`], if it is kept.
    pub fn get(&self, image_id: ImageId, size: u32) -> Option<Bytes> {
        self.0.get(&(image_id, size))
    }

    /// Keeps a thumbnail of one of [`SIZES`].
    pub fn keep(&self, image_id: ImageId, size: u32, thumbnail: Bytes) {
        self.0.insert((image_id, size), thumbnail);
    }

    /// Drops the thumbnails of a deleted image.
    pub fn forget(&self, image_id: ImageId) {
        for size in SIZES {
            self.0.remove(&(image_id, size));
        }
    }
}
