//! The settings of a vector index.

/// When a [`VectorIndex`](super::VectorIndex) trains inverted lists, and how hard it searches.
///
/// The defaults are the ones measured in `benches/README.md`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexParams {
    /// Below this many vectors every search scans all codes, which needs no training and finds
    /// what an exact search finds. From here on inverted lists are due.
    pub exact_below: usize,
    /// Inverted lists at `n` vectors: `lists_factor × √n`. More lists make a finer choice of what to
    /// scan, and training and inserting dearer.
    pub lists_factor: f32,
    /// Training sample, in vectors per list.
    pub sample_per_list: usize,
    /// Rounds of k-means.
    pub training_rounds: usize,
    /// The lists are due again when the index has grown by this factor since they were trained.
    pub retrain_growth: f32,
    /// A search over inverted lists stops when it expects to have missed at most this fraction of
    /// the `k` nearest vectors. 0 scans everything.
    pub miss_target: f32,
    /// Most vectors one search may read back for exact rescoring, beyond `4 × k`. Rescoring normally
    /// ends after a few dozen; only a crowd of vectors that int8 codes cannot tell apart gets
    /// this far, and past it they keep the order of their codes.
    pub rescore_limit: usize,
}

impl Default for IndexParams {
    fn default() -> Self {
        Self {
            exact_below: 200_000,
            lists_factor: 3.0,
            sample_per_list: 40,
            training_rounds: 6,
            retrain_growth: 4.0,
            miss_target: 0.008,
            rescore_limit: 4096,
        }
    }
}
