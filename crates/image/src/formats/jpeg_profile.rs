//! The ICC colour profile of a JPEG, which may be spread over several segments.

use std::borrow::Cow;

/// The beginning of an APP2 segment that holds a part of a profile.
const SIGNATURE: &[u8] = b"ICC_PROFILE\0";

/// The parts of a profile, with the number that each part states, from 1.
#[derive(Default)]
pub struct JpegProfile<'a> {
    parts: Vec<(u8, &'a [u8])>,
    count: u8,
}

impl<'a> JpegProfile<'a> {
    /// Adds the payload of an APP2 segment if it is a part of a profile: a signature, its number, the number of parts,
    /// then the bytes. A number that was seen before is skipped, so that there are 255 parts at most.
    pub fn add(&mut self, payload: &'a [u8]) {
        if let Some([number, count, part @ ..]) = payload.strip_prefix(SIGNATURE)
            && self.parts.iter().all(|(seen, _)| seen != number)
        {
            self.parts.push((*number, part));
            self.count = *count;
        }
    }

    /// Returns the parts joined in the order of their numbers; `None` when there are none or some are missing.
    pub fn join(mut self) -> Option<Cow<'a, [u8]>> {
        if self.parts.is_empty() || self.parts.len() != usize::from(self.count) {
            return None;
        }
        self.parts.sort_unstable_by_key(|(number, _)| *number);
        match self.parts.as_slice() {
            [(_, whole)] => Some(Cow::Borrowed(whole)),
            parts => Some(Cow::Owned(parts.iter().flat_map(|(_, part)| *part).copied().collect())),
        }
    }
}
