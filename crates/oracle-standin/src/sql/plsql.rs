//! Anonymous PL/SQL blocks, as far as migrations and their likes need them.

use super::ast::*;
use super::lexer::Tok;
use super::parser::Parser;
use crate::errors::Result;

impl Parser<'_> {
    /// `[DECLARE …] BEGIN … [EXCEPTION …] END;`
    pub fn block(&mut self) -> Result<Block> {
        let mut block = Block::default();
        if self.take("DECLARE") {
            block.declarations = self.declarations()?;
        }
        self.block_body(&mut block)?;
        Ok(block)
    }

    fn block_body(&mut self, block: &mut Block) -> Result<()> {
        self.expect("BEGIN")?;
        block.body = self.steps(&["EXCEPTION", "END"])?;
        if self.take("EXCEPTION") {
            while self.take("WHEN") {
                let mut names = vec![self.name()?];
                while self.take("OR") {
                    names.push(self.name()?);
                }
                self.expect("THEN")?;
                block.handlers.push((names, self.steps(&["WHEN", "END"])?));
            }
        }
        self.expect("END")?;
        if !self.is_symbol(";") {
            self.name()?;
        }
        self.semicolon()
    }

    fn semicolon(&mut self) -> Result<()> {
        if self.take_symbol(";") { Ok(()) } else { Err(self.plsql_error("a semicolon")) }
    }

    fn plsql_error(&self, expected: &str) -> crate::errors::OraError {
        self.error(6550, format_args!("PLS-00103: found something else where {expected} was expected"))
    }

    fn declarations(&mut self) -> Result<Vec<Declaration>> {
        let mut all = Vec::new();
        while !self.is("BEGIN") {
            if self.take("PRAGMA") {
                self.expect("EXCEPTION_INIT")?;
                self.expect_symbol("(")?;
                let name = self.name()?;
                self.expect_symbol(",")?;
                let code = self.integer()?;
                self.expect_symbol(")")?;
                self.semicolon()?;
                let code = i32::try_from(-code).map_err(|_| self.plsql_error("an error number"))?;
                all.push(Declaration::ExceptionInit(name, code));
                continue;
            }
            if self.take("PROCEDURE") {
                all.push(self.procedure()?);
                continue;
            }
            let name = self.name()?;
            if self.take("EXCEPTION") {
                self.semicolon()?;
                all.push(Declaration::Exception(name));
                continue;
            }
            self.take("CONSTANT");
            let kind = self.type_name()?;
            self.take("NOT NULL");
            let initial = if self.take_symbol(":=") || self.take("DEFAULT") { Some(self.expr()?) } else { None };
            self.semicolon()?;
            all.push(Declaration::Variable { name, kind, initial });
        }
        Ok(all)
    }

    fn procedure(&mut self) -> Result<Declaration> {
        let name = self.name()?;
        let mut parameters = Vec::new();
        if self.take_symbol("(") {
            parameters = self.comma_separated(|parser| {
                let name = parser.name()?;
                parser.take("IN");
                Ok((name, parser.type_name()?))
            })?;
            self.expect_symbol(")")?;
        }
        if !self.take("IS") {
            self.expect("AS")?;
        }
        let mut block = Block { declarations: self.declarations()?, ..Block::default() };
        self.block_body(&mut block)?;
        Ok(Declaration::Procedure { name, parameters, block })
    }

    fn steps(&mut self, ends: &[&str]) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        while !ends.iter().any(|end| self.is(end)) {
            if *self.peek() == Tok::End {
                return Err(self.plsql_error("END"));
            }
            steps.push(self.step()?);
        }
        if steps.is_empty() {
            return Err(self.plsql_error("a statement"));
        }
        Ok(steps)
    }

    fn step(&mut self) -> Result<Step> {
        if self.is("BEGIN") || self.is("DECLARE") {
            return Ok(Step::Block(self.block()?));
        }
        if self.take("IF") {
            return self.if_step();
        }
        if self.take("FOR") {
            return self.for_step();
        }
        if self.take("WHILE") {
            let condition = self.expr()?;
            return Ok(Step::While(Some(condition), self.loop_body()?));
        }
        if self.is("LOOP") {
            return Ok(Step::While(None, self.loop_body()?));
        }
        let step = if self.take("NULL") {
            Step::Null
        } else if self.take("RETURN") {
            Step::Return
        } else if self.take("EXIT") {
            Step::Exit(if self.take("WHEN") { Some(self.expr()?) } else { None })
        } else if self.take("RAISE") {
            Step::Raise(if self.is_symbol(";") { None } else { Some(self.name()?) })
        } else if self.take("EXECUTE IMMEDIATE") {
            let sql = self.expr()?;
            let into = if self.take("INTO") { self.comma_separated(Self::expr)? } else { Vec::new() };
            let using = if self.take("USING") {
                self.comma_separated(|parser| {
                    parser.take("IN");
                    parser.expr()
                })?
            } else {
                Vec::new()
            };
            Step::Execute { sql, into, using }
        } else if self.is("SELECT") || self.is("WITH") {
            self.into = Some(Vec::new());
            let query = self.query();
            let into = self.into.take().unwrap_or_default();
            let query = Box::new(query?);
            if into.is_empty() {
                return Err(self.error(6550, "PLS-00428: an INTO clause is expected in this SELECT statement"));
            }
            Step::SelectInto { query, into }
        } else if ["INSERT", "UPDATE", "DELETE", "MERGE", "COMMIT", "ROLLBACK", "SAVEPOINT", "LOCK"]
            .iter()
            .any(|word| self.is(word))
        {
            Step::Sql(self.statement()?)
        } else if ["CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT"].iter().any(|word| self.is(word)) {
            return Err(self.plsql_error("no DDL (PL/SQL needs EXECUTE IMMEDIATE for it)"));
        } else {
            self.assignment_or_call()?
        };
        self.semicolon()?;
        Ok(step)
    }

    fn assignment_or_call(&mut self) -> Result<Step> {
        if matches!(self.peek(), Tok::Bind(_)) {
            let target = self.expr()?;
            return if self.take_symbol(":=") {
                Ok(Step::Assign(target, self.expr()?))
            } else {
                Err(self.plsql_error(":="))
            };
        }
        let mut name = self.name()?;
        while self.take_symbol(".") {
            name = format!("{name}.{}", self.name()?);
        }
        if self.take_symbol(":=") {
            return Ok(Step::Assign(Expr::Name(None, name), self.expr()?));
        }
        let mut args = Vec::new();
        if self.take_symbol("(") {
            if !self.is_symbol(")") {
                args = self.comma_separated(|parser| {
                    let named = match (parser.peek(), parser.peek_at(1)) {
                        (Tok::Word { text, .. }, Tok::Sym("=>")) => Some(text.clone()),
                        _ => None,
                    };
                    if named.is_some() {
                        parser.advance();
                        parser.advance();
                    }
                    Ok((named, parser.expr()?))
                })?;
            }
            self.expect_symbol(")")?;
        }
        Ok(Step::Call { name, args })
    }

    fn if_step(&mut self) -> Result<Step> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let condition = self.expr()?;
        self.expect("THEN")?;
        branches.push((condition, self.steps(&["ELSIF", "ELSE", "END"])?));
        loop {
            if self.take("ELSIF") {
                let condition = self.expr()?;
                self.expect("THEN")?;
                branches.push((condition, self.steps(&["ELSIF", "ELSE", "END"])?));
            } else if self.take("ELSE") {
                otherwise = self.steps(&["END"])?;
            } else {
                break;
            }
        }
        self.expect("END IF")?;
        self.semicolon()?;
        Ok(Step::If(branches, otherwise))
    }

    fn loop_body(&mut self) -> Result<Vec<Step>> {
        self.expect("LOOP")?;
        let body = self.steps(&["END"])?;
        self.expect("END LOOP")?;
        self.semicolon()?;
        Ok(body)
    }

    fn for_step(&mut self) -> Result<Step> {
        let variable = self.name()?;
        self.expect("IN")?;
        if self.take_symbol("(") {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(Step::ForQuery { variable, query, body: self.loop_body()? });
        }
        let from = self.expr()?;
        if !self.take_symbol("..") {
            return Err(self.plsql_error(".."));
        }
        let to = self.expr()?;
        Ok(Step::ForRange { variable, from, to, body: self.loop_body()? })
    }
}
