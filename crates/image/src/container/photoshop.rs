//! The image resources of Photoshop, which hold IPTC records in JPEG, TIFF and PNG.

use super::pieces::take;

/// The number of the resource that holds IPTC records.
const IPTC: u16 = 0x0404;

/// Returns the IPTC records among image resources.
pub fn iptc(resources: &[u8]) -> Option<&[u8]> {
    blocks(resources).find_map(|(number, data)| (number == IPTC).then_some(data))
}

/// Returns `(number, data)` of each resource, up to the first that is malformed or cut off.
fn blocks(resources: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = resources;
    std::iter::from_fn(move || {
        // Other programs than Photoshop have signatures of their own.
        if !matches!(take(&mut rest, 4)?, b"8BIM" | b"PHUT" | b"AgHg" | b"DCSR" | b"MeSa") {
            return None;
        }
        let number = u16::from_be_bytes(take(&mut rest, 2)?.try_into().ok()?);
        // The name with its length byte, and the data, are padded to an even length.
        let name = usize::from(*take(&mut rest, 1)?.first()?);
        take(&mut rest, name + (name + 1) % 2)?;
        let length = usize::try_from(u32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?)).ok()?;
        let data = take(&mut rest, length)?;
        let _ = take(&mut rest, length % 2);
        Some((number, data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_data_of_odd_length_are_padded() {
        let resources = b"8BIM\x03\xED\x02ab\0\0\0\0\x01x\0AgHg\x04\x04\0\0\0\0\0\x02yz";
        assert_eq!(blocks(resources).collect::<Vec<_>>(), [(0x03ED, b"x".as_slice()), (0x0404, b"yz")]);
        assert_eq!(iptc(resources), Some(b"yz".as_slice()));
        for end in 0..resources.len() {
            assert_eq!(iptc(&resources[..end]), None);
        }
    }
}
