//! CREATE, ALTER, DROP and the like.

use super::ast::*;
use super::lexer::Tok;
use super::parser::Parser;
use crate::errors::Result;

impl Parser<'_> {
    pub fn ddl(&mut self) -> Result<Statement> {
        if self.is("ALTER SESSION") {
            return self.alter_session();
        }
        let ddl = if self.take("CREATE") {
            self.create()?
        } else if self.take("ALTER") {
            self.alter()?
        } else if self.take("DROP") {
            self.drop_object()?
        } else if self.take("TRUNCATE") {
            self.expect("TABLE")?;
            let name = self.object_name()?;
            self.skip_rest();
            Ddl::Truncate(name)
        } else if self.take("RENAME") {
            let from = self.object_name()?;
            self.expect("TO")?;
            Ddl::Rename(from, self.object_name()?)
        } else if self.take("COMMENT") {
            self.comment()?
        } else {
            self.advance();
            self.skip_rest();
            Ddl::Nothing
        };
        Ok(Statement::Ddl(Box::new(ddl)))
    }

    /// Skips clauses that change nothing here, up to the end of the statement.
    fn skip_rest(&mut self) {
        while !matches!(self.peek(), Tok::End | Tok::Sym(";")) {
            self.advance();
        }
    }

    fn if_not_exists(&mut self) -> bool {
        self.take("IF NOT EXISTS")
    }

    fn alter_session(&mut self) -> Result<Statement> {
        self.expect("ALTER SESSION")?;
        self.expect("SET")?;
        let name = self.name()?;
        self.expect_symbol("=")?;
        let value = match self.advance() {
            Tok::Num(text) | Tok::Str(text) | Tok::Word { text, .. } => text,
            _ => return Err(self.error(2248, "invalid option for ALTER SESSION")),
        };
        self.skip_rest();
        Ok(Statement::AlterSession { name, value })
    }

    fn create(&mut self) -> Result<Ddl> {
        let or_replace = self.take("OR REPLACE");
        self.take("FORCE");
        self.take("EDITIONABLE");
        if self.take("TABLE") {
            self.create_table()
        } else if self.take("UNIQUE INDEX") {
            self.create_index(IndexKind::Normal { unique: true })
        } else if self.take("INDEX") {
            self.create_index(IndexKind::Normal { unique: false })
        } else if self.take("VECTOR INDEX") {
            self.create_index(IndexKind::Vector(VectorIndex::default()))
        } else if self.take("VIEW") {
            self.create_view(or_replace)
        } else if self.take("SEQUENCE") {
            self.create_sequence()
        } else {
            Err(self.error(901, "invalid CREATE command, or one that the stand-in client does not know"))
        }
    }

    fn create_table(&mut self) -> Result<Ddl> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let (mut columns, mut constraints, mut query) = (Vec::new(), Vec::new(), None);
        if self.take_symbol("(") {
            loop {
                if self.starts_constraint() {
                    constraints.push(self.constraint()?);
                } else {
                    columns.push(self.column_def()?);
                }
                if !self.take_symbol(",") {
                    break;
                }
            }
            self.expect_symbol(")")?;
        }
        if self.take("AS") {
            query = Some(Box::new(self.query()?));
        } else {
            self.skip_rest();
        }
        if columns.is_empty() && query.is_none() {
            return Err(self.error(904, "invalid identifier: a table needs columns"));
        }
        Ok(Ddl::CreateTable { name, if_not_exists, columns, constraints, query })
    }

    fn starts_constraint(&self) -> bool {
        ["CONSTRAINT", "PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK"].iter().any(|word| self.is(word))
    }

    fn column_def(&mut self) -> Result<ColumnDef> {
        let mut column = ColumnDef {
            name: self.name()?,
            kind: None,
            default: None,
            default_on_null: false,
            identity: None,
            identity_start: None,
            computed: None,
            nullable: None,
            constraints: Vec::new(),
        };
        let starts_clause =
            ["DEFAULT", "GENERATED", "NOT", "NULL", "AS", "CONSTRAINT"].iter().any(|word| self.is(word))
                || self.starts_constraint();
        if !starts_clause && !matches!(self.peek(), Tok::Sym(_) | Tok::End) {
            column.kind = Some(self.type_name()?);
        }
        loop {
            if self.take("DEFAULT") {
                column.default_on_null = self.take("ON NULL");
                let start = self.offset();
                self.expr()?;
                column.default = Some(self.text[start..self.last_end()].to_owned());
            } else if self.take("GENERATED") {
                let always = self.take("ALWAYS");
                if !always {
                    self.expect("BY DEFAULT")?;
                }
                let on_null = self.take("ON NULL");
                self.expect("AS")?;
                if self.take("IDENTITY") {
                    column.identity = Some((always, on_null));
                    if self.take_symbol("(") {
                        column.identity_start = self.identity_start()?;
                        self.balanced()?;
                    }
                } else {
                    column.computed = Some(self.computed_text()?);
                }
            } else if self.is("AS") {
                self.advance();
                column.computed = Some(self.computed_text()?);
            } else if self.take("VIRTUAL") || self.take("VISIBLE") || self.take("ENABLE") {
            } else if self.take("NOT NULL") {
                column.nullable = Some(false);
            } else if self.take("NULL") {
                column.nullable = Some(true);
            } else if self.starts_constraint() || self.is("REFERENCES") {
                // `CONSTRAINT x NOT NULL` is a constraint with another meaning.
                let mark = self.mark();
                if self.take("CONSTRAINT") {
                    self.name()?;
                    if self.take("NOT NULL") {
                        column.nullable = Some(false);
                        continue;
                    }
                    self.reset(mark);
                }
                column.constraints.push(self.column_constraint(&column.name)?);
            } else {
                return Ok(column);
            }
        }
    }

    fn identity_start(&mut self) -> Result<Option<IdentityStart>> {
        if !self.take("START WITH") {
            return Ok(None);
        }
        if self.take("LIMIT VALUE") {
            return Ok(Some(IdentityStart::LimitValue));
        }
        Ok(Some(IdentityStart::Number(self.integer()?)))
    }

    fn computed_text(&mut self) -> Result<String> {
        self.expect_symbol("(")?;
        Ok(self.balanced()?.to_owned())
    }

    fn constraint_name(&mut self) -> Result<Option<String>> {
        if self.take("CONSTRAINT") { Ok(Some(self.name()?)) } else { Ok(None) }
    }

    /// A constraint that stands with one column.
    fn column_constraint(&mut self, column: &str) -> Result<Constraint> {
        let name = self.constraint_name()?;
        let column = vec![column.to_owned()];
        let kind = if self.take("PRIMARY KEY") {
            ConstraintKind::PrimaryKey(column)
        } else if self.take("UNIQUE") {
            ConstraintKind::Unique(column)
        } else if self.take("CHECK") {
            self.expect_symbol("(")?;
            ConstraintKind::Check(self.balanced()?.to_owned())
        } else {
            self.references(column)?
        };
        self.constraint_state();
        Ok(Constraint { name, kind })
    }

    fn references(&mut self, columns: Vec<String>) -> Result<ConstraintKind> {
        self.expect("REFERENCES")?;
        let table = self.object_name()?;
        let referenced = if self.is_symbol("(") { self.name_list()? } else { Vec::new() };
        let on_delete = if self.take("ON DELETE CASCADE") {
            OnDelete::Cascade
        } else if self.take("ON DELETE SET NULL") {
            OnDelete::SetNull
        } else {
            OnDelete::Refuse
        };
        Ok(ConstraintKind::ForeignKey { columns, table, referenced, on_delete })
    }

    fn constraint_state(&mut self) {
        while ["ENABLE", "VALIDATE", "NOVALIDATE", "RELY"].iter().any(|word| self.take(word)) {}
    }

    /// A constraint on its own.
    fn constraint(&mut self) -> Result<Constraint> {
        let name = self.constraint_name()?;
        let kind = if self.take("PRIMARY KEY") {
            ConstraintKind::PrimaryKey(self.name_list()?)
        } else if self.take("UNIQUE") {
            ConstraintKind::Unique(self.name_list()?)
        } else if self.take("CHECK") {
            self.expect_symbol("(")?;
            ConstraintKind::Check(self.balanced()?.to_owned())
        } else {
            self.expect("FOREIGN KEY")?;
            let columns = self.name_list()?;
            self.references(columns)?
        };
        self.constraint_state();
        Ok(Constraint { name, kind })
    }

    fn create_index(&mut self, mut kind: IndexKind) -> Result<Ddl> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        self.expect("ON")?;
        let table = self.object_name()?;
        self.expect_symbol("(")?;
        let keys = self.comma_separated(|parser| {
            let start = parser.offset();
            let expr = parser.expr()?;
            let text = parser.text[start..parser.last_end()].to_owned();
            let _ = parser.take("DESC") || parser.take("ASC");
            Ok((expr, text))
        })?;
        self.expect_symbol(")")?;
        if let IndexKind::Vector(index) = &mut kind {
            self.vector_clauses(index)?;
        } else if self.take("INDEXTYPE IS") {
            let index_type = self.qualified()?;
            if index_type != "CTXSYS.CONTEXT" && index_type != "CONTEXT" {
                return Err(self.error(29833, "indextype does not exist (or the stand-in client does not know it)"));
            }
            let mut parameters = String::new();
            if self.take("PARAMETERS") {
                self.expect_symbol("(")?;
                parameters = self.string()?;
                self.expect_symbol(")")?;
            }
            kind = IndexKind::Context { parameters };
        } else {
            self.skip_rest();
        }
        if if_not_exists && !matches!(kind, IndexKind::Normal { .. }) {
            return Err(self.error(900, "IF NOT EXISTS is not for vector and text indexes"));
        }
        Ok(Ddl::CreateIndex { name, if_not_exists, table, keys, kind })
    }

    /// `[schema.]name` with the schema kept.
    fn qualified(&mut self) -> Result<String> {
        let mut name = self.name()?;
        while self.take_symbol(".") {
            name = format!("{name}.{}", self.name()?);
        }
        Ok(name)
    }

    fn create_view(&mut self, or_replace: bool) -> Result<Ddl> {
        let if_not_exists = self.if_not_exists();
        if or_replace && if_not_exists {
            return Err(self.error(11541, "REPLACE and IF NOT EXISTS cannot coexist in the same DDL statement"));
        }
        let name = self.object_name()?;
        let columns = if self.is_symbol("(") { self.name_list()? } else { Vec::new() };
        self.expect("AS")?;
        let start = self.offset();
        self.query()?;
        let text = self.text[start..self.last_end()].to_owned();
        if self.take("WITH") {
            self.skip_rest();
        }
        Ok(Ddl::CreateView { name, or_replace, if_not_exists, columns, text })
    }

    fn create_sequence(&mut self) -> Result<Ddl> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let (mut start, mut increment) = (1, 1);
        loop {
            if self.take("START WITH") {
                start = self.integer()?;
            } else if self.take("INCREMENT BY") {
                increment = self.integer()?;
            } else if self.take("CACHE") || self.take("MINVALUE") || self.take("MAXVALUE") {
                self.integer()?;
            } else if !["NOCACHE", "NOCYCLE", "NOMAXVALUE", "NOMINVALUE", "ORDER", "NOORDER"]
                .iter()
                .any(|word| self.take(word))
            {
                return Ok(Ddl::CreateSequence { name, if_not_exists, start, increment });
            }
        }
    }

    fn alter(&mut self) -> Result<Ddl> {
        if self.take("TABLE") {
            let name = self.object_name()?;
            let mut actions = Vec::new();
            while !matches!(self.peek(), Tok::End | Tok::Sym(";")) {
                self.alter_table(&mut actions)?;
            }
            return Ok(Ddl::AlterTable { name, actions });
        }
        if self.take("INDEX") {
            let name = self.object_name()?;
            let start = self.offset();
            self.skip_rest();
            return Ok(Ddl::AlterIndex { name, rest: self.text[start..self.last_end()].to_uppercase() });
        }
        Err(self.error(940, "invalid ALTER command, or one that the stand-in client does not know"))
    }

    fn alter_table(&mut self, actions: &mut Vec<AlterTable>) -> Result<()> {
        if self.take("ADD") {
            let many = !self.starts_constraint() && self.take_symbol("(");
            loop {
                actions.push(if self.starts_constraint() {
                    AlterTable::AddConstraint(self.constraint()?)
                } else {
                    AlterTable::AddColumn(self.column_def()?)
                });
                if !(many && self.take_symbol(",")) {
                    break;
                }
            }
            if many {
                self.expect_symbol(")")?;
            }
        } else if self.take("MODIFY") {
            let many = self.take_symbol("(");
            loop {
                actions.push(AlterTable::Modify(self.column_def()?));
                if !(many && self.take_symbol(",")) {
                    break;
                }
            }
            if many {
                self.expect_symbol(")")?;
            }
        } else if self.take("DROP") {
            if self.take("CONSTRAINT") {
                actions.push(AlterTable::DropConstraint(self.name()?));
                self.take("CASCADE");
            } else if self.take("PRIMARY KEY") {
                actions.push(AlterTable::DropPrimaryKey);
            } else if self.take("COLUMN") {
                actions.push(AlterTable::DropColumn(self.name()?));
            } else {
                actions.extend(self.name_list()?.into_iter().map(AlterTable::DropColumn));
            }
            self.take("CASCADE CONSTRAINTS");
        } else if self.take("DISABLE CONSTRAINT") {
            actions.push(AlterTable::SetConstraint(self.name()?, false, false));
        } else if self.take("ENABLE NOVALIDATE CONSTRAINT") {
            actions.push(AlterTable::SetConstraint(self.name()?, true, false));
        } else if self.take("ENABLE CONSTRAINT") || self.take("ENABLE VALIDATE CONSTRAINT") {
            actions.push(AlterTable::SetConstraint(self.name()?, true, true));
        } else if self.take("RENAME TO") {
            actions.push(AlterTable::RenameTo(self.object_name()?));
        } else if self.take("RENAME COLUMN") {
            let from = self.name()?;
            self.expect("TO")?;
            actions.push(AlterTable::RenameColumn(from, self.name()?));
        } else if self.take("RENAME CONSTRAINT") {
            let from = self.name()?;
            self.expect("TO")?;
            actions.push(AlterTable::RenameConstraint(from, self.name()?));
        } else if ["ENABLE ROW MOVEMENT", "DISABLE ROW MOVEMENT", "LOGGING", "NOLOGGING", "PARALLEL", "NOPARALLEL"]
            .iter()
            .any(|word| self.take(word))
        {
            actions.push(AlterTable::Nothing);
        } else {
            return Err(self.error(1735, "invalid ALTER TABLE option"));
        }
        Ok(())
    }

    fn drop_object(&mut self) -> Result<Ddl> {
        let kind = match self.advance() {
            Tok::Word { text, .. } => match text.as_str() {
                "TABLE" => "TABLE",
                "INDEX" => "INDEX",
                "VIEW" => "VIEW",
                "SEQUENCE" => "SEQUENCE",
                _ => return Err(self.error(950, "invalid DROP option, or one that the stand-in client does not know")),
            },
            _ => return Err(self.error(950, "invalid DROP option")),
        };
        let if_exists = self.take("IF EXISTS");
        let name = self.object_name()?;
        let cascade = self.take("CASCADE CONSTRAINTS");
        self.take("PURGE");
        let force = self.take("FORCE");
        Ok(Ddl::Drop { kind, name, if_exists, cascade, force })
    }

    fn comment(&mut self) -> Result<Ddl> {
        self.expect("ON")?;
        let is_column = self.take("COLUMN");
        if !is_column {
            self.expect("TABLE")?;
        }
        let table = self.name()?;
        let column = if is_column {
            self.expect_symbol(".")?;
            Some(self.name()?)
        } else {
            None
        };
        self.expect("IS")?;
        Ok(Ddl::Comment { table, column, text: self.string()? })
    }
}
