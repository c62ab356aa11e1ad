//! The condition of a search.

/// A condition on the tokens of a document. A phrase that takes part in a match adds to the score, each time that it
/// occurs in the condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// Consecutive tokens in one column.
    Phrase {
        /// The tokens in their order. A phrase without tokens matches nothing.
        tokens: Vec<String>,
        /// Whether the last token stands for all tokens that begin with it.
        last_is_prefix: bool,
    },
    /// The condition, on documents that do not hold a token.
    Without(Box<Expr>, String),
    /// At least one of the conditions.
    Any(Vec<Expr>),
    /// All of the conditions; nothing matches none.
    All(Vec<Expr>),
}

impl Expr {
    /// Passes every token, and whether it is a prefix, to `each`.
    pub(crate) fn each_token<'a>(&'a self, each: &mut impl FnMut(&'a str, bool)) {
        match self {
            Self::Phrase { tokens, last_is_prefix } => {
                for (at, token) in tokens.iter().enumerate() {
                    each(token, *last_is_prefix && at + 1 == tokens.len());
                }
            }
            Self::Without(inner, token) => {
                inner.each_token(each);
                each(token, false);
            }
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.each_token(each)),
        }
    }
}
