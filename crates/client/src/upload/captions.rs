//! Captions for the pictures of an upload: a text file beside each picture, or one table for all.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

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
    /// The file is not encoded in UTF-8.
    #[error(
        "{} is not UTF-8 (line {line}{}). Save it as UTF-8 (Excel: \"CSV UTF-8\"), or convert it: \
         iconv -f {guess} -t UTF-8 IN > OUT", path.display(), if *guess == "UTF-16" { ", it is UTF-16" } else { "" }
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The number of the first line that is not UTF-8, from 1.
        line: usize,
        /// The encoding that it probably has.
        guess: &'static str,
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

/// Reads the caption of a picture from the text file beside it: `cat.jpg.txt`, else `cat.txt`. Returns `None` when
/// there is no such file, or it is blank.
///
/// # Errors
/// When the file is there and cannot be used.
pub fn sidecar_caption(picture: &Path) -> Result<Option<String>, CaptionError> {
    let mut long = picture.as_os_str().to_owned();
    long.push(".txt");
    for path in [PathBuf::from(long), picture.with_extension("txt")] {
        if path == picture {
            continue;
        }
        match read_sidecar(&path) {
            Ok(text) => return Ok(Some(decode(&path, text)?.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(CaptionError::Read { path, cause }),
        }
    }
    Ok(None)
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

/// Decodes UTF-8, with or without a byte order mark.
fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, CaptionError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(CaptionError::NotUtf8 { path: path.to_owned(), line: 1, guess: "UTF-16" });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|&&byte| byte == b'\n').count() + 1;
        CaptionError::NotUtf8 { path: path.to_owned(), line, guess: "SHIFT_JIS" }
    })?;
    Ok(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text))
}

/// Reads a table of captions: JSON Lines when its name ends in `.jsonl` or `.ndjson`, else CSV. The first line of a
/// CSV table names the columns `file` and `caption`, in any order and among others.
///
/// # Errors
/// When the table cannot be read, or one of its lines is broken.
pub fn read_table(path: &Path) -> Result<Vec<CaptionRow>, CaptionError> {
    let bytes = fs::read(path).map_err(|cause| CaptionError::Read { path: path.to_owned(), cause })?;
    let text = decode(path, bytes)?;
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
        SourceFile { path: path.into(), absolute_path: path.into(), bytes: 1, modified_ns: None }
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
    fn shift_jis_and_utf_16_are_refused_with_the_command_that_converts_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captions.csv");
        // 海 in Shift_JIS.
        fs::write(&path, b"file,caption\na.jpg,\x8A\x43\n").unwrap();
        let message = read_table(&path).unwrap_err().to_string();
        assert!(message.contains("not UTF-8 (line 2)") && message.contains("iconv -f SHIFT_JIS"), "{message}");
        fs::write(&path, b"\xFF\xFEf\0i\0").unwrap();
        let message = read_table(&path).unwrap_err().to_string();
        assert!(message.contains("it is UTF-16") && message.contains("iconv -f UTF-16"), "{message}");
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
        fs::write(folder.path().join("猫.jpg.txt"), b"\x94\x4C").unwrap();
        assert!(matches!(sidecar_caption(&picture), Err(CaptionError::NotUtf8 { line: 1, .. })));
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
