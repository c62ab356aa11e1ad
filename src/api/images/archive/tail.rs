//! The end of an archive that is sent while it is written.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The bytes of an archive that have not been taken yet. They are written at the end only, so those that are taken never
/// change.
#[derive(Debug, Default)]
pub struct Tail(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    /// The number of bytes that have been taken.
    taken: u64,
    bytes: Vec<u8>,
}

impl Written {
    fn end(&self) -> u64 {
        self.taken + self.bytes.len() as u64
    }
}

impl Tail {
    /// Takes the bytes that have been written since the last call.
    pub fn take(&self) -> Vec<u8> {
        let mut written = self.written();
        written.taken = written.end();
        std::mem::take(&mut written.bytes)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells the writer of archives where it is. Any other place than the end is refused.
impl Seek for Tail {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let end = self.written().end();
        match place {
            SeekFrom::Current(0) | SeekFrom::End(0) => Ok(end),
            SeekFrom::Start(at) if at == end => Ok(end),
            _ => Err(io::Error::from(io::ErrorKind::NotSeekable)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_the_bytes_that_are_taken() {
        let mut tail = Tail::default();
        tail.write_all(b"abc").unwrap();
        assert_eq!(tail.take(), b"abc");
        tail.write_all(b"de").unwrap();
        assert_eq!(tail.stream_position().unwrap(), 5);
        assert_eq!(tail.seek(SeekFrom::Start(5)).unwrap(), 5);
        assert!(tail.seek(SeekFrom::Start(3)).is_err() && tail.seek(SeekFrom::End(-1)).is_err());
        assert_eq!((tail.take(), tail.take()), (b"de".to_vec(), Vec::new()));
    }
}
