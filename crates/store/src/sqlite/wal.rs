//! Damage of the write-ahead log, told before SQLite reads it.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong, which is right after a crash: what follows was never
//! complete. Frames behind such a one that do continue each other were complete once, so that the log was damaged later.
//! SQLite would then silently take an older state of some pages. The format is described in section 4 of
//! "Database File Format" (sqlite.org/fileformat2.html).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The two magic numbers of a log, which tell the byte order of its checksums.
const MAGIC_LITTLE: u32 = 0x377f_0682;
const MAGIC_BIG: u32 = 0x377f_0683;

/// The commits behind a wrong frame from which on the log is damaged. A power cut may leave one transaction whose frames
/// are not all there, because each transaction is synced before the next one begins.
const DAMAGED_FROM: u64 = 2;

/// A place of a log at which it was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// The byte at which the wrong frame begins.
    at: u64,
    /// The commits from there on.
    commits: u64,
}

/// Logs the damage of the log of a database that nobody has open.
pub(super) fn tell_damage(database: &Path) {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    let cut = File::open(&path).and_then(|file| find_cut(&mut BufReader::with_capacity(1 << 20, file)));
    match cut {
        Ok(Some(Cut { at, commits })) => log::error!(
            "{} is damaged at byte {at}: the {commits} changes from there on are not read, and those of them that had not \
             reached mitsuke.db are lost. `mitsuke check` finds what is not whole; restore a backup if it finds faults",
            Path::new(&path).display()
        ),
        Ok(None) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => log::warn!("{} cannot be looked at: {error}", Path::new(&path).display()),
    }
}

/// Returns the place at which a log was cut short by damage; `None` for one that is whole or ends as a crash leaves it.
fn find_cut(log: &mut impl Read) -> io::Result<Option<Cut>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(log, &mut header)? {
        return Ok(None);
    }
    let Some(Log { order, page_bytes, salts, mut last }) = Log::read(&header) else { return Ok(None) };
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let (mut at, mut cut) = (HEADER_BYTES as u64, None::<Cut>);
    while fill(log, &mut frame)? {
        let Some((head, page)) = frame.split_at_checked(FRAME_HEADER_BYTES) else { break };
        let written = Checksum { first: number(head, 16), second: number(head, 20) };
        let counted = last.over(order, head.get(..8).unwrap_or_default()).over(order, page);
        let continues = head.get(8..16) == Some(&salts[..]) && counted == written;
        match &mut cut {
            None if !continues => cut = Some(Cut { at, commits: 0 }),
            Some(cut) if continues && number(head, 4) != 0 => cut.commits += 1,
            _ => {}
        }
        // A later frame continues what is written, however wrong that is.
        last = written;
        at += frame.len() as u64;
    }
    Ok(cut.filter(|cut| cut.commits >= DAMAGED_FROM))
}

/// The facts in the header of a log.
struct Log {
    order: fn([u8; 4]) -> u32,
    page_bytes: usize,
    salts: [u8; 8],
    last: Checksum,
}

impl Log {
    /// Reads the header; `None` for one that is not whole, after which SQLite reads no frame.
    fn read(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let order = match number(header, 0) {
            MAGIC_LITTLE => u32::from_le_bytes,
            MAGIC_BIG => u32::from_be_bytes,
            _ => return None,
        };
        let page_bytes = usize::try_from(number(header, 8)).ok()?;
        if !(512..=65_536).contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return None;
        }
        let last = Checksum { first: number(header, 24), second: number(header, 28) };
        let counted = Checksum::default().over(order, header.get(..24)?);
        (counted == last).then_some(Self { order, page_bytes, salts: header.get(16..24)?.try_into().ok()?, last })
    }
}

/// The checksum of a log up to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Checksum {
    first: u32,
    second: u32,
}

impl Checksum {
    /// Returns the checksum with some more bytes, whose number is a multiple of eight.
    fn over(self, order: fn([u8; 4]) -> u32, bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        pairs.iter().fold(self, |Self { first, second }, &[left, right]| {
            let first = first.wrapping_add(order(left)).wrapping_add(second);
            Self { first, second: second.wrapping_add(order(right)).wrapping_add(first) }
        })
    }
}

/// Returns the big-endian number at a place; 0 behind the end.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Fills the whole buffer. Returns false when the log ends before.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// Returns the log after some transactions, each of which writes several pages.
    fn log_of(transactions: usize, prepare: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; CREATE TABLE a (b BLOB);").unwrap();
        db.execute_batch(prepare).unwrap();
        for _ in 0..transactions {
            db.execute("INSERT INTO a VALUES (randomblob(3000))", []).unwrap();
        }
        std::fs::read(folder.path().join("a.db-wal")).unwrap()
    }

    fn cut(log: &[u8]) -> Option<Cut> {
        find_cut(&mut &log[..]).unwrap()
    }

    #[test]
    fn a_log_that_is_whole_or_ends_early_is_not_damaged() {
        let log = log_of(6, "");
        for length in 0..=log.len() {
            assert_eq!(cut(&log[..length]), None, "{length} of {}", log.len());
        }
        // The frames of an earlier run of the log stay behind those of the new one.
        let again = log_of(3, "INSERT INTO a VALUES (randomblob(90000)); PRAGMA wal_checkpoint(RESTART);");
        assert!(again.len() > 90_000);
        assert_eq!(cut(&again), None);
    }

    #[test]
    fn a_wrong_byte_in_any_frame_is_found_with_the_changes_behind_it() {
        const FRAME: usize = FRAME_HEADER_BYTES + 1_024;
        let log = log_of(6, "");
        for at in (HEADER_BYTES..log.len()).step_by(7) {
            let mut damaged = log.clone();
            damaged[at] ^= 1;
            let frame = HEADER_BYTES + (at - HEADER_BYTES) / FRAME * FRAME;
            // The number of the frame's own commit is not read where its own header is wrong.
            let behind = log[frame..].chunks_exact(FRAME).skip(2).filter(|frame| number(frame, 4) != 0).count() as u64;
            match cut(&damaged) {
                Some(found) => {
                    assert_eq!(found.at, frame as u64);
                    assert!((behind..=behind + 1).contains(&found.commits), "{found:?} at {at}, {behind} behind");
                }
                None => assert!(behind < DAMAGED_FROM, "nothing is found at {at}"),
            }
        }
    }

    #[test]
    fn a_transaction_that_a_power_cut_has_torn_is_not_damage() {
        const FRAME: usize = FRAME_HEADER_BYTES + 1_024;
        let mut log = log_of(6, "");
        // The last transaction has several frames, of which the first is missing.
        let commits: Vec<usize> =
            (HEADER_BYTES..log.len()).step_by(FRAME).filter(|at| number(&log, at + 4) != 0).collect();
        let first = commits[commits.len() - 2] + FRAME;
        assert!(first < commits[commits.len() - 1]);
        log[first..first + FRAME].fill(0);
        assert_eq!(cut(&log), None);
    }
}
