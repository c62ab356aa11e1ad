//! The parser's cursor over tokens, names, and the choice of statement.

use super::ast::*;
use super::lexer::{Tok, Token, tokenize};
use crate::errors::{OraError, Result};

/// Words that Oracle does not accept as an unquoted name (Oracle Database SQL Language Reference, "Oracle SQL Reserved
/// Words").
const RESERVED: &str = " ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT \
    COMPRESS CONNECT CREATE CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE FLOAT \
    FOR FROM GRANT GROUP HAVING IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS \
    LEVEL LIKE LOCK LONG MAXEXTENTS MINUS MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE \
    ON ONLINE OPTION OR ORDER PCTFREE PRIOR PUBLIC RAW RENAME RESOURCE REVOKE ROW ROWID ROWNUM ROWS SELECT SESSION \
    SET SHARE SIZE SMALLINT START SUCCESSFUL SYNONYM SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER \
    VALIDATE VALUES VARCHAR VARCHAR2 VIEW WHENEVER WHERE WITH ";

/// Whether a word is reserved.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&format!(" {word} "))
}

/// A statement with what its text shows before it is parsed.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    pub text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    binds: usize,
    /// The targets of INTO in a PL/SQL query, once they have been read.
    pub into: Option<Vec<Expr>>,
}

impl<'a> Parser<'a> {
    /// Cuts the text into tokens.
    ///
    /// # Errors
    /// The errors of [`tokenize`].
    pub fn new(text: &'a str) -> Result<Self> {
        Ok(Self { text, tokens: tokenize(text)?, at: 0, binds: 0, into: None })
    }

    pub fn peek(&self) -> &Tok {
        &self.tokens[self.at].tok
    }

    pub fn peek_at(&self, ahead: usize) -> &Tok {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].tok
    }

    /// Where the next token starts.
    pub fn offset(&self) -> usize {
        self.tokens[self.at].start
    }

    /// Where the token before the next one ended.
    pub fn last_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].end)
    }

    pub fn advance(&mut self) -> Tok {
        let tok = self.tokens[self.at].tok.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        tok
    }

    pub fn mark(&self) -> (usize, usize) {
        (self.at, self.binds)
    }

    pub fn reset(&mut self, mark: (usize, usize)) {
        (self.at, self.binds) = mark;
    }

    pub fn next_bind(&mut self) -> usize {
        self.binds += 1;
        self.binds - 1
    }

    /// Whether the words stand next, unquoted.
    pub fn is(&self, words: &str) -> bool {
        words
            .split(' ')
            .enumerate()
            .all(|(i, word)| matches!(self.peek_at(i), Tok::Word { text, quoted: false } if text == word))
    }

    /// Takes the words if they stand next.
    pub fn take(&mut self, words: &str) -> bool {
        let found = self.is(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Tok::Sym(found) if *found == symbol)
    }

    pub fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    /// The words have to stand next.
    ///
    /// # Errors
    /// ORA-00905.
    pub fn expect(&mut self, words: &str) -> Result<()> {
        if self.take(words) { Ok(()) } else { Err(self.error(905, format!("missing keyword: {words} expected"))) }
    }

    /// The symbol has to stand next.
    ///
    /// # Errors
    /// ORA-00907 for a right parenthesis, ORA-00906 for a left one, ORA-00936 for others.
    pub fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(match symbol {
            ")" => self.error(907, "missing right parenthesis"),
            "(" => self.error(906, "missing left parenthesis"),
            _ => self.error(936, format!("missing expression: {symbol} expected")),
        })
    }

    /// An error that names the place.
    pub fn error(&self, code: i32, what: impl std::fmt::Display) -> OraError {
        let rest: String = self.text[self.offset()..].chars().take(40).collect();
        let place = if rest.is_empty() { "at the end".to_owned() } else { format!("before: {rest}") };
        OraError::new(code, format_args!("{what} ({place})"))
    }

    /// A name that the program chose: not a reserved word, at most 128 bytes.
    ///
    /// # Errors
    /// ORA-00904 for a reserved word, ORA-00972 for a long one, ORA-00931 for something else.
    pub fn name(&mut self) -> Result<String> {
        match self.peek().clone() {
            Tok::Word { text, quoted } => {
                if !quoted && is_reserved(&text) {
                    return Err(self.error(904, format!("{text}: invalid identifier, it is a reserved word")));
                }
                if text.len() > 128 {
                    return Err(self.error(972, "identifier is too long"));
                }
                self.advance();
                Ok(text)
            }
            _ => Err(self.error(931, "missing identifier")),
        }
    }

    /// `[schema.]name`; the schema is dropped, there is only one.
    pub fn object_name(&mut self) -> Result<String> {
        let mut name = self.name()?;
        while self.take_symbol(".") {
            name = self.name()?;
        }
        Ok(name)
    }

    /// `(name, …)`.
    pub fn name_list(&mut self) -> Result<Vec<String>> {
        self.expect_symbol("(")?;
        let names = self.comma_separated(Self::name)?;
        self.expect_symbol(")")?;
        Ok(names)
    }

    pub fn comma_separated<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take_symbol(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// An unsigned whole number.
    pub fn integer(&mut self) -> Result<i64> {
        let negative = self.take_symbol("-");
        match self.advance() {
            Tok::Num(digits) => {
                let value: i64 = digits.parse().map_err(|_| self.error(1722, "invalid number"))?;
                Ok(if negative { -value } else { value })
            }
            _ => Err(self.error(1722, "invalid number")),
        }
    }

    pub fn string(&mut self) -> Result<String> {
        match self.advance() {
            Tok::Str(text) => Ok(text),
            _ => Err(self.error(1780, "string literal required")),
        }
    }

    /// Skips to the matching right parenthesis; the left one has been taken. Returns the text between.
    pub fn balanced(&mut self) -> Result<&'a str> {
        let start = self.offset();
        let mut depth = 1;
        loop {
            let end = self.offset();
            match self.advance() {
                Tok::Sym("(") => depth += 1,
                Tok::Sym(")") => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(&self.text[start..end]);
                    }
                }
                Tok::End => return Err(self.error(907, "missing right parenthesis")),
                _ => {}
            }
        }
    }

    /// `NAME[(args [CHAR|BYTE])]` with the words that belong to a type's name.
    pub fn type_name(&mut self) -> Result<TypeName> {
        let Tok::Word { text: mut name, .. } = self.advance() else {
            return Err(self.error(902, "invalid datatype"));
        };
        if name == "DOUBLE" {
            self.expect("PRECISION")?;
            name = "BINARY_DOUBLE".to_owned();
        }
        // Types of PL/SQL by reference: `table.column%TYPE`.
        while self.take_symbol(".") {
            name.push('.');
            name.push_str(&self.name()?);
        }
        if self.take_symbol("%") {
            self.advance();
        }
        if name == "LONG" && self.take("RAW") {
            name = "LONG RAW".to_owned();
        }
        let (mut args, mut in_chars) = (Vec::new(), false);
        if name == "INTERVAL" {
            self.expect("DAY")?;
            self.skip_precision()?;
            self.expect("TO SECOND")?;
            self.skip_precision()?;
            return Ok(TypeName { name: "INTERVAL DAY TO SECOND".to_owned(), args, in_chars });
        }
        if self.take_symbol("(") {
            loop {
                match self.advance() {
                    Tok::Num(text) | Tok::Word { text, .. } => args.push(text),
                    Tok::Sym("*") => args.push("*".to_owned()),
                    Tok::Sym("-") => match self.advance() {
                        Tok::Num(text) => args.push(format!("-{text}")),
                        _ => return Err(self.error(902, "invalid datatype")),
                    },
                    _ => return Err(self.error(902, "invalid datatype")),
                }
                in_chars |= self.take("CHAR");
                self.take("BYTE");
                if !self.take_symbol(",") {
                    break;
                }
            }
            self.expect_symbol(")")?;
        }
        if name == "TIMESTAMP" {
            if self.take("WITH TIME ZONE") {
                name = "TIMESTAMP WITH TIME ZONE".to_owned();
            } else if self.take("WITH LOCAL TIME ZONE") {
                name = "TIMESTAMP WITH LOCAL TIME ZONE".to_owned();
            }
        }
        Ok(TypeName { name, args, in_chars })
    }

    fn skip_precision(&mut self) -> Result<()> {
        if self.take_symbol("(") {
            self.balanced()?;
        }
        Ok(())
    }

    /// One statement and the end of the text.
    ///
    /// # Errors
    /// Oracle's answer to a syntax error, or ORA-00900 for SQL that the stand-in does not know.
    pub fn whole_statement(&mut self) -> Result<Statement> {
        let statement = self.statement()?;
        if matches!(statement, Statement::Block(_)) {
            self.take_symbol("/");
        }
        // A semicolon is no part of an SQL statement: OCI answers ORA-00911 (ORA-00933 from 23ai on).
        match self.peek() {
            Tok::End => Ok(statement),
            Tok::Sym(";") => Err(self.error(911, ";: invalid character")),
            _ => Err(self.error(933, "SQL command not properly ended")),
        }
    }

    pub fn statement(&mut self) -> Result<Statement> {
        let word = match self.peek() {
            Tok::Word { text, quoted: false } => text.clone(),
            Tok::Sym("(") => "SELECT".to_owned(),
            _ => return Err(self.error(900, "invalid SQL statement")),
        };
        match word.as_str() {
            "SELECT" | "WITH" => Ok(Statement::Query(Box::new(self.query()?))),
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => self.dml(),
            "CREATE" | "ALTER" | "DROP" | "TRUNCATE" | "RENAME" | "COMMENT" | "GRANT" | "REVOKE" | "ANALYZE" => {
                self.ddl()
            }
            "BEGIN" | "DECLARE" => Ok(Statement::Block(Box::new(self.block()?))),
            "LOCK" => self.lock_table(),
            "COMMIT" => {
                self.advance();
                self.take("WORK");
                Ok(Statement::Commit)
            }
            "ROLLBACK" => {
                self.advance();
                self.take("WORK");
                if !self.take("TO") {
                    return Ok(Statement::Rollback(None));
                }
                self.take("SAVEPOINT");
                Ok(Statement::Rollback(Some(self.name()?)))
            }
            "SAVEPOINT" => {
                self.advance();
                Ok(Statement::Savepoint(self.name()?))
            }
            "SET" => {
                self.expect("SET")?;
                self.expect("TRANSACTION")?;
                while !matches!(self.peek(), Tok::End | Tok::Sym(";")) {
                    self.advance();
                }
                Ok(Statement::Nothing)
            }
            _ => Err(self.error(900, "invalid SQL statement")),
        }
    }

    fn lock_table(&mut self) -> Result<Statement> {
        self.expect("LOCK")?;
        self.expect("TABLE")?;
        let tables = self.comma_separated(Self::object_name)?;
        self.expect("IN")?;
        let exclusive = self.take("EXCLUSIVE");
        if !(exclusive || self.take("ROW SHARE") || self.take("ROW EXCLUSIVE") || self.take("SHARE")) {
            return Err(self.error(905, "missing keyword: a lock mode expected"));
        }
        self.expect("MODE")?;
        let wait = self.wait_clause()?;
        Ok(Statement::LockTable { tables, exclusive, wait })
    }

    pub fn wait_clause(&mut self) -> Result<Wait> {
        Ok(if self.take("NOWAIT") {
            Wait::Not
        } else if self.take("SKIP LOCKED") {
            Wait::SkipLocked
        } else if self.take("WAIT") {
            Wait::Seconds(self.integer()?.unsigned_abs())
        } else {
            Wait::Forever
        })
    }
}
