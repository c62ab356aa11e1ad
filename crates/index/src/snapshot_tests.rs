//! Tests of snapshots: a damaged one is refused, whatever the damage.

use std::path::Path;

use super::*;
use crate::random::SplitMix64;
use crate::{IndexParams, UnitVector, VectorIndex};

const DIMENSION: usize = 6;
const STAMP: SnapshotStamp =
    SnapshotStamp { epoch: *b"0123456789abcdef", model_id: -7, last_change: u64::MAX, count: 40 };

/// Makes an index of sixteen vectors, with or without lists.
fn index(lists: bool) -> VectorIndex {
    let params = IndexParams { exact_below: if lists { 1 } else { 1000 }, ..IndexParams::default() };
    let index = VectorIndex::new(DIMENSION, params);
    let mut random = SplitMix64::new(1);
    for id in 0..16 {
        let components = (0..DIMENSION).map(|_| (random.next_u64() >> 40) as f32 - 8e6).collect();
        index.insert(id, &UnitVector::normalize(components).unwrap());
    }
    assert_eq!(index.train(), lists);
    index
}

fn load_bytes(path: &Path, bytes: &[u8]) -> Result<SnapshotStamp, SnapshotError> {
    fs::write(path, bytes).unwrap();
    VectorIndex::load(path, DIMENSION, IndexParams::default()).map(|(_, stamp)| stamp)
}

#[test]
fn every_flipped_byte_and_every_truncation_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    for lists in [false, true] {
        index(lists).save(&path, STAMP).unwrap();
        let whole = fs::read(&path).unwrap();
        assert_eq!(load_bytes(&path, &whole).unwrap(), STAMP);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            let error = load_bytes(&path, &damaged).unwrap_err();
            assert!(matches!(error, SnapshotError::Damaged | SnapshotError::Format), "{at}: {error}");
            if at % 7 == 0 {
                assert!(matches!(load_bytes(&path, &whole[..at]), Err(SnapshotError::Damaged)), "{at}");
            }
        }
        let longer = [&whole[..], &[0]].concat();
        assert!(matches!(load_bytes(&path, &longer), Err(SnapshotError::Damaged)));
    }
}

#[test]
fn false_sizes_with_a_right_digest_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    for (rows, cells) in [(u64::MAX, 1), (1 << 40, 1), (1, 1 << 50), (u64::MAX / 24, u64::MAX / 4)] {
        let header = Header { stamp: STAMP, dimension: DIMENSION as u64, rows, cells, trained_on: 0 };
        let bytes = [&header.to_bytes()[..], &[0; 200]].concat();
        assert!(matches!(load_bytes(&path, &bytes), Err(SnapshotError::Damaged)));
    }
}

#[test]
fn another_file_or_dimension_is_told_apart_from_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let load = |dimension| VectorIndex::load(&path, dimension, IndexParams::default()).map(|_| ());
    assert!(matches!(load(6), Err(SnapshotError::Io(_))));
    index(false).save(&path, STAMP).unwrap();
    assert!(matches!(load(7), Err(SnapshotError::Dimension { expected: 7, found: 6 })));
    fs::write(&path, [b'x'; 200]).unwrap();
    assert!(matches!(load(6), Err(SnapshotError::Format)));
}

#[test]
fn an_empty_index_has_a_snapshot_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    VectorIndex::new(5, IndexParams::default()).save(&path, STAMP).unwrap();
    let (loaded, stamp) = VectorIndex::load(&path, 5, IndexParams::default()).unwrap();
    assert_eq!((loaded.len(), stamp), (0, STAMP));
}

#[test]
fn a_save_that_fails_leaves_the_old_snapshot_and_no_partial_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    index(false).save(&path, STAMP).unwrap();
    // A directory takes the name of the partial file, so that the file cannot be created.
    fs::create_dir(partial_path(&path)).unwrap();
    assert!(index(true).save(&path, STAMP).is_err());
    assert_eq!(load_bytes(&path, &fs::read(&path).unwrap()).unwrap(), STAMP);
    fs::remove_dir(partial_path(&path)).unwrap();
    index(true).save(&path, STAMP).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
