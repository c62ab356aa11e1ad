//! The reasons for which a picture is refused.

use crate::decode::refusal::Refusal;
use crate::formats::FileType;
use crate::other_content::OtherContent;

/// The reason for which a picture is refused. The message tells the sender of the file what to do; `detail` fields hold
/// the decoder's message and belong in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The content is of a type that this crate does not read.
    #[error("unsupported file type: {found}. Send a {} picture", FileType::all_names())]
    UnsupportedType {
        /// The kind of content that the bytes look like.
        found: OtherContent,
    },
    /// The type is read, but the file is of a rare kind that is not (for example a TIFF of 64-bit samples).
    #[error("this kind of {file_type} is not supported; save the picture as PNG or ordinary JPEG and send that")]
    UnsupportedKind {
        /// The type of the file.
        file_type: FileType,
        /// The feature that is not read, for the log.
        detail: String,
    },
    /// The header announces more pixels than the limit. No pixel was decoded.
    #[error("the picture has {width} × {height} pixels and at most {max_pixels} are accepted; send a smaller version")]
    TooManyPixels {
        /// Width in pixels, as the header says.
        width: u32,
        /// Height in pixels, as the header says.
        height: u32,
        /// The limit on their product.
        max_pixels: u64,
    },
    /// The header announces an edge longer than the limit. No pixel was decoded.
    #[error("the picture has {width} × {height} pixels and neither edge may exceed {max_edge}; send a smaller version")]
    EdgeTooLong {
        /// Width in pixels, as the header says.
        width: u32,
        /// Height in pixels, as the header says.
        height: u32,
        /// The limit on each edge.
        max_edge: u32,
    },
    /// Decoding would need more working memory than the limit.
    #[error(
        "decoding this {file_type} needs more than {max_bytes} bytes of memory; send it smaller, or as 8-bit PNG or ordinary JPEG"
    )]
    TooMuchMemory {
        /// The type of the file.
        file_type: FileType,
        /// The limit in bytes.
        max_bytes: u64,
    },
    /// The system does not give the memory that decoding needs now. The same call may succeed later.
    #[error("the server has too little memory for this {file_type} now; try again later, or send a smaller version")]
    OutOfMemory {
        /// The type of the file.
        file_type: FileType,
    },
    /// The file is damaged, cut off, empty of pixels, or contradicts itself.
    #[error("the {file_type} file is damaged or incomplete; open it, export it again and send the new file")]
    Corrupt {
        /// The type of the file.
        file_type: FileType,
        /// The decoder's message, for the log.
        detail: String,
    },
    /// A thumbnail could not be written.
    #[error("the thumbnail could not be made; try again, and report it if it happens again")]
    Encode {
        /// The encoder's message, for the log.
        detail: String,
    },
}

impl ImageError {
    /// Returns the decoder's or encoder's message, for the log; `None` when [`ImageError`]'s own message says
    /// everything.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::UnsupportedKind { detail, .. } | Self::Corrupt { detail, .. } | Self::Encode { detail } => {
                Some(detail)
            }
            Self::UnsupportedType { .. }
            | Self::TooManyPixels { .. }
            | Self::EdgeTooLong { .. }
            | Self::TooMuchMemory { .. }
            | Self::OutOfMemory { .. } => None,
        }
    }

    /// Adds the type of the file that a decoder refused.
    pub(crate) fn refused(file_type: FileType, refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooManyPixels { width, height, max_pixels } => Self::TooManyPixels { width, height, max_pixels },
            Refusal::EdgeTooLong { width, height, max_edge } => Self::EdgeTooLong { width, height, max_edge },
            Refusal::TooMuchMemory { max_bytes } => Self::TooMuchMemory { file_type, max_bytes },
            Refusal::OutOfMemory => Self::OutOfMemory { file_type },
            Refusal::UnsupportedKind { detail } => Self::UnsupportedKind { file_type, detail },
            Refusal::Corrupt { detail } => Self::Corrupt { file_type, detail },
        }
    }
}
