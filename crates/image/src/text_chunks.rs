//! The text of a file as keywords, texts and the places in which they stand.

/// A text, its keyword and its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChunk {
    /// The keyword, for example `parameters`; never empty. A place that holds one text gives its name, for example
    /// `UserComment`.
    pub key: String,
    /// The text without NUL characters, otherwise as written.
    pub text: String,
    /// The place of the text in the file.
    pub source: TextSource,
}

impl TextChunk {
    /// Makes a chunk.
    #[must_use]
    pub fn new(key: impl Into<String>, text: impl Into<String>, source: TextSource) -> Self {
        Self { key: key.into(), text: text.into(), source }
    }
}

/// A place in which files hold text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextSource {
    /// A `tEXt`, `zTXt` or `iTXt` chunk of PNG. The keyword is that of the chunk.
    PngText,
    /// A comment segment of JPEG.
    JpegComment,
    /// A comment extension of GIF.
    GifComment,
    /// The user comment of EXIF.
    UserComment,
    /// The description in EXIF or TIFF.
    ImageDescription,
    /// The maker of the camera in EXIF. Image generators write here too.
    Make,
    /// The model of the camera in EXIF. Image generators write here too.
    CameraModel,
    /// The name of a program in EXIF. Image generators write here too.
    Software,
    /// The title that Windows writes into EXIF.
    XpTitle,
    /// The subject that Windows writes into EXIF.
    XpSubject,
    /// The comment that Windows writes into EXIF.
    XpComment,
    /// The keywords that Windows writes into EXIF, separated by semicolons.
    XpKeywords,
    /// The object name of IPTC.
    IptcTitle,
    /// The headline of IPTC.
    IptcHeadline,
    /// The caption of IPTC.
    IptcCaption,
    /// One keyword of IPTC.
    IptcKeyword,
    /// `dc:title` of XMP.
    XmpTitle,
    /// `photoshop:Headline` of XMP.
    XmpHeadline,
    /// `dc:description` of XMP.
    XmpDescription,
    /// One keyword in `dc:subject` of XMP.
    XmpSubject,
    /// One keyword in `lr:hierarchicalSubject` of XMP, from the general to the particular: `Places|Japan|Kyoto`.
    XmpHierarchicalSubject,
    /// `exif:UserComment` of XMP.
    XmpUserComment,
    /// The time at which the picture was taken, in EXIF or XMP: `2024-05-01T12:34:56.78+09:00`, of which the fraction,
    /// the offset and the time of day may be missing.
    TakenAt,
    /// A property of XMP into which an image generator writes. The keyword is the property's local name.
    XmpOther,
    /// Bits of the pixels in which an image generator hides its text.
    Stealth,
    /// A stored text that is read back. The place in the file is not known any more.
    Stored,
}

/// The text of a file, place by place, each in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextChunks {
    /// The chunks. A keyword that occurs several times in the file occurs equally often in this list.
    pub chunks: Vec<TextChunk>,
    /// Whether the file holds more text than `TextLimits` allow.
    pub truncated: bool,
}

impl TextChunks {
    /// Returns the text of the first chunk with this keyword.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.chunks.iter().find(|chunk| chunk.key == key).map(|chunk| chunk.text.as_str())
    }
}
