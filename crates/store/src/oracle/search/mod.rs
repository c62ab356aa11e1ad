//! Finding images: by vector, by keyword, by both, and in lists, among those that pass a filter; counting the values of
//! their facts, and suggesting texts.

mod expression;
pub(crate) mod facets;
mod filter;
pub(crate) mod hybrid;
pub(crate) mod keyword;
pub(crate) mod lists;
pub(crate) mod suggestions;
pub(crate) mod vector;

/// The largest number of hits that a page can skip.
const MAX_OFFSET: usize = 10_000_000;

/// Returns the expression that orders texts by their bytes. The order of a text itself depends on the language of the
/// session.
fn by_bytes(text: &str) -> String {
    format!("NLSSORT({text}, 'NLS_SORT=BINARY')")
}

/// Writes a text as a part of a pattern of LIKE with the escape character `\`.
fn literal_of_like(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}
