//! Captions for the pictures of an upload: a text file beside each picture, or one table for all.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use mitsuke_image::decode_text;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::scan::SourceFile;

/// The size of the largest text file beside a picture that is read as a caption, in bytes.
const MAX_SIDECAR_BYTES: u64 = 4 << 20;

/// The reason why captions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaptionError {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The file holds bytes that are no text.
    #[error("{} is no text file. Save it as UTF-8 (Excel: \"CSV UTF-8\")", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// The table is not a CSV or JSON Lines table of captions.
    #[error("{}: {reason}", path.display())]
    InvalidTable {
        /// The file.
        path: PathBuf,
        /// The fault and its line.
        reason: String,
    },
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionRow {
    /// The line where the row begins, from 1.
    pub line: u64,
    /// The file that the row names, as written.
    pub file: String,
    /// The caption, trimmed; empty means no caption.
    pub caption: String,
}

/// The extensions of the text files beside pictures, the one that counts first in front. Each may be written in lower
/// case, in upper case, or with a capital.
pub const SIDECAR_EXTENSIONS: [&str; 2] = ["txt", "caption"];

/// Reads the caption of a picture from the text file beside it: `cat.jpg.txt`, `cat.txt`, `cat.jpg.caption` or
/// `cat.caption`, whichever comes first. The text may be in UTF-8, UTF-16, Shift_JIS or EUC-JP. Returns `None` when there
/// is no such file, or it is blank.
///
/// # Errors
/// When the file is there and cannot be used.
pub fn sidecar_caption(picture: &Path) -> Result<Option<String>, CaptionError> {
    for path in sidecars(picture) {
        if path == picture {
            continue;
        }
        match read_sidecar(&path) {
            Ok(text) => return Ok(Some(decode(&path, &text)?.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(CaptionError::Read { path, cause }),
        }
    }
    Ok(None)
}

/// Returns the places of the text file of a picture, in the order in which they count.
fn sidecars(picture: &Path) -> impl Iterator<Item = PathBuf> {
    SIDECAR_EXTENSIONS.into_iter().flat_map(move |extension| {
        let (head, tail) = extension.split_at(1);
        let written = [extension.to_owned(), extension.to_ascii_uppercase(), head.to_ascii_uppercase() + tail];
        let long = written.clone().map(|extension| {
            let mut path = picture.as_os_str().to_owned();
            path.push(".");
            path.push(extension);
            PathBuf::from(path)
        });
        long.into_iter().chain(written.map(|extension| picture.with_extension(extension)))
    })
}

fn read_sidecar(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIDECAR_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIDECAR_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too large for a caption"));
    }
    Ok(bytes)
}

/// Decodes a text in whatever encoding it has.
fn decode(path: &Path, bytes: &[u8]) -> Result<String, CaptionError> {
    let text = decode_text(bytes);
    let is_odd = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace());
    if text.contains(is_odd) { Err(CaptionError::NoText { path: path.to_owned() }) } else { Ok(text) }
}

/// Reads a table of captions: JSON Lines when its name ends in `.jsonl` or `.ndjson`, else CSV. The first line of a
/// CSV table names the columns `file` and `caption`, in any order and among others.
///
/// # Errors
/// When the table cannot be read, or one of its lines is broken.
pub fn read_table(path: &Path) -> Result<Vec<CaptionRow>, CaptionError> {
    let bytes = fs::read(path).map_err(|cause| CaptionError::Read { path: path.to_owned(), cause })?;
    let text = decode(path, &bytes)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let rows = match extension.as_deref() {
        Some("jsonl" | "ndjson") => parse_jsonl(&text),
        _ => parse_csv(&text),
    };
    rows.map_err(|reason| CaptionError::InvalidTable { path: path.to_owned(), reason })
}

fn parse_csv(text: &str) -> Result<Vec<CaptionRow>, String> {
    // The CSV reader miscounts lines that end in CRLF.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        header.iter().position(|title| title.trim().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let columns: Vec<_> = header.iter().collect();
            format!("the first line names no column `{name}`; it names: {}", columns.join(", "))
        })
    };
    let (file, caption) = (column("file")?, column("caption")?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index: usize| record.get(index).ok_or_else(|| format!("line {line} has too few columns"));
        let row = CaptionRow { line, file: field(file)?.trim().to_owned(), caption: field(caption)?.trim().to_owned() };
        rows.push(row);
    }
    Ok(rows)
}

fn parse_jsonl(text: &str) -> Result<Vec<CaptionRow>, String> {
    #[derive(Deserialize)]
    struct Line {
        file: String,
        #[serde(default)]
        caption: Option<String>,
    }
    let mut rows = Vec::new();
    for (line, text) in (1u64..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let parsed: Line = serde_json::from_str(text).map_err(|error| {
            format!("line {line} is not like {{\"file\": \"cat.jpg\", \"caption\": \"猫\"}}: {error}")
        })?;
        rows.push(CaptionRow {
            line,
            file: parsed.file,
            caption: parsed.caption.unwrap_or_default().trim().to_owned(),
        });
    }
    Ok(rows)
}

/// Finds the file of each row. Returns the captions by the absolute path of their file, and warnings about rows
/// without a file and files with two rows. The names in the table are absolute, or relative to one of `bases`; both
/// `\` and `/` separate folders. Composed and decomposed accents and kana marks (macOS writes these) are equal.
#[must_use]
pub fn match_rows(
    rows: &[CaptionRow],
    bases: &[PathBuf],
    files: &[SourceFile],
) -> (HashMap<PathBuf, String>, Vec<String>) {
    let mut by_name: HashMap<String, Vec<&Path>> = HashMap::new();
    for file in files {
        by_name.entry(normalized(&file.absolute_path)).or_default().push(&file.absolute_path);
    }
    let (mut captions, mut warnings) = (HashMap::new(), Vec::new());
    let mut lines: HashMap<&Path, u64> = HashMap::new();
    for row in rows {
        let written = [row.file.clone(), row.file.replace('\\', "/")];
        let places = written.iter().flat_map(|name| bases.iter().map(move |base| base.join(name)));
        let Some(paths) = places.map(|place| normalized(&place)).find_map(|name| by_name.get(&name)) else {
            warnings.push(format!("line {}: no file to upload is named {}", row.line, row.file));
            continue;
        };
        for &path in paths {
            if let Some(before) = lines.insert(path, row.line) {
                warnings.push(format!("line {} names the same file as line {before}; the later line counts", row.line));
            }
            if row.caption.is_empty() {
                captions.remove(path);
            } else {
                captions.insert(path.to_owned(), row.caption.clone());
            }
        }
    }
    (captions, warnings)
}

/// Returns a path without `.` and `..` and in Unicode NFC, for comparison.
fn normalized(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean.to_string_lossy().nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source_file(path: &str) -> SourceFile {
        SourceFile { path: path.into(), absolute_path: path.into(), source_path: None, bytes: 1, modified_ns: None }
    }

    fn row(line: u64, file: &str, caption: &str) -> CaptionRow {
        CaptionRow { line, file: file.into(), caption: caption.into() }
    }

    #[test]
    fn a_csv_may_have_other_columns_quotes_and_a_byte_order_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captions.csv");
        fs::write(&path, "\u{FEFF}Caption,author,file\r\n\"海, 夕焼け\",x,a.jpg\r\n\"two\nlines\",y,b.jpg\r\n")
            .unwrap();
        let rows = read_table(&path).unwrap();
        assert_eq!(rows, [row(2, "a.jpg", "海, 夕焼け"), row(3, "b.jpg", "two\nlines")]);
    }

    #[test]
    fn json_lines_may_have_blank_lines_and_rows_without_a_caption() {
        let rows = parse_jsonl("{\"file\":\"a.jpg\",\"caption\":\" 猫 \"}\n\n{\"file\":\"b.jpg\",\"caption\":null}\n");
        assert_eq!(rows.unwrap(), [row(1, "a.jpg", "猫"), row(3, "b.jpg", "")]);
        assert!(parse_jsonl("{\"file\":\"a\"}\n[]").unwrap_err().starts_with("line 2 is not like"));
    }

    #[test]
    fn a_table_without_its_columns_or_with_short_lines_is_refused() {
        assert!(parse_csv("name,caption\na,b").unwrap_err().contains("no column `file`"));
        assert!(parse_csv("file,caption\na.jpg").unwrap_err().contains("line 2 has too few columns"));
        assert!(parse_csv("").unwrap_err().contains("no column `file`"));
    }

    #[test]
    fn a_table_is_read_in_the_encoding_in_which_excel_saved_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captions.csv");
        // 海の写真 in Shift_JIS.
        fs::write(&path, b"file,caption\na.jpg,\x8A\x43\x82\xCC\x8E\xCA\x90\x5E\n").unwrap();
        assert_eq!(read_table(&path).unwrap(), [row(2, "a.jpg", "海の写真")]);
        let utf_16: Vec<u8> = "\u{FEFF}file,caption\na.jpg,海\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(&path, utf_16).unwrap();
        assert_eq!(read_table(&path).unwrap(), [row(2, "a.jpg", "海")]);
        fs::write(&path, b"file,caption\na.jpg,\x01\n").unwrap();
        assert!(read_table(&path).unwrap_err().to_string().contains("no text file"));
    }

    #[test]
    fn a_text_file_is_found_whatever_the_case_and_the_encoding() {
        let folder = tempfile::tempdir().unwrap();
        let utf_16 = b"\xFF\xFE\x2F\x6E\x6E\x30\x2B\x73".as_slice();
        for (sidecar, bytes) in [
            ("a.TXT", "港の猫".as_bytes()),
            ("b.png.Txt", utf_16),
            ("c.caption", b"\x8D\x60\x82\xCC\x94\x4C"),
            ("d.png.CAPTION", b"\xB9\xC1\xA4\xCE\xC7\xAD"),
        ] {
            fs::write(folder.path().join(sidecar), bytes).unwrap();
            let picture = folder.path().join(&sidecar[..1]).with_extension("png");
            assert_eq!(sidecar_caption(&picture).unwrap().as_deref(), Some("港の猫"), "{sidecar}");
        }
        fs::write(folder.path().join("c.txt"), "first").unwrap();
        assert_eq!(sidecar_caption(&folder.path().join("c.png")).unwrap().as_deref(), Some("first"));
    }

    #[test]
    fn a_text_file_beside_a_picture_is_its_caption_and_the_longer_name_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("猫.jpg");
        assert_eq!(sidecar_caption(&picture).unwrap(), None);
        fs::write(folder.path().join("猫.txt"), "\u{FEFF}寝る猫\n").unwrap();
        assert_eq!(sidecar_caption(&picture).unwrap().as_deref(), Some("寝る猫"));
        fs::write(folder.path().join("猫.jpg.txt"), "  \n").unwrap();
        assert_eq!(sidecar_caption(&picture).unwrap(), None);
        fs::write(folder.path().join("猫.jpg.txt"), b"a\x01b").unwrap();
        assert!(matches!(sidecar_caption(&picture), Err(CaptionError::NoText { .. })));
        assert_eq!(sidecar_caption(&folder.path().join("犬.txt")).unwrap(), None);
    }

    #[test]
    fn rows_find_their_files_from_every_base_and_in_every_spelling() {
        let files = [source_file("/p/a.jpg"), source_file("/p/sub/が.jpg"), source_file("/t/c.jpg")];
        // The second name is decomposed, as macOS writes it: its voicing mark is a character of its own.
        let rows = [row(2, "a.jpg", "A"), row(3, r"sub\か\u{3099}.jpg", "x"), row(4, "./x/../c.jpg", "C")];
        let rows = rows.map(|mut row| {
            row.file = row.file.replace(r"\u{3099}", "\u{3099}");
            row
        });
        let (captions, warnings) = match_rows(&rows, &["/t".into(), "/p".into()], &files);
        assert_eq!(warnings, Vec::<String>::new());
        for (path, caption) in [("/p/a.jpg", "A"), ("/p/sub/が.jpg", "x"), ("/t/c.jpg", "C")] {
            assert_eq!(captions[Path::new(path)], caption);
        }
    }

    #[test]
    fn rows_without_a_file_and_files_with_two_rows_are_warned_about() {
        let rows = [row(2, "no.jpg", "?"), row(3, "a.jpg", "first"), row(4, "/p/a.jpg", "last")];
        let (captions, warnings) = match_rows(&rows, &["/p".into()], &[source_file("/p/a.jpg")]);
        assert_eq!(captions[Path::new("/p/a.jpg")], "last");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("line 2") && warnings[0].contains("no.jpg"));
    }

    proptest! {
        #[test]
        fn a_table_that_a_csv_writer_wrote_is_read_back(
            cells in proptest::collection::vec(("[^\u{FEFF}\0\r]{1,12}", "\\PC{0,20}"), 0..8),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["file", "caption"]).unwrap();
            for (file, caption) in &cells {
                writer.write_record([file, caption]).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let rows = parse_csv(&text).unwrap();
            let read: Vec<_> = rows.iter().map(|row| (row.file.as_str(), row.caption.as_str())).collect();
            let written: Vec<_> = cells.iter().map(|(file, caption)| (file.trim(), caption.trim())).collect();
            prop_assert_eq!(read, written);
        }
    }
}
