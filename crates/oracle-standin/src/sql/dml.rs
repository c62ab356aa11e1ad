//! INSERT, UPDATE, DELETE, MERGE.

use super::ast::*;
use super::lexer::Tok;
use super::parser::Parser;
use crate::errors::Result;

impl Parser<'_> {
    pub fn dml(&mut self) -> Result<Statement> {
        if self.take("INSERT") {
            self.insert()
        } else if self.take("UPDATE") {
            self.update()
        } else if self.take("DELETE") {
            self.take("FROM");
            let table = self.object_name()?;
            let alias = self.table_alias()?;
            let condition = self.where_clause()?;
            let returning = self.returning()?;
            Ok(Statement::Delete(Box::new(Delete { table, alias, condition, returning })))
        } else {
            self.merge()
        }
    }

    fn insert(&mut self) -> Result<Statement> {
        if self.is("ALL") || self.is("FIRST") {
            return Err(self.error(900, "the stand-in client does not know multi-table inserts"));
        }
        self.expect("INTO")?;
        let table = self.object_name()?;
        let columns = if self.is_symbol("(") { self.column_list()? } else { Vec::new() };
        let source = if self.take("VALUES") {
            InsertSource::Values(self.comma_separated(|parser| {
                parser.expect_symbol("(")?;
                let row = parser.comma_separated(Self::expr)?;
                parser.expect_symbol(")")?;
                Ok(row)
            })?)
        } else {
            InsertSource::Query(Box::new(self.query()?))
        };
        let returning = self.returning()?;
        Ok(Statement::Insert(Box::new(Insert { table, columns, source, returning })))
    }

    /// `(column, …)`; a table's name may stand in front of each.
    fn column_list(&mut self) -> Result<Vec<String>> {
        self.expect_symbol("(")?;
        let names = self.comma_separated(Self::object_name)?;
        self.expect_symbol(")")?;
        Ok(names)
    }

    fn update(&mut self) -> Result<Statement> {
        let table = self.object_name()?;
        let alias = if self.is("SET") { None } else { self.table_alias()? };
        self.expect("SET")?;
        let sets = self.comma_separated(Self::assignment)?;
        let condition = self.where_clause()?;
        let returning = self.returning()?;
        Ok(Statement::Update(Box::new(Update { table, alias, sets, condition, returning })))
    }

    fn assignment(&mut self) -> Result<Assignment> {
        let columns = if self.is_symbol("(") { self.column_list()? } else { vec![self.object_name()?] };
        self.expect_symbol("=")?;
        Ok(Assignment { columns, value: self.expr()? })
    }

    fn where_clause(&mut self) -> Result<Option<Expr>> {
        if self.take("WHERE") { Ok(Some(self.expr()?)) } else { Ok(None) }
    }

    fn returning(&mut self) -> Result<Option<Returning>> {
        if !(self.take("RETURNING") || self.take("RETURN")) {
            return Ok(None);
        }
        let exprs = self.comma_separated(Self::expr)?;
        self.expect("INTO")?;
        let into = self.comma_separated(Self::expr)?;
        if exprs.len() != into.len() {
            return Err(self.error(913, "too many values"));
        }
        Ok(Some(Returning { exprs, into }))
    }

    fn merge(&mut self) -> Result<Statement> {
        self.expect("MERGE")?;
        self.expect("INTO")?;
        let table = self.object_name()?;
        let alias = self.table_alias()?;
        self.expect("USING")?;
        let source = self.table_ref()?;
        self.expect("ON")?;
        // Oracle wants the condition in parentheses.
        self.expect_symbol("(")?;
        let on = self.expr()?;
        self.expect_symbol(")")?;
        let (mut matched, mut unmatched) = (None, None);
        while self.take("WHEN") {
            if self.take("MATCHED") {
                self.expect("THEN")?;
                self.expect("UPDATE")?;
                self.expect("SET")?;
                let sets = self.comma_separated(Self::assignment)?;
                let condition = self.where_clause()?;
                let delete = if self.take("DELETE") { self.where_clause()? } else { None };
                matched = Some((sets, condition, delete));
            } else {
                self.expect("NOT MATCHED")?;
                self.expect("THEN")?;
                self.expect("INSERT")?;
                let columns = if self.is_symbol("(") { self.column_list()? } else { Vec::new() };
                self.expect("VALUES")?;
                self.expect_symbol("(")?;
                let values = self.comma_separated(Self::expr)?;
                self.expect_symbol(")")?;
                unmatched = Some((columns, values, self.where_clause()?));
            }
        }
        if matched.is_none() && unmatched.is_none() {
            return Err(self.error(905, "missing keyword: WHEN expected"));
        }
        Ok(Statement::Merge(Box::new(Merge { table, alias, source, on, matched, unmatched })))
    }

    /// Takes `INTO a, b` of a PL/SQL query; SQL has none.
    pub fn take_into_variables(&mut self) -> Result<()> {
        if matches!(self.peek(), Tok::Word { text, quoted: false } if text == "INTO" || text == "BULK") {
            if self.into.is_none() {
                return Err(self.error(1006, "bind variable does not exist: INTO belongs to PL/SQL"));
            }
            if self.take("BULK") {
                return Err(self.error(900, "the stand-in client does not know BULK COLLECT"));
            }
            self.expect("INTO")?;
            let targets = self.comma_separated(Self::expr)?;
            self.into = Some(targets);
        }
        Ok(())
    }
}
