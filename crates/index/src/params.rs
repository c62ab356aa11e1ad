//! The settings of a vector index.

/// The settings of a [`VectorIndex`](crate::VectorIndex): when it trains inverted lists, and how much a search scans.
///
/// `docs/BENCHMARKS.md` has measurements of the defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexParams {
    /// The number of vectors from which on the index uses inverted lists. With fewer, every search scans all codes,
    /// which needs no training and finds the same as an exact search.
    pub exact_below: usize,
    /// The number of inverted lists for `n` vectors, divided by √n. With more lists a search chooses more finely what
    /// to scan, and training and insertion take longer.
    pub lists_factor: f32,
    /// The size of the training sample, in vectors for each list.
    pub sample_per_list: usize,
    /// The number of rounds of k-means.
    pub training_rounds: usize,
    /// The growth of the index since the last training, as a factor, from which on training is due again.
    pub retrain_growth: f32,
    /// The fraction of the `k` nearest vectors that a search over inverted lists may miss. The search stops when it
    /// expects to miss no more than this fraction; with 0 it scans everything.
    pub miss_target: f32,
    /// The largest number of exact vectors that one search reads, beyond `4 × k`. A search normally ends after a few
    /// dozen. A search reaches this limit only when int8 codes cannot tell many vectors apart; the vectors beyond the
    /// limit keep the order of their codes.
    pub rescore_limit: usize,
}

impl Default for IndexParams {
    fn default() -> Self {
        Self {
            exact_below: 50_000,
            lists_factor: 1.5,
            sample_per_list: 40,
            training_rounds: 6,
            retrain_growth: 4.0,
            miss_target: 0.008,
            rescore_limit: 4096,
        }
    }
}
