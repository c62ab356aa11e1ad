//! The chunks of a RIFF file. A WebP file is a RIFF file.

use super::pieces::take;

/// Returns `(type of four letters, content)` of each chunk after the WebP header, up to the place where the file is cut
/// off.
pub fn riff_chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    std::iter::from_fn(move || {
        let kind: [u8; 4] = take(&mut rest, 4)?.try_into().ok()?;
        let length = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        let data = take(&mut rest, length)?;
        // Chunks are padded to an even length. Some writers leave out the pad byte, which is zero; no type begins so.
        if length % 2 == 1 && rest.first() == Some(&0) {
            rest = &rest[1..];
        }
        Some((kind, data))
    })
}
