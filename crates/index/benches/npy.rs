//! Files of NumPy arrays (format version 1.0).

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// The length of the header, which makes the numbers after it aligned.
const HEADER_BYTES: usize = 128;

/// A file of an array that is being written, row by row.
pub struct NpyFile {
    file: BufWriter<File>,
    element: &'static str,
}

impl NpyFile {
    /// Creates a file of `element`s, such as `<f4`.
    pub fn create(path: &Path, element: &'static str) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(Self { file, element })
    }

    /// Appends the bytes of some elements.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes the header.
    pub fn finish(mut self, shape: &[usize]) -> Result<(), Box<dyn std::error::Error>> {
        let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
        let text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({shape}), }}", self.element);
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(b"\x93NUMPY\x01\x00")?;
        self.file.write_all(&((HEADER_BYTES - 10) as u16).to_le_bytes())?;
        self.file.write_all(format!("{text:<width$}\n", width = HEADER_BYTES - 11).as_bytes())?;
        Ok(self.file.flush()?)
    }
}
