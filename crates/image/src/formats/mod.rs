//! The formats of pictures that are read, one file or folder each. A new format is a file here, its `mod` line, its row in
//! `file_types!`, and its decoder in the workspace's Cargo.toml.

mod avif;
mod bmp;
mod format;
mod gif;
mod gif_pixels;
mod heic;
mod heif;
mod jpeg;
mod jpeg_profile;
mod jpeg_xmp;
mod jxl;
mod png;
mod png_pixels;
mod png_profile;
mod png_text;
mod raw;
mod tiff;
mod webp;
mod webp_pixels;

use std::fmt;

use crate::decode::raster::Raster;
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::metadata::Metadata;
use format::Format;

pub(crate) use raw::is_camera_raw;

/// Declares [`FileType`] from one row for each format: the variant and the file that describes it.
macro_rules! file_types {
    ($($(#[$doc:meta])* $variant:ident: $module:ident,)*) => {
        /// A type of picture that is read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FileType {
            $($(#[$doc])* $variant,)*
        }

        impl FileType {
            /// Every type.
            pub const ALL: [Self; [$($module::FORMAT.name),*].len()] = [$(Self::$variant),*];

            const fn format(self) -> &'static Format {
                match self {
                    $(Self::$variant => &$module::FORMAT,)*
                }
            }
        }
    };
}

file_types! {
    /// `image/jpeg`
    Jpeg: jpeg,
    /// `image/png`, including APNG
    Png: png,
    /// `image/gif`
    Gif: gif,
    /// `image/webp`
    WebP: webp,
    /// `image/bmp`
    Bmp: bmp,
    /// `image/tiff`
    Tiff: tiff,
    /// `image/heic`, HEIF with HEVC pictures
    Heic: heic,
    /// `image/avif`
    Avif: avif,
    /// `image/jxl`
    JpegXl: jxl,
}

impl FileType {
    /// Returns the IANA media type, safe to send as Content-Type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        self.format().media_type
    }

    /// Returns the extensions of file names in lower case, the usual one first.
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        self.format().extensions
    }

    /// Returns the type with this [media type](Self::media_type) in lower case.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.media_type() == media_type)
    }

    /// Returns the type with this file-name [extension](Self::extensions), in upper or lower case, without a dot.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.extensions().iter().any(|e| e.eq_ignore_ascii_case(extension)))
    }

    /// Returns the names of all types for a sentence: `JPEG, PNG or GIF`.
    #[must_use]
    pub fn all_names() -> String {
        let names = Self::ALL.map(|t| t.format().name);
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => names.concat(),
        }
    }

    /// Returns the type whose first bytes these are.
    pub(crate) fn from_first_bytes(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|t| (t.format().matches)(bytes))
    }

    /// Decodes the first frame or page of a file of this type, as the file stores it.
    pub(crate) fn decode(self, bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
        (self.format().decode)(bytes, request)
    }

    /// Reads the metadata of a file of this type, with `max_texts` pieces of text at most.
    pub(crate) fn metadata(self, bytes: &[u8], max_texts: usize) -> Metadata<'_> {
        (self.format().metadata)(bytes, max_texts)
    }
}

/// Writes the familiar name, for messages: `JPEG`, `WebP`.
impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.format().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_type_leads_back_to_it_and_to_no_other() {
        for file_type in FileType::ALL {
            assert_eq!(FileType::from_media_type(file_type.media_type()), Some(file_type));
            assert!(!file_type.extensions().is_empty());
            for extension in file_type.extensions() {
                assert_eq!(*extension, extension.to_ascii_lowercase());
                assert_eq!(FileType::from_extension(&extension.to_ascii_uppercase()), Some(file_type));
            }
        }
        assert_eq!(FileType::from_media_type("image/svg+xml"), None);
        assert_eq!(FileType::from_extension("txt"), None);
    }

    #[test]
    fn messages_name_every_type() {
        assert_eq!(FileType::all_names(), "JPEG, PNG, GIF, WebP, BMP, TIFF, HEIC, AVIF or JPEG XL");
    }
}
