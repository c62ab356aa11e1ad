//! The part of Oracle's SQL and PL/SQL that the stand-in knows, from text to tokens to a tree.

pub mod ast;
mod ddl;
mod dml;
mod expr;
pub mod lexer;
mod parser;
mod plsql;
mod query;
mod vector_index;

pub use parser::Parser;

use lexer::Tok;

/// The type of a statement (OCI_ATTR_STMT_TYPE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementType {
    Unknown = 0,
    Select = 1,
    Update = 2,
    Delete = 3,
    Insert = 4,
    Create = 5,
    Drop = 6,
    Alter = 7,
    Begin = 8,
    Declare = 9,
    Call = 10,
    Merge = 16,
    Rollback = 17,
    Commit = 21,
}

/// The facts that a statement's text shows without being parsed, as OCI reports them after OCIStmtPrepare2.
#[derive(Debug, Clone)]
pub struct Outline {
    pub kind: StatementType,
    /// Names of all placeholders in their order, repeated ones repeated.
    pub binds: Vec<String>,
    /// Whether RETURNING … INTO follows.
    pub is_returning: bool,
    /// Placeholders after that INTO.
    pub out_binds: Vec<String>,
}

impl Outline {
    /// Reads these facts. A text that is not SQL has an unknown type; executing it reports the error.
    pub fn of(text: &str) -> Self {
        let tokens = lexer::tokenize(text).unwrap_or_default();
        let word = |i: usize| match tokens.get(i).map(|token| &token.tok) {
            Some(Tok::Word { text, quoted: false }) => text.as_str(),
            Some(Tok::Sym("(")) => "SELECT",
            _ => "",
        };
        let kind = match word(0) {
            "SELECT" | "WITH" => StatementType::Select,
            "UPDATE" => StatementType::Update,
            "DELETE" => StatementType::Delete,
            "INSERT" => StatementType::Insert,
            "CREATE" => StatementType::Create,
            "DROP" => StatementType::Drop,
            "ALTER" => StatementType::Alter,
            "BEGIN" => StatementType::Begin,
            "DECLARE" => StatementType::Declare,
            "CALL" => StatementType::Call,
            "MERGE" => StatementType::Merge,
            "ROLLBACK" => StatementType::Rollback,
            "COMMIT" => StatementType::Commit,
            _ => StatementType::Unknown,
        };
        let binds: Vec<String> = tokens
            .iter()
            .filter_map(|token| match &token.tok {
                Tok::Bind(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let is_dml = matches!(
            kind,
            StatementType::Insert | StatementType::Update | StatementType::Delete | StatementType::Merge
        );
        // The last RETURNING with an INTO after it; JSON and vector functions have one without.
        let into = (0..tokens.len()).rfind(|i| word(*i) == "INTO").filter(|into| {
            is_dml && tokens[..*into].iter().enumerate().any(|(i, _)| matches!(word(i), "RETURNING" | "RETURN"))
        });
        let out_binds: Vec<String> = into
            .map(|into| {
                tokens[into..]
                    .iter()
                    .filter_map(|token| match &token.tok {
                        Tok::Bind(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect()
            })
            .unwrap_or_default();
        Self { kind, binds, is_returning: !out_binds.is_empty(), out_binds }
    }
}
