//! The recognition of camera RAW files, which are not read.
//!
//! Source of the beginnings: the readers of LibRaw and dcraw.

use super::tiff;

/// Returns whether the bytes begin a camera RAW file. `bytes` may be the beginning of a file; a file that keeps the
/// description of its picture behind them is not recognised.
pub fn is_camera_raw(bytes: &[u8]) -> bool {
    match bytes {
        // Canon CR2, which is a TIFF, and CR3, which has the boxes of a video.
        [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..] => true,
        [_, _, _, _, b'f', b't', b'y', b'p', b'c', b'r', b'x', ..] => true,
        // Olympus ORF, Panasonic RW2, Fujifilm RAF, Sigma X3F.
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] | [b'I', b'I', b'U', 0, ..] => true,
        _ if bytes.starts_with(b"FUJIFILMCCD-RAW") || bytes.starts_with(b"FOVb") => true,
        // DNG, Nikon NEF, Sony ARW, Pentax PEF, Samsung SRW, Hasselblad 3FR.
        _ => tiff::is_camera_raw(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::is_camera_raw;

    #[test]
    fn camera_raw_files_are_told_by_their_beginning() {
        for bytes in [
            b"II*\0\x10\0\0\0CR\x02\0".as_slice(),
            b"\0\0\0\x18ftypcrx \0\0\0\x01",
            b"IIRO\x08\0\0\0",
            b"IIRS\x08\0\0\0",
            b"MMOR\0\0\0\x08",
            b"IIU\0\x18\0\0\0",
            b"FUJIFILMCCD-RAW 0201",
            b"FOVb\0\0\x02\0",
        ] {
            assert!(is_camera_raw(bytes), "{bytes:?}");
        }
        for bytes in [b"II*\0\x10\0\0\0".as_slice(), b"MM\0*\0\0\0\x08", b"FUJIFILM", b"IIR", b"\0\0\0\x18ftypisom"] {
            assert!(!is_camera_raw(bytes), "{bytes:?}");
        }
    }
}
