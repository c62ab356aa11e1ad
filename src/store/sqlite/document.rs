//! The searchable texts of an image as columns of the full-text index.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::segment::{self, Stream};
use crate::store::{ImageId, StoreError};

/// Characters of each text that are indexed. ComfyUI writes whole graphs of a megabyte into a picture; what
/// they say about the picture is in the readable prompt, which has this much room to itself.
const FIELD_CHARS: usize = 32_768;

/// An image's texts as they are stored.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub(super) file_name: &'a str,
    pub(super) caption: Option<&'a str>,
    pub(super) generation_prompt: Option<&'a str>,
    /// JSON object; its `prompt` is the readable prompt.
    pub(super) generation: Option<&'a str>,
}

/// Puts an image's texts into the index, in place of what was there.
pub(super) fn index(connection: &Connection, image_id: ImageId, document: &Document<'_>) -> Result<(), StoreError> {
    let readable = document.generation.and_then(readable_prompt).unwrap_or_default();
    let raw = remainder(document.generation_prompt.unwrap_or_default(), &readable);
    let mut characters = BTreeSet::new();
    let mut stream = |text: &str| Stream::of(bounded(text), &mut characters).0;
    let caption = stream(document.caption.unwrap_or_default());
    let prompt = stream(&readable);
    let raw = stream(&raw);
    let file_name = stream(document.file_name);
    let singles = characters.into_iter().map(segment::single_character).collect::<Vec<_>>().join(" ");
    remove(connection, image_id)?;
    connection
        .prepare_cached(
            "INSERT INTO image_texts (rowid, caption, prompt, raw, file_name, single_characters) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![image_id, caption, prompt, raw, file_name, singles])?;
    Ok(())
}

/// Takes an image's texts out of the index.
pub(super) fn remove(connection: &Connection, image_id: ImageId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM image_texts WHERE rowid = ?")?.execute([image_id])?;
    Ok(())
}

/// Cuts all texts anew when the index was made by another version of [`segment`].
pub(super) fn reindex_if_outdated(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 =
        connection
            .query_row("SELECT value FROM store_facts WHERE name = 'segmentation_version'", [], |row| row.get(0))?;
    if version == segment::VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch("INSERT INTO image_texts (image_texts) VALUES ('delete-all')")?;
    {
        let mut images = transaction.prepare(
            "SELECT i.image_id, i.file_name, i.generation_prompt, i.generation, d.caption
             FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id",
        )?;
        let mut rows = images.query([])?;
        let mut count = 0_u64;
        while let Some(row) = rows.next()? {
            let [prompt, generation, caption]: [Option<String>; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            let document = Document {
                file_name: &row.get::<_, String>(1)?,
                caption: caption.as_deref(),
                generation_prompt: prompt.as_deref(),
                generation: generation.as_deref(),
            };
            index(&transaction, row.get(0)?, &document)?;
            count += 1;
        }
        if count > 0 {
            log::info!("the texts of {count} images have been indexed anew");
        }
    }
    transaction.execute("UPDATE store_facts SET value = ? WHERE name = 'segmentation_version'", [segment::VERSION])?;
    transaction.commit()?;
    Ok(())
}

fn readable_prompt(generation: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Readable {
        prompt: Option<String>,
    }
    // What cannot be understood is no reason to refuse the image: its raw text is indexed all the same.
    serde_json::from_str::<Readable>(generation).ok()?.prompt
}

/// The raw text without the readable prompt, which has a column of its own and more weight there.
fn remainder<'a>(raw: &'a str, readable: &str) -> Cow<'a, str> {
    let raw = bounded(raw);
    let rest = if !readable.is_empty() && raw.contains(readable) {
        Cow::Owned(raw.replacen(readable, "\n", 1))
    } else {
        Cow::Borrowed(raw)
    };
    // ComfyUI's JSON mostly escapes what is not ASCII, so 猫 is there as \u732b.
    if rest.contains("{\"") && rest.contains('\\') { Cow::Owned(unescaped(&rest)) } else { rest }
}

/// Resolves the escapes of JSON strings wherever they occur; what is none stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        rest = match escape.chars().next() {
            Some('u') => match utf16_escape(&rest[at..]) {
                Some((c, length)) => {
                    out.push(c);
                    &rest[at + length..]
                }
                None => escape,
            },
            Some(c @ ('n' | 'r' | 't' | 'f' | 'b' | '"' | '\\' | '/')) => {
                out.push(if c.is_alphabetic() { ' ' } else { c });
                &escape[1..]
            }
            _ => {
                out.push('\\');
                escape
            }
        };
    }
    out.push_str(rest);
    out
}

/// The character that `\uXXXX` (or a pair of them) at the start of `text` stands for, and its length in bytes.
fn utf16_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0)?;
    let second = if (0xD800..0xDC00).contains(&first) { unit(6) } else { None };
    let units = [Some(first), second];
    let c = char::decode_utf16(units.into_iter().flatten()).next()?.ok()?;
    Some((c, if second.is_some() { 12 } else { 6 }))
}

fn bounded(text: &str) -> &str {
    text.char_indices().nth(FIELD_CHARS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readable_prompt_is_taken_out_of_the_raw_text() {
        assert_eq!(readable_prompt(r#"{"prompt":"猫","seed":1}"#).as_deref(), Some("猫"));
        assert_eq!(readable_prompt(r#"{"prompt":7}"#), None);
        assert_eq!(readable_prompt("not JSON"), None);
        assert_eq!(remainder("a cat\nNegative prompt: bad", "a cat"), "\n\nNegative prompt: bad");
        assert_eq!(remainder("a cat", ""), "a cat");
    }

    #[test]
    fn json_escapes_are_resolved_and_all_else_is_kept() {
        assert_eq!(
            remainder(r#"{"text": "\u732b\n\ud83d\ude00 \"x\" C:\\new \q \u12 \ud83d"#, ""),
            "{\"text\": \"猫 😀 \"x\" C:\\new \\q u12 ud83d"
        );
        assert_eq!(remainder(r"C:\new\u732b", ""), r"C:\new\u732b");
    }

    #[test]
    fn another_way_of_cutting_indexes_all_texts_anew() {
        let mut db = Connection::open_in_memory().unwrap();
        crate::store::sqlite::migrate::migrate(&mut db).unwrap();
        db.execute_batch(
            "INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date, has_generation_prompt)
             VALUES (zeroblob(32), '猫.png', 'image/png', 1, 1, 1, 0, 0);
             INSERT INTO image_texts (rowid, caption) VALUES (1, 'stale'), (2, 'stale');",
        )
        .unwrap();
        reindex_if_outdated(&mut db).unwrap();
        let count = |db: &Connection, token: &str| -> i64 {
            let sql = "SELECT count(*) FROM image_texts WHERE image_texts MATCH ?";
            db.query_row(sql, [token], |row| row.get(0)).unwrap()
        };
        assert_eq!((count(&db, "stale"), count(&db, "c猫")), (0, 1));
        // And not a second time.
        remove(&db, 1).unwrap();
        reindex_if_outdated(&mut db).unwrap();
        assert_eq!(count(&db, "c猫"), 0);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded(&"猫".repeat(40_000)).chars().count(), FIELD_CHARS);
    }
}
