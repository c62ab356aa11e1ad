//! The texts that cameras and programs write into the places of captions. This file is the one list of them.

use serde::de::IgnoredAny;

use super::read::folded;
use crate::text_chunks::{TextChunk, TextSource};

/// The keywords of PNG text that hold no caption, in lower case: facts about file and program, and names of persons.
const PNG_KEYS: &[&str] = &[
    "artist",
    "author",
    "by-line",
    "camera",
    "comment:author",
    "compression",
    "contributor",
    "copyright",
    "create-date",
    "createdate",
    "creation time",
    "creationtime",
    "creator",
    "creator tool",
    "credit",
    "date",
    "datetime",
    "datetimeoriginal",
    "disclaimer",
    "document",
    "gamma",
    "generator",
    "label",
    "make",
    "mimetype",
    "model",
    "modify-date",
    "modifydate",
    "orientation",
    "owner",
    "page",
    "person",
    "pixelformat",
    "producer",
    "program",
    "rating",
    "resolution",
    "rights",
    "signature",
    "software",
    "source",
    "time",
    "version",
    "warning",
];

/// The beginnings of keywords of PNG text that hold no caption, in lower case.
const PNG_KEY_PREFIXES: &[&str] = &[
    "date:",
    "exif:",
    "gimp:",
    "icc:",
    "iptc:",
    "jpeg:",
    "mx",
    "pdf:",
    "photoshop:",
    "png:",
    "raw profile type ",
    "svg:",
    "thumb:",
    "thumbnail",
    "tiff:",
    "webp:",
    "xml:",
    "xmp:",
    "xmpmm:",
];

/// Texts that are no captions, folded.
const TEXTS: &[&str] = &[
    // Cameras.
    "olympus digital camera",
    "sony dsc",
    "minolta digital camera",
    "konica minolta digital camera",
    "digital camera",
    "digital still camera",
    "digital stillcamera",
    "kodak digital still camera",
    "samsung",
    "samsung digital camera",
    "samsung camera pictures",
    "pentax digital camera",
    "casio digital camera",
    "ricoh",
    "panasonic dsc",
    "nikon dsc",
    "toshiba exif jpeg",
    "hp photosmart",
    "exif_jpeg_picture",
    "exif_jpeg_t422",
    "exif picture",
    "jpeg exif",
    "dcf",
    "dcfc1234",
    "mavica",
    "my beautiful picture",
    "default",
    "jfif",
    "vimicro corporation",
    "vivo",
    "oppo",
    "gopro",
    "binary comment",
    "applemark",
    "charset=ascii",
    "charset=unicode",
    // The codes of lenses and modes that telephones write.
    "bty",
    "burst",
    "cof",
    "cofs",
    "dav",
    "edf",
    "fbt",
    "fbtmdn",
    "hdr",
    "hdrpl",
    "jpeg",
    "mde",
    "nor",
    "oznor",
    "ptr",
    "rbt",
    "rhdr",
    "rptr",
    "sdr",
    "sdr_hdrb",
    "vhdr",
    "yolo",
    // Programs.
    "screenshot",
    "screen shot",
    "picasa",
    "untitled",
];

/// The beginnings of texts that are no captions, folded.
const TEXT_PREFIXES: &[&str] = &[
    // Encoders.
    "creator: gd-jpeg",
    "lavc",
    "lavf",
    "lead technologies",
    "intel(r) jpeg library",
    "jpeg encoder copyright",
    "optimized by jpegmini",
    "compressed by jpeg",
    "compressed with jpeg",
    "compressjpeg",
    "mozjpeg",
    "guetzli",
    "handmade software",
    "file written by adobe photoshop",
    "adobe photoshop",
    "adobe imageready",
    "created with gimp",
    "created with the gimp",
    "made with gimp",
    "gif made with gimp",
    "created with inkscape",
    "created with paint",
    "created with ulead",
    "ulead ",
    "u-lead systems",
    "created with screentogif",
    "gif edited with",
    "created with ezgif",
    "made with ezgif",
    "resized with ezgif",
    "resized on https://ezgif",
    "optimized using ezgif",
    "edited with ezgif",
    "optimized with https://ezgif",
    "created by imagemagick",
    "processed by ebay",
    "imagemagick",
    "gifbuilder",
    "created with gifbuilder",
    "created with easygif",
    "gif animator",
    "gif construction",
    "acd systems",
    "acdsee",
    "xv version",
    "cropped with",
    "fbmd",
    "imagej=",
    "paint.net",
    "paint shop pro",
    "microsoft office",
    "copyright (c) 1998 hewlett",
    // Telephones, which write the settings of a mode as `name: value;`.
    "filter: ",
    "hdr:",
    "hw-remosaic",
    "dcim",
];

/// The beginnings of codes that telephones write with a number.
const CODES: &[&str] = &["oppo_", "oplus_", "zzzz_"];

/// The longest text whose words are counted to tell a name of a file.
const MAX_FILE_NAME: usize = 64;

/// The longest word, in characters, of a text without spaces that a person writes in Latin letters.
const MAX_WORD: usize = 200;

/// Returns whether a camera or a program wrote the text, or the text is about a person.
pub fn is_noise(chunk: &TextChunk) -> bool {
    let key = chunk.key.to_lowercase();
    let is_noise_key = chunk.source == TextSource::PngText
        && (PNG_KEYS.contains(&key.as_str()) || PNG_KEY_PREFIXES.iter().any(|prefix| key.starts_with(prefix)));
    is_noise_key || is_listed(&chunk.text) || is_name_of_file(chunk.text.trim()) || !is_prose(chunk.text.trim())
}

fn is_listed(text: &str) -> bool {
    // No listed text is long.
    let head = folded(&text[..text.floor_char_boundary(512)]);
    TEXTS.contains(&head.as_str())
        || TEXT_PREFIXES.iter().any(|prefix| head.starts_with(prefix))
        || CODES.iter().any(|code| head.strip_prefix(code).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())))
}

/// Returns whether the text is the name that a camera gives a file, such as `IMG_1234` or `DSC01234.JPG`, or any word
/// with the extension of a picture.
fn is_name_of_file(text: &str) -> bool {
    if text.len() > MAX_FILE_NAME || text.contains(char::is_whitespace) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem);
    let has_extension = lower.rsplit_once('.').is_some_and(|(_, extension)| {
        matches!(
            extension,
            "jpg" | "jpeg" | "png" | "gif" | "webp" | "tif" | "tiff" | "heic" | "avif" | "bmp" | "psd" | "dng" | "mp4"
        )
    });
    let number = stem.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '-');
    let prefix = &stem[..stem.len() - number.len()];
    let is_counter = number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    let is_camera = matches!(
        prefix.trim_matches(['_', '-']),
        "img"
            | "dsc"
            | "dscn"
            | "dscf"
            | "dscf_"
            | "pict"
            | "p"
            | "pxl"
            | "mvimg"
            | "vid"
            | "image"
            | "photo"
            | "gopr"
            | "dji"
            | "cimg"
            | "imgp"
            | "sdc"
            | "kif"
            | "pana"
    );
    has_extension || is_counter && is_camera
}

/// Returns whether the text can be read: it has a letter and hardly any character that stands for damage, and it is
/// neither JSON, XML, encoded data nor a row of question marks, to which some programs reduce Japanese.
fn is_prose(text: &str) -> bool {
    let (mut characters, mut letters, mut bad, mut questions) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        characters += 1;
        letters += usize::from(c.is_alphabetic());
        bad += usize::from(c == char::REPLACEMENT_CHARACTER || c.is_control());
        questions += usize::from(c == '?');
    }
    letters > 0
        && bad * 10 <= characters
        && questions * 2 <= characters
        && !is_json(text)
        && !(text.starts_with('<') && text.ends_with('>'))
        && !(text.len() > MAX_WORD && text.is_ascii() && !text.contains(' '))
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}
