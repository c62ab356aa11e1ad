//! Suggestions: tags, words of prompts and file names that begin with a text.

use std::borrow::Cow;

use super::{by_bytes, literal_of_like};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::plain::folded_prefix;
use crate::{Suggestion, SuggestionKind};

/// The longest pattern that can be bound, in bytes.
const MAX_PATTERN_BYTES: usize = 4_000;

/// Suggests texts of some kinds.
pub(crate) fn suggestions(
    session: &Session<'_>,
    prefix: &str,
    kinds: &[SuggestionKind],
    limit: usize,
) -> Result<Vec<Suggestion>, OracleError> {
    let mut suggestions = Vec::new();
    for kind in kinds {
        let pattern = folded_prefix(*kind, prefix).map(|prefix| format!("{}%", literal_of_like(&prefix)));
        let Some(pattern) = pattern.filter(|pattern| limit > 0 && pattern.len() <= MAX_PATTERN_BYTES) else { continue };
        let binds =
            Binds::none().with("prefix", Value::Text(Some(Cow::Owned(pattern)))).with("take", Value::count(limit));
        suggestions.extend(session.rows(&statement(*kind), &binds, limit, |row| {
            Ok(Suggestion { kind: *kind, text: row.get(0)?, count: row.get(1)? })
        })?);
    }
    Ok(suggestions)
}

/// Returns the statement that selects texts of a kind and the number of images that have each.
fn statement(kind: SuggestionKind) -> String {
    match kind {
        SuggestionKind::Tag => format!(
            "SELECT s.tag, g.images FROM (SELECT v.folded, v.images, v.first_id FROM \
             (SELECT t.folded, COUNT(*) AS images, MIN(t.image_id) AS first_id FROM image_tags t \
             WHERE t.folded LIKE :prefix ESCAPE '\\' GROUP BY t.folded) v \
             ORDER BY v.images DESC, {} FETCH FIRST :take ROWS ONLY) g \
             JOIN image_tags s ON s.image_id = g.first_id AND s.folded = g.folded ORDER BY g.images DESC, {}",
            by_bytes("v.folded"),
            by_bytes("g.folded")
        ),
        // Changes that have not been added up yet count at once.
        SuggestionKind::Word => format!(
            "SELECT w.word, w.images FROM (SELECT u.word, SUM(u.images) AS images FROM \
             (SELECT p.word, p.images FROM prompt_words p WHERE p.word LIKE :prefix ESCAPE '\\' \
             UNION ALL SELECT c.word, c.delta FROM prompt_word_changes c WHERE c.word LIKE :prefix ESCAPE '\\') u \
             GROUP BY u.word) w WHERE w.images > 0 ORDER BY w.images DESC, {} FETCH FIRST :take ROWS ONLY",
            by_bytes("w.word")
        ),
        // Names of one folded form have one key.
        SuggestionKind::FileName => format!(
            "SELECT s.file_name, g.images FROM (SELECT v.sort_key, v.folded, v.images, v.first_id FROM \
             (SELECT i.file_name_key AS sort_key, i.file_name_folded AS folded, COUNT(*) AS images, \
             MIN(i.image_id) AS first_id FROM images i WHERE i.file_name_folded LIKE :prefix ESCAPE '\\' \
             GROUP BY i.file_name_key, i.file_name_folded) v \
             ORDER BY v.sort_key, {} FETCH FIRST :take ROWS ONLY) g \
             JOIN images s ON s.image_id = g.first_id ORDER BY g.sort_key, {}",
            by_bytes("v.folded"),
            by_bytes("g.folded")
        ),
    }
}
