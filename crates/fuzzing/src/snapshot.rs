//! Snapshot files of a vector index: a file is loaded only when its digests fit, and what is loaded can be searched and
//! saved again.

use std::cell::LazyCell;
use std::convert::Infallible;
use std::path::PathBuf;

use mitsuke_index::{Filter, IndexParams, SnapshotStamp, UnitVector, VectorIndex};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The dimension of the indexes.
const DIMENSION: usize = 6;

/// The bytes of a SHA-256.
const DIGEST: usize = 32;

/// The greatest number of bytes of an input. Larger files hold nothing that a small one cannot.
const MAX_BYTES: usize = 1 << 16;

/// Loads an input as a snapshot. An input whose first byte is odd gets right digests before, so that what is behind them
/// is reached as well; the other inputs must have them.
///
/// # Panics
/// When a file with a wrong digest is loaded, or an index that was loaded does not work.
pub fn snapshot(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    if file.len() > MAX_BYTES {
        return;
    }
    let mut file = file.to_vec();
    if choice % 2 == 1 {
        seal(&mut file);
    }
    PLACE.with(|place| {
        std::fs::write(&place.input, &file).expect("a temporary file");
        let Ok((index, stamp)) = VectorIndex::load(&place.input, DIMENSION, params(false)) else { return };
        assert!(is_sealed(&file), "a file with a wrong digest was loaded");
        searched(&index);
        index.save(&place.output, stamp).expect("a temporary file");
        let (again, stamp_again) = VectorIndex::load(&place.output, DIMENSION, params(false)).expect("what was saved");
        assert_eq!((again.len(), stamp_again), (index.len(), stamp));
    });
}

/// Returns snapshots of an index without and with inverted lists, each with the byte that chooses in front.
pub fn seeds() -> Vec<Vec<u8>> {
    let saved = |lists: bool, choice: u8| [vec![choice], saved(lists)].concat();
    vec![saved(false, 0), saved(true, 0), saved(false, 1), saved(true, 1)]
}

fn searched(index: &VectorIndex) {
    let query = vector(3);
    let mut read = |ids: &[i64]| Ok::<_, Infallible>(ids.iter().map(|_| None).collect());
    let Ok(hits) = index.search(&query, 3, false, Filter::default(), &mut read);
    assert!(hits.is_empty(), "hits without vectors");
    index.insert(-1, &query);
    assert!(index.remove(-1) && !index.remove(-1));
}

/// The files of this thread.
struct Place {
    input: PathBuf,
    output: PathBuf,
    _folder: TempDir,
}

thread_local! {
    static PLACE: Place = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Place { input: folder.path().join("input"), output: folder.path().join("output"), _folder: folder }
    };
    /// The bytes of the header before its digest, found in a file that was saved.
    static FACTS: LazyCell<usize> = LazyCell::new(|| {
        let file = saved(false);
        let is_facts = |end: &usize| digest(&file[..*end]) == file[*end..*end + DIGEST];
        (1..file.len() - DIGEST).find(is_facts).expect("a header with its digest")
    });
}

fn saved(lists: bool) -> Vec<u8> {
    let index = VectorIndex::new(DIMENSION, params(lists));
    for id in 0..16 {
        index.insert(id, &vector(id));
    }
    assert_eq!(index.train(), lists);
    let stamp = SnapshotStamp { epoch: [3; 16], model_id: 7, last_change: 16, count: 16 };
    PLACE.with(|place| {
        index.save(&place.output, stamp).expect("a temporary file");
        std::fs::read(&place.output).expect("what was saved")
    })
}

fn params(lists: bool) -> IndexParams {
    IndexParams { exact_below: if lists { 1 } else { 1_000 }, ..IndexParams::default() }
}

fn vector(id: i64) -> UnitVector {
    let components = (0..DIMENSION as i64).map(|place| ((id * 7 + place * 3) % 11 - 5) as f32 + 0.5).collect();
    UnitVector::normalize(components).expect("a vector with a length")
}

fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    Sha256::digest(bytes).into()
}

/// Splits a file into the facts of its header, their digest, the body and the digest of the body.
fn parts(file: &mut [u8]) -> Option<[&mut [u8]; 4]> {
    let (facts, rest) = file.split_at_mut_checked(FACTS.with(|facts| **facts))?;
    let (facts_digest, rest) = rest.split_at_mut_checked(DIGEST)?;
    let (body, body_digest) = rest.split_at_mut_checked(rest.len().checked_sub(DIGEST)?)?;
    Some([facts, facts_digest, body, body_digest])
}

/// Writes the digests that a file must have.
fn seal(file: &mut [u8]) {
    if let Some([facts, facts_digest, body, body_digest]) = parts(file) {
        facts_digest.copy_from_slice(&digest(facts));
        body_digest.copy_from_slice(&digest(body));
    }
}

fn is_sealed(file: &[u8]) -> bool {
    let mut sealed = file.to_vec();
    seal(&mut sealed);
    sealed == file && parts(&mut sealed).is_some()
}
