//! The files of the page as they are served: the style sheets joined into one and the modules into another, the addresses
//! of files with a digest of all of them, and each text compressed once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use mitsuke_image::FileType;
use mitsuke_store::Sha256;

use super::bundle;
use super::{CSS, ENTRY, FILES, HTML, JS, MANIFEST, MANIFEST_NAME, PAGE, PNG, SCRIPT, STYLE_SHEET};

/// The digits of a digest in an address. They tell versions of the page apart and need not be more.
const DIGITS: usize = 12;

/// The quality of Brotli. The highest, 11, takes much longer.
const QUALITY: u32 = 9;

/// The window of Brotli: 4 MiB, which no file exceeds.
const WINDOW: u32 = 22;

/// The beginning and the end of the line of a style sheet in the page.
const STYLE_LINK: (&str, &str) = ("  <link rel=\"stylesheet\" href=\"assets/", "\">\n");

/// The files of this program.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::new);

/// A file as it is served.
pub struct Asset {
    pub media_type: &'static str,
    pub bytes: Bytes,
    /// The SHA-256 of the bytes.
    pub hash: String,
    brotli: OnceLock<Bytes>,
}

impl Asset {
    fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { media_type, hash: Sha256::of(&bytes).to_string(), bytes, brotli: OnceLock::new() }
    }

    /// Returns the bytes compressed by Brotli, which are made when somebody asks for them first; `None` for a format that
    /// compresses already.
    pub fn brotli(&self) -> Option<Bytes> {
        let compressed = || {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4_096, QUALITY, WINDOW);
            // Writing into memory does not fail.
            let _ = writer.write_all(&self.bytes);
            Bytes::from(writer.into_inner())
        };
        (self.media_type != PNG).then(|| self.brotli.get_or_init(compressed).clone())
    }
}

/// The files of the page.
pub struct Assets {
    /// The page itself.
    pub page: Asset,
    /// The description of the page as an app.
    pub manifest: Asset,
    /// The other files by their names below /assets.
    files: BTreeMap<&'static str, Asset>,
    /// The first digits of the digest of all files.
    digest: String,
}

impl Assets {
    fn new() -> Self {
        let html = text(PAGE).replace("<!-- file types -->", &file_types());
        let (html, style) = joined_style(&html);
        let mut files: BTreeMap<_, _> = FILES
            .iter()
            .filter(|(name, ..)| ![PAGE, MANIFEST_NAME].contains(name))
            .map(|(name, media_type, bytes)| (*name, Asset::new(media_type, *bytes)))
            .collect();
        files.insert(STYLE_SHEET, Asset::new(CSS, style));
        files.insert(SCRIPT, Asset::new(JS, bundled().unwrap_or_else(|_| format!("import \"./{ENTRY}\";\n"))));
        let all: String = files.iter().map(|(name, file)| format!("{name} {}\n", file.hash)).collect();
        let mut digest = Sha256::of(all.as_bytes()).to_string();
        digest.truncate(DIGITS);
        let folder = format!("\"assets/{digest}/");
        let html =
            html.replace(&format!("\"assets/{ENTRY}"), &format!("\"assets/{SCRIPT}")).replace("\"assets/", &folder);
        let manifest = text(MANIFEST_NAME).replace("\"assets/", &folder);
        Self { page: Asset::new(HTML, html), manifest: Asset::new(MANIFEST, manifest), files, digest }
    }

    /// Returns the file at a path below /assets, and whether its address changes when the file does.
    pub fn at(&self, path: &str) -> Option<(&Asset, bool)> {
        match path.strip_prefix(self.digest.as_str()).and_then(|rest| rest.strip_prefix('/')) {
            Some(name) => self.files.get(name).map(|file| (file, true)),
            None => self.files.get(path).map(|file| (file, false)),
        }
    }
}

/// Returns the text of a file of the table.
fn text(name: &str) -> &'static str {
    let file = FILES.iter().find(|(known, ..)| *known == name);
    file.and_then(|(.., bytes)| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Returns the checkboxes of the filter: one for each type of picture.
fn file_types() -> String {
    let checkbox = |file_type: FileType| {
        let media_type = file_type.media_type();
        format!(r#"<label><input type="checkbox" name="type" value="{media_type}">{file_type}</label>"#)
    };
    FileType::ALL.map(checkbox).join("\n      ")
}

/// Joins the style sheets that the page names, in their order, so that a browser fetches one file.
fn joined_style(html: &str) -> (String, String) {
    let (begin, end) = STYLE_LINK;
    let (mut without, mut style) = (String::new(), String::new());
    for line in html.split_inclusive('\n') {
        let Some(name) = line.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)) else {
            without.push_str(line);
            continue;
        };
        if style.is_empty() {
            without.push_str(&format!("{begin}{STYLE_SHEET}{end}"));
        }
        style.push_str(text(name));
    }
    (without, style)
}

/// Returns all modules in one script. The page works with the modules, too, only slower.
fn bundled() -> Result<String, String> {
    let module = |name: &str| FILES.iter().any(|(known, ..)| *known == name).then(|| text(name));
    bundle::script(ENTRY, &module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> &'static str {
        std::str::from_utf8(&ASSETS.page.bytes).unwrap()
    }

    #[test]
    fn the_page_names_one_style_sheet_that_holds_all_in_their_order() {
        assert_eq!(page().matches("rel=\"stylesheet\"").count(), 1);
        let style = std::str::from_utf8(&ASSETS.files[STYLE_SHEET].bytes).unwrap();
        let sheets: Vec<_> = FILES.iter().filter(|(_, media_type, _)| *media_type == CSS).collect();
        assert_eq!(style.len(), sheets.iter().map(|(.., bytes)| bytes.len()).sum::<usize>());
        assert!(style.starts_with(text("base.css")));
    }

    #[test]
    fn every_address_of_the_page_has_the_digest_and_leads_to_a_file() {
        let manifest = std::str::from_utf8(&ASSETS.manifest.bytes).unwrap();
        let addresses: Vec<_> =
            [page(), manifest].into_iter().flat_map(|text| text.split("\"assets/").skip(1)).collect();
        assert!(addresses.len() > 5);
        for rest in addresses {
            let path = rest.split('"').next().unwrap();
            assert!(matches!(ASSETS.at(path), Some((_, true))), "{path}");
        }
        assert!(!page().contains("<!--"));
    }

    #[test]
    fn the_modules_of_the_page_fit_into_one_script() {
        let script = bundled().unwrap();
        assert!(script.contains("const $app = (() => {"), "{script}");
        assert_eq!(ASSETS.files[SCRIPT].bytes, script.as_bytes());
        assert!(page().contains(&format!(r#"src="assets/{}/{SCRIPT}""#, ASSETS.digest)));
    }

    #[test]
    fn the_filter_offers_every_type_of_picture() {
        for file_type in FileType::ALL {
            let checkbox = format!(r#"value="{}">{file_type}</label>"#, file_type.media_type());
            assert!(page().contains(&checkbox), "{file_type}");
        }
    }

    #[test]
    fn compressed_bytes_are_the_file() {
        for file in ASSETS.files.values().chain([&ASSETS.page, &ASSETS.manifest]) {
            let Some(compressed) = file.brotli() else {
                assert_eq!(file.media_type, PNG);
                continue;
            };
            let mut bytes = Vec::new();
            brotli::BrotliDecompress(&mut &compressed[..], &mut bytes).unwrap();
            assert_eq!(bytes, file.bytes);
        }
    }

    #[test]
    fn another_digest_is_no_address() {
        assert!(ASSETS.at("app.js").is_some_and(|(_, is_digested)| !is_digested));
        for path in ["0123456789ab/app.js", "nothing.js", "", "index.html", &format!("{}/", ASSETS.digest)] {
            assert!(ASSETS.at(path).is_none(), "{path}");
        }
    }
}
