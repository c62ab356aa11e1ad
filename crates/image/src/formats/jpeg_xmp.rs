//! The extended XMP of a JPEG: a packet that is too long for one segment (XMP specification, part 3).

/// The beginning of an APP1 segment that holds a part of an extended packet.
const SIGNATURE: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// The largest size in bytes of an extended packet that is joined.
const MAX_BYTES: usize = 4 << 20;

/// The parts of an extended packet, with the offset of each.
#[derive(Default)]
pub struct ExtendedXmp<'a> {
    /// The identifier of the packet whose parts are gathered: the first that was seen.
    packet: Option<&'a [u8; 32]>,
    parts: Vec<(u32, &'a [u8])>,
    bytes: usize,
}

impl<'a> ExtendedXmp<'a> {
    /// Adds the payload of an APP1 segment if it is a part of an extended packet: a signature, the identifier of the
    /// packet, its length, the offset of the part, then the bytes.
    pub fn add(&mut self, payload: &'a [u8]) {
        let Some((packet, rest)) = payload.strip_prefix(SIGNATURE).and_then(<[u8]>::split_first_chunk::<32>) else {
            return;
        };
        let Some((&[_, _, _, _, o0, o1, o2, o3], part)) = rest.split_first_chunk() else { return };
        if *self.packet.get_or_insert(packet) == packet && self.bytes + part.len() <= MAX_BYTES {
            self.bytes += part.len();
            self.parts.push((u32::from_be_bytes([o0, o1, o2, o3]), part));
        }
    }

    /// Returns the parts joined in the order of their offsets, up to the first gap; `None` when there are none.
    pub fn join(mut self) -> Option<Vec<u8>> {
        self.parts.sort_by_key(|(offset, _)| *offset);
        let mut packet = Vec::with_capacity(self.bytes);
        for (offset, part) in self.parts {
            if usize::try_from(offset) != Ok(packet.len()) {
                break;
            }
            packet.extend_from_slice(part);
        }
        (!packet.is_empty()).then_some(packet)
    }
}
