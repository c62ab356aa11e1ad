//! Reading the few EXIF values that this crate uses from a TIFF structure, without copying it.
//!
//! Only the tags below are read. The place where the picture was taken (the GPS directory) is not read, so that place
//! cannot be published.

use std::ops::Range;

/// An EXIF structure, borrowed from its file.
#[derive(Clone, Copy)]
pub struct Exif<'a> {
    /// The structure from its byte-order mark on, from which offsets count.
    tiff: &'a [u8],
    big_endian: bool,
}

/// Tags of the first directory and of the EXIF directory.
pub mod tag {
    /// The orientation of the camera, 1 to 8.
    pub const ORIENTATION: u16 = 0x0112;
    /// The offset of the EXIF directory.
    pub const EXIF_IFD: u16 = 0x8769;
    /// Free text after an eight-byte code that names its encoding.
    pub const USER_COMMENT: u16 = 0x9286;
    /// The camera's maker; ComfyUI writes its workflow here.
    pub const MAKE: u16 = 0x010F;
    /// The camera's name; ComfyUI writes its prompt here.
    pub const MODEL: u16 = 0x0110;
    /// A description of the picture.
    pub const IMAGE_DESCRIPTION: u16 = 0x010E;
    /// The name and version of a program.
    pub const SOFTWARE: u16 = 0x0131;
    /// The title that Windows writes, in UTF-16.
    pub const XP_TITLE: u16 = 0x9C9B;
    /// The comment that Windows writes, in UTF-16.
    pub const XP_COMMENT: u16 = 0x9C9C;
    /// The keywords that Windows writes, in UTF-16, separated by semicolons.
    pub const XP_KEYWORDS: u16 = 0x9C9E;
    /// The subject that Windows writes, in UTF-16.
    pub const XP_SUBJECT: u16 = 0x9C9F;
    /// The time at which the picture was taken, by the clock of the camera (EXIF directory).
    pub const DATE_TIME_ORIGINAL: u16 = 0x9003;
    /// The offset of the camera's clock from UTC (EXIF directory).
    pub const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
    /// The digits after the second in which the picture was taken (EXIF directory).
    pub const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;
    /// IPTC records.
    pub const IPTC: u16 = 33723;
    /// Photoshop resources.
    pub const PHOTOSHOP: u16 = 34377;
    /// An ICC colour profile.
    pub const ICC_PROFILE: u16 = 34675;
    /// An XMP packet.
    pub const XMP: u16 = 700;
}

impl<'a> Exif<'a> {
    /// Reads the header; `None` when the bytes are not a TIFF structure with 32-bit offsets. An `Exif\0\0` before the
    /// structure, which some WebP writers add, is skipped.
    pub fn parse(blob: &'a [u8]) -> Option<Self> {
        let tiff = blob.strip_prefix(b"Exif\0\0").unwrap_or(blob);
        match tiff {
            [b'I', b'I', 42, 0, ..] => Some(Self { tiff, big_endian: false }),
            [b'M', b'M', 0, 42, ..] => Some(Self { tiff, big_endian: true }),
            _ => None,
        }
    }

    /// Returns the orientation tag, if its value is one of the eight that exist.
    pub fn orientation(&self) -> Option<u8> {
        let value = self.find(self.first_ifd()?, tag::ORIENTATION)?;
        let value = match value {
            [_] => value[0],
            _ => u8::try_from(self.u16(value)?).ok()?,
        };
        (1..=8).contains(&value).then_some(value)
    }

    /// Returns the raw bytes of the user comment, including the code of its encoding. Some writers put the comment into
    /// the first directory.
    pub fn user_comment(&self) -> Option<&'a [u8]> {
        self.exif_directory(tag::USER_COMMENT).or_else(|| self.first_directory(tag::USER_COMMENT))
    }

    /// Returns the raw bytes of a tag of the EXIF directory.
    pub fn exif_directory(&self, tag: u16) -> Option<&'a [u8]> {
        let pointer = self.find(self.first_ifd()?, tag::EXIF_IFD)?;
        let exif_ifd = usize::try_from(self.u32(pointer)?).ok()?;
        self.find(exif_ifd, tag)
    }

    /// Returns whether numbers are stored with the most significant byte first.
    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// Returns the raw bytes of a tag of the first directory.
    pub fn first_directory(&self, tag: u16) -> Option<&'a [u8]> {
        self.find(self.first_ifd()?, tag)
    }

    fn first_ifd(&self) -> Option<usize> {
        usize::try_from(self.u32(self.tiff.get(4..8)?)?).ok()
    }

    /// Reads the 16-bit number at the start of `bytes`, in the byte order of the structure.
    pub fn u16(&self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// Returns the raw bytes of `tag` in the directory at `ifd`.
    fn find(&self, ifd: usize, tag: u16) -> Option<&'a [u8]> {
        self.tiff.get(self.locate(ifd, tag)?)
    }

    /// Returns the position of the value of `tag` in the directory at `ifd`. The function passes once over at most
    /// 65,535 entries.
    fn locate(&self, ifd: usize, tag: u16) -> Option<Range<usize>> {
        let directory = self.tiff.get(ifd..)?;
        let count = usize::from(self.u16(directory)?);
        let (index, entry) =
            directory[2..].chunks_exact(12).take(count).enumerate().find(|(_, entry)| self.u16(entry) == Some(tag))?;
        let unit = match self.u16(&entry[2..])? {
            // 129 is the UTF-8 of EXIF 3.
            1 | 2 | 6 | 7 | 129 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => return None,
        };
        let length = usize::try_from(self.u32(&entry[4..])?).ok()?.checked_mul(unit)?;
        // A value of up to four bytes stands in the entry itself; a longer one stands at the offset in the entry.
        let start =
            if length <= 4 { ifd + 2 + 12 * index + 8 } else { usize::try_from(self.u32(&entry[8..])?).ok()? };
        Some(start..start.checked_add(length)?)
    }

    fn u32(&self, bytes: &[u8]) -> Option<u32> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}
