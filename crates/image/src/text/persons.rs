//! The removal of persons' names from keywords.
//!
//! Programs that mark faces repeat the names of the persons among the keywords, in XMP, IPTC and the fields of Windows
//! alike. The marks themselves stand in XMP alone.

use std::collections::HashSet;

use crate::text_chunks::{TextChunk, TextSource};

/// The characters between keywords that are written as one text.
const SEPARATORS: [char; 2] = [';', ','];

/// Returns the form in which names are compared.
pub fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Leaves the names of these persons, [folded], out of the keywords.
pub fn leave_out(persons: &HashSet<String>, chunks: &mut Vec<TextChunk>) {
    if persons.is_empty() {
        return;
    }
    for chunk in chunks.iter_mut().filter(|chunk| is_keyword(chunk)) {
        let names_person = |keyword: &str| persons.contains(&folded(keyword));
        if names_person(&chunk.text) || chunk.text.split('|').any(names_person) {
            chunk.text.clear();
        } else if chunk.text.split(SEPARATORS).any(names_person) {
            let others: Vec<_> = chunk.text.split(SEPARATORS).filter(|keyword| !names_person(keyword)).collect();
            chunk.text = others.join(";");
        }
    }
    chunks.retain(|chunk| !is_keyword(chunk) || !chunk.text.is_empty());
}

fn is_keyword(chunk: &TextChunk) -> bool {
    matches!(
        chunk.source,
        TextSource::XmpSubject | TextSource::XmpHierarchicalSubject | TextSource::IptcKeyword | TextSource::XpKeywords
    )
}
