//! Rows of IMAGE_TAGS and REMOVED_TAGS.

use std::borrow::Cow;
use std::collections::HashMap;

use super::json_rows::{self, Send};
use crate::loras::folded_loras;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, MAX_IN_LIST, Value, in_list};
use crate::tags::{MAX_TAGS, Origin, Tag, Tags, folded_tags};
use crate::{Filter, ImageId};

/// The tags of a row `i` of IMAGES as one text with a line for each, as far as they fit VARCHAR2. PLACE counts their
/// bytes, so that the text never overflows.
pub(crate) const LINES: &str = "(SELECT LISTAGG(t.tag, '\n') WITHIN GROUP (ORDER BY t.place) FROM image_tags t \
                                WHERE t.image_id = i.image_id AND t.place <= 4000)";

/// The number of bytes that the tags of a row `i` of IMAGES take; NULL without tags.
pub(crate) const BYTES: &str = "(SELECT MAX(t.place) FROM image_tags t WHERE t.image_id = i.image_id)";

/// The largest number of bytes that [`LINES`] returns.
pub(crate) const LINES_BYTES: i64 = 4_000;

/// The largest number of images of a tag or LoRA for which a vector search compares all of them.
const MAX_TAGGED: usize = 5_000;

/// Returns the tags of images that [`LINES`] cannot return whole.
pub(crate) fn texts(
    session: &Session<'_>,
    image_ids: &[ImageId],
) -> Result<HashMap<ImageId, Vec<String>>, OracleError> {
    let mut found: HashMap<ImageId, Vec<String>> = HashMap::new();
    for ids in image_ids.chunks(MAX_IN_LIST) {
        let mut binds = Binds::none();
        let list = in_list("id", ids, &mut binds);
        let sql = format!(
            "SELECT t.image_id, t.tag FROM image_tags t WHERE t.image_id IN ({list}) ORDER BY t.image_id, t.place"
        );
        for (image_id, tag) in session.rows(&sql, &binds, MAX_TAGS, |row| Ok((row.get(0)?, row.get(1)?)))? {
            found.entry(image_id).or_default().push(tag);
        }
    }
    Ok(found)
}

/// Returns the tags of an image, with those that callers have removed.
pub(crate) fn read(session: &Session<'_>, image_id: ImageId) -> Result<Tags, OracleError> {
    let this = Binds::none().with("image_id", image_id);
    let tags = session.rows(
        "SELECT t.tag, t.folded, t.is_set FROM image_tags t WHERE t.image_id = :image_id ORDER BY t.place",
        &this,
        MAX_TAGS,
        |row| Ok(Tag { text: row.get(0)?, folded: row.get(1)?, origin: Origin::from_number(row.get(2)?) }),
    )?;
    let removed = "SELECT r.folded FROM removed_tags r WHERE r.image_id = :image_id";
    let removed = session.rows(removed, &this, MAX_TAGS, |row| Ok(row.get(0)?))?;
    Ok(Tags { tags, removed: removed.into_iter().collect() })
}

/// Writes the tags of a new image.
pub(crate) fn insert(session: &Session<'_>, image_id: ImageId, tags: &Tags) -> Result<(), OracleError> {
    insert_all(session, &[(image_id, tags)])
}

/// Writes the tags of new images, with as few statements as they fit.
pub(crate) fn insert_all(session: &Session<'_>, images: &[(ImageId, &Tags)]) -> Result<(), OracleError> {
    let mut rows = Vec::new();
    for (image_id, tags) in images {
        let mut place = 0;
        for tag in &tags.tags {
            place += tag.text.len() + 1;
            rows.push((image_id, &tag.text, &tag.folded, place, tag.origin.number()));
        }
    }
    let send: Send<'_> = &|sql, binds| session.execute(sql, binds);
    json_rows::insert(
        send,
        "INSERT INTO image_tags (image_id, tag, folded, place, is_set) \
         SELECT j.image_id, j.tag, j.folded, j.place, j.is_set FROM JSON_TABLE(:items, '$[*]' COLUMNS (\
         image_id NUMBER PATH '$[0]', tag VARCHAR2(100 CHAR) PATH '$[1]', folded VARCHAR2(255 CHAR) PATH '$[2]', \
         place NUMBER PATH '$[3]', is_set NUMBER PATH '$[4]')) j",
        &Binds::none(),
        &rows,
    )?;
    let removed = images.iter().flat_map(|(image_id, tags)| tags.removed.iter().map(move |folded| (image_id, folded)));
    json_rows::insert(
        send,
        "INSERT INTO removed_tags (image_id, folded) SELECT j.image_id, j.folded FROM JSON_TABLE(:items, '$[*]' \
         COLUMNS (image_id NUMBER PATH '$[0]', folded VARCHAR2(255 CHAR) PATH '$[1]')) j",
        &Binds::none(),
        &removed.collect::<Vec<_>>(),
    )
}

/// Writes the tags of an image in place of those before.
pub(crate) fn replace(session: &Session<'_>, image_id: ImageId, tags: &Tags) -> Result<(), OracleError> {
    let this = Binds::none().with("image_id", image_id);
    session.execute("DELETE FROM image_tags WHERE image_id = :image_id", &this)?;
    session.execute("DELETE FROM removed_tags WHERE image_id = :image_id", &this)?;
    insert(session, image_id, tags)
}

/// A table that holds a row for each value of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueTable {
    Tags,
    Loras,
}

impl ValueTable {
    /// Returns the name of the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tags => "image_tags",
            Self::Loras => "image_loras",
        }
    }

    /// Returns the folded values of a filter: those that an image must have all of, and those of which it must have one.
    pub(crate) fn wanted(self, filter: &Filter) -> (Vec<String>, Vec<String>) {
        match self {
            Self::Tags => (folded_tags(&filter.tags), folded_tags(&filter.any_tags)),
            Self::Loras => (folded_loras(&filter.loras), folded_loras(&filter.any_loras)),
        }
    }
}

/// Values of which an image must have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RareValues {
    pub(crate) table: ValueTable,
    pub(crate) folded: Vec<String>,
}

/// Returns the required tag or LoRA, or the list of those of which one is required, that the fewest images have; `None`
/// when many images have each, or the filter asks for none.
pub(crate) fn rare(session: &Session<'_>, filter: &Filter) -> Result<Option<RareValues>, OracleError> {
    let mut lists: Vec<RareValues> = Vec::new();
    for table in [ValueTable::Tags, ValueTable::Loras] {
        let (all, any) = table.wanted(filter);
        lists.extend(all.into_iter().map(|value| RareValues { table, folded: vec![value] }));
        lists.extend((!any.is_empty()).then_some(RareValues { table, folded: any }));
    }
    let mut rarest: Option<(i64, RareValues)> = None;
    for list in lists {
        let mut binds = Binds::none().with("most", Value::count(MAX_TAGGED + 1));
        let values = in_list("value", &text_values(&list.folded), &mut binds);
        // The inner query ends at the first image too many.
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT t.image_id FROM {} t WHERE t.folded IN ({values}) \
             FETCH FIRST :most ROWS ONLY)",
            list.table.name()
        );
        let images: i64 = session.row(&sql, &binds, |row| Ok(row.get(0)?))?.unwrap_or_default();
        if images <= MAX_TAGGED as i64 && rarest.as_ref().is_none_or(|(least, _)| images < *least) {
            rarest = Some((images, list));
        }
    }
    Ok(rarest.map(|(_, list)| list))
}

/// Returns texts as values to bind.
pub(crate) fn text_values(texts: &[String]) -> Vec<Value<'static>> {
    texts.iter().map(|text| Value::Text(Some(Cow::Owned(text.clone())))).collect()
}
