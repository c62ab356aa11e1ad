//! The brands of a file, which say what it holds.

use super::boxes::{BoxType, boxes};

/// A family of brands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brand {
    /// HEIF with HEVC pictures, or HEIF that does not say which codec it holds.
    Heic,
    /// HEIF with AV1 pictures.
    Avif,
}

/// The brands of HEIF files, still pictures before sequences. The general ones say nothing about the codec.
const HEVC: [&BoxType; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
const AV1: [&BoxType; 2] = [b"avif", b"avis"];
const GENERAL: [&BoxType; 4] = [b"mif1", b"mif2", b"msf1", b"miaf"];

/// Returns the family of a file's brands; `None` for a file that is not HEIF. The major brand decides if it names a
/// codec, and the first compatible brand that names one decides if it does not.
pub fn brand(bytes: &[u8]) -> Option<Brand> {
    let (kind, content) = boxes(bytes).next()?;
    if &kind != b"ftyp" {
        return None;
    }
    let major = content.first_chunk::<4>()?;
    let compatible = content.get(8..).unwrap_or_default().as_chunks::<4>().0;
    let codec = |brand: &BoxType| {
        if AV1.contains(&brand) {
            Some(Brand::Avif)
        } else if HEVC.contains(&brand) {
            Some(Brand::Heic)
        } else {
            None
        }
    };
    let general = std::iter::once(major).chain(compatible).any(|brand| GENERAL.contains(&brand));
    codec(major).or_else(|| if general { compatible.iter().find_map(codec).or(Some(Brand::Heic)) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(brands: &str) -> Vec<u8> {
        let mut words = brands.split(' ');
        let major = words.next().unwrap_or_default();
        let content = format!("ftyp{major}\0\0\0\0{}", words.collect::<String>());
        [(content.len() as u32 + 4).to_be_bytes().as_slice(), content.as_bytes()].concat()
    }

    #[test]
    fn brands_name_the_codec() {
        for (brands, want) in [
            ("heic mif1 heic", Some(Brand::Heic)),
            ("heix", Some(Brand::Heic)),
            ("hevc", Some(Brand::Heic)),
            ("mif1 heic", Some(Brand::Heic)),
            ("mif1", Some(Brand::Heic)),
            ("msf1 hevc", Some(Brand::Heic)),
            ("avif mif1 miaf", Some(Brand::Avif)),
            ("avis", Some(Brand::Avif)),
            ("mif1 miaf avif", Some(Brand::Avif)),
            ("isom mp41", None),
            ("qt  ", None),
            ("crx  isom", None),
        ] {
            assert_eq!(brand(&file(brands)), want, "{brands}");
        }
        assert_eq!(brand(b"\0\0\0\x0Cfreeavif"), None);
        assert_eq!(brand(b"\0\0\0\x08ftyp"), None);
    }
}
