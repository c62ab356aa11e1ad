//! Unit vectors, and an index in memory that finds the nearest among up to some millions of vectors.
//!
//! The index is a cache of vectors that are kept elsewhere (in the rows of a database). It keeps an int8 code of each
//! vector, finds candidates by their codes, and asks its caller for the exact vectors of these few candidates. A
//! [`Filter`] restricts a search to some ids.
//!
//! * **Exact search.** A search scans every code. The error of a code's similarity has a known bound ([`codes`]), so
//!   the search collects candidates and reads their exact vectors until no other vector can be among the `k` nearest.
//!   The answer equals that of a comparison with all exact vectors, ties and copies included.
//! * **Inverted lists**, from [`IndexParams::exact_below`] vectors on. [`VectorIndex::train`] groups the vectors by
//!   k-means ([`kmeans`]). A search scans the lists near the query and stops when its own statistics say that it has
//!   seen enough ([`probe`]). In a list, codes of one bit for each component show which int8 codes are worth a look
//!   ([`signs`]). The answer is never short: while fewer than `k` vectors are found, the search goes on to the last
//!   list. A search among few ids compares all of them ([`allowed_rows`]).
//!
//! Searches read an unchanging layout of shared, copy-on-write cells ([`layout`]). A search holds no lock while it
//! runs, and waits neither for insertions nor for training.
//!
//! This crate depends on no other crate of Mitsuke.

mod allowed_rows;
mod cell;
mod codes;
mod id_set;
mod index;
mod kmeans;
mod layout;
mod locations;
mod params;
mod probe;
mod product_kernel;
mod random;
mod request;
mod rescore;
mod rotation;
mod scan;
mod sign_kernel;
mod signs;
mod snapshot;
mod vector;
mod workers;

pub use id_set::{Filter, IdSet};
pub use index::{Frozen, VectorIndex};
pub use params::IndexParams;
pub use rescore::ReadVectors;
pub use snapshot::{SnapshotError, SnapshotStamp, read_stamp};
pub use vector::{NotAUnitVector, UnitVector};
