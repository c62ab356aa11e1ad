//! The rule on files that lack a part of their picture, for all formats.
//!
//! A picture is never stored with wrong pixels. A file that is damaged or lacks a large part of its pixels is refused
//! as damaged ([`Refusal::Corrupt`]), a file whose pixels this crate cannot read right as of a kind that is not read
//! ([`Refusal::UnsupportedKind`]). A file that lacks only its end marker or the pixels of a few last bytes is whole.

use super::refusal::Refusal;

/// The part of the pixels that may be missing is one in this many.
const MISSING_AT_MOST: u64 = 50;

/// Checks how many of the pixels of a picture are missing, however the format counts them: in pixels, in samples or in
/// rows.
///
/// # Errors
/// [`Refusal::Corrupt`] when more than a fiftieth is missing.
pub fn check(missing: u64, all: u64) -> Result<(), Refusal> {
    if missing > all / MISSING_AT_MOST {
        return Err(Refusal::corrupt(format!("{missing} of {all} pixels are missing: the file is cut off")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fiftieth_of_the_pixels_may_be_missing() {
        assert_eq!(check(0, 1), Ok(()));
        assert_eq!(check(2, 100), Ok(()));
        assert!(matches!(check(3, 100), Err(Refusal::Corrupt { .. })));
        assert!(matches!(check(1, 49), Err(Refusal::Corrupt { .. })));
    }
}
