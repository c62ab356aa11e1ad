//! The texts in IPTC records (IPTC-IIM 4.2), which photo agencies and older programs write.
//!
//! Only the data sets below are read. The names of persons and places in IPTC are not.

use super::collector::Collector;
use super::encoding;
use crate::text_chunks::TextSource;

/// The byte before each data set.
const TAG_MARKER: u8 = 0x1C;

/// The texts that are read: record, data set, place and name.
const TEXTS: [(u8, u8, TextSource, &str); 4] = [
    (2, 5, TextSource::IptcTitle, "ObjectName"),
    (2, 105, TextSource::IptcHeadline, "Headline"),
    (2, 120, TextSource::IptcCaption, "Caption"),
    (2, 25, TextSource::IptcKeyword, "Keyword"),
];

/// The data set that names the character set of the second record.
const CHARACTER_SET: (u8, u8) = (1, 90);

/// Collects the texts of IPTC records in the order of the file.
pub fn collect(records: &[u8], collector: &mut Collector) {
    let charset = data_sets(records).find(|set| (set.record, set.number) == CHARACTER_SET);
    let decode = decoder(charset.map_or(b"", |set| set.value));
    for set in data_sets(records) {
        let text = TEXTS.iter().find(|(record, number, ..)| (*record, *number) == (set.record, set.number));
        if let Some((.., source, key)) = text {
            collector.add_text(*source, key, &decode(set.value));
        }
    }
}

/// Returns the function that decodes texts of this character set, which is an escape sequence of ISO 2022. Writers that
/// name UTF-8 or no character set are believed only as far as the bytes agree.
fn decoder(charset: &[u8]) -> fn(&[u8]) -> String {
    match charset {
        // UCS-2 and UTF-16 of levels 1 to 3.
        [0x1B, b'%', b'/', ..] => |bytes| encoding::decode_utf16(bytes, true),
        // ISO 8859-1.
        [0x1B, b'.' | b'-', b'A', ..] => encoding::decode_western,
        _ => encoding::decode,
    }
}

/// A data set: one value of a record.
struct DataSet<'a> {
    record: u8,
    number: u8,
    value: &'a [u8],
}

/// Returns the data sets up to the first that is malformed or cut off.
fn data_sets(records: &[u8]) -> impl Iterator<Item = DataSet<'_>> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let (&[marker, record, number, high, low], after) = rest.split_first_chunk()?;
        if marker != TAG_MARKER {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (length, after) = if length & 0x8000 == 0 {
            (length, after)
        } else {
            // An extended data set states the number of bytes of its length.
            let (bytes, after) = after.split_at_checked(length & 0x7FFF)?;
            if bytes.len() > 4 {
                return None;
            }
            (bytes.iter().fold(0, |length, &b| length << 8 | usize::from(b)), after)
        };
        let (value, after) = after.split_at_checked(length)?;
        rest = after;
        Some(DataSet { record, number, value })
    })
}
