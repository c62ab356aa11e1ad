//! The question to a decoder: which limits hold, and how large a picture suffices.

use super::limits::DecodeLimits;

/// A request to a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeRequest {
    /// The limits on the cost. They are those of the whole picture, even where a smaller one is decoded.
    pub limits: DecodeLimits,
    /// The size that suffices; `None` asks for every pixel. A decoder that gets a smaller picture cheaply (JPEG) gives
    /// one that is not below this size; the others give the whole picture.
    pub enough: Option<Enough>,
}

impl DecodeRequest {
    /// Asks for the whole picture.
    #[must_use]
    pub fn whole(limits: &DecodeLimits) -> Self {
        Self { limits: *limits, enough: None }
    }

    /// Asks for a picture that may be smaller than the file's, but not smaller than `enough`.
    #[must_use]
    pub fn at_least(limits: &DecodeLimits, enough: Enough) -> Self {
        Self { limits: *limits, enough: Some(enough) }
    }
}

impl From<&DecodeLimits> for DecodeRequest {
    fn from(limits: &DecodeLimits) -> Self {
        Self::whole(limits)
    }
}

/// The smallest picture that suffices: both edges are at least as long as stated here, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enough {
    /// The length of the shorter edge.
    pub shorter: u32,
    /// The length of the longer edge.
    pub longer: u32,
}

impl Enough {
    /// Returns the size that suffices for both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { shorter: self.shorter.max(other.shorter), longer: self.longer.max(other.longer) }
    }

    /// Tells whether a picture of this width and height suffices.
    #[must_use]
    pub fn is_met_by(self, (width, height): (u32, u32)) -> bool {
        width.min(height) >= self.shorter && width.max(height) >= self.longer
    }
}
