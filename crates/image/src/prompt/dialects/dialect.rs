//! The description of a dialect.

use crate::prompt::texts::{Reading, Texts};

/// A dialect: the form in which one image generator writes its prompts into files.
///
/// A dialect recognises its texts by their content wherever possible, because programs that convert pictures move the
/// texts of PNG chunks into EXIF, XMP or comments, under other keywords.
pub trait Dialect: Sync {
    /// Returns the keywords of the chunks that the generator writes. Each keyword begins a chunk when the stored form
    /// is read back.
    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns keywords that are ordinary words. These begin a chunk only in a stored form that begins with one of
    /// them, because prompts and settings have such words at the start of a line too.
    fn word_keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// Finds the texts that the generator wrote, and reads the parts from them.
    fn read(&self, texts: &Texts<'_>) -> Reading;
}
