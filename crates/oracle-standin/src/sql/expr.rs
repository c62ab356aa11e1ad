//! Values and conditions.

use super::ast::*;
use super::lexer::Tok;
use super::parser::{Parser, is_reserved};
use crate::engine::time;
use crate::errors::Result;

/// Reserved words that start an expression all the same.
const RESERVED_VALUES: [&str; 7] = ["LEVEL", "ROWID", "ROWNUM", "SYSDATE", "UID", "USER", "DEFAULT"];

impl Parser<'_> {
    /// A value or a condition.
    pub fn expr(&mut self) -> Result<Expr> {
        let mut left = self.and_expr()?;
        while self.take("OR") {
            left = Expr::Or(Box::new(left), Box::new(self.and_expr()?));
        }
        Ok(left)
    }

    fn and_expr(&mut self) -> Result<Expr> {
        let mut left = self.not_expr()?;
        while self.take("AND") {
            left = Expr::And(Box::new(left), Box::new(self.not_expr()?));
        }
        Ok(left)
    }

    fn not_expr(&mut self) -> Result<Expr> {
        if self.take("NOT") {
            return Ok(Expr::Not(Box::new(self.not_expr()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.sum()?;
        for (symbol, operator) in
            [("=", "="), ("<>", "<>"), ("!=", "<>"), ("^=", "<>"), ("<=", "<="), (">=", ">="), ("<", "<"), (">", ">")]
        {
            if self.take_symbol(symbol) {
                if self.is("ANY") || self.is("SOME") || self.is("ALL") {
                    return Err(self.error(900, "the stand-in client does not know ANY, SOME and ALL"));
                }
                return Ok(Expr::Compare(operator, Box::new(left), Box::new(self.sum()?)));
            }
        }
        if self.take("IS") {
            let negated = self.take("NOT");
            if self.take("JSON") {
                return Ok(Expr::IsJson(Box::new(left), negated));
            }
            self.expect("NULL")?;
            return Ok(Expr::IsNull(Box::new(left), negated));
        }
        // NOT NULL after a default is no part of the expression.
        let negated = ["NOT LIKE", "NOT BETWEEN", "NOT IN"].iter().any(|words| self.is(words)) && self.take("NOT");
        let left = Box::new(left);
        if self.take("LIKE") {
            let pattern = Box::new(self.sum()?);
            let escape = if self.take("ESCAPE") { Some(Box::new(self.sum()?)) } else { None };
            return Ok(Expr::Like { value: left, pattern, escape, negated });
        }
        if self.take("BETWEEN") {
            let from = Box::new(self.sum()?);
            self.expect("AND")?;
            return Ok(Expr::Between(left, from, Box::new(self.sum()?), negated));
        }
        if self.take("IN") {
            self.expect_symbol("(")?;
            let expr = if self.is("SELECT") || self.is("WITH") {
                Expr::InQuery(left, Box::new(self.query()?), negated)
            } else {
                let list = self.comma_separated(Self::expr)?;
                if list.len() > 1000 {
                    return Err(self.error(1795, "maximum number of expressions in a list is 1000"));
                }
                Expr::InList(left, list, negated)
            };
            self.expect_symbol(")")?;
            return Ok(expr);
        }
        Ok(*left)
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Tok::Sym(symbol @ ("+" | "-" | "||" | "<#>" | "<=>" | "<->")) => *symbol,
                _ => return Ok(left),
            };
            self.advance();
            left = Expr::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Tok::Sym(symbol @ ("*" | "/")) => *symbol,
                _ => return Ok(left),
            };
            self.advance();
            left = Expr::Binary(operator, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        if self.take_symbol("-") {
            return Ok(Expr::Negate(Box::new(self.unary()?)));
        }
        if self.take_symbol("+") {
            return self.unary();
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr> {
        match self.peek().clone() {
            Tok::Num(text) => {
                self.advance();
                Ok(Expr::Num(text))
            }
            Tok::Str(text) => {
                self.advance();
                Ok(Expr::Str(text))
            }
            Tok::Bind(name) => {
                self.advance();
                let index = self.next_bind();
                Ok(Expr::Bind(name, index))
            }
            Tok::Sym("(") => {
                self.advance();
                if self.is("SELECT") || self.is("WITH") {
                    let query = self.query()?;
                    self.expect_symbol(")")?;
                    return Ok(Expr::Scalar(Box::new(query)));
                }
                let mut all = self.comma_separated(Self::expr)?;
                self.expect_symbol(")")?;
                Ok(if all.len() == 1 { all.remove(0) } else { Expr::Tuple(all) })
            }
            Tok::Word { text, quoted } => self.word(&text, quoted),
            _ => Err(self.error(936, "missing expression")),
        }
    }

    fn word(&mut self, word: &str, quoted: bool) -> Result<Expr> {
        if !quoted {
            match word {
                "NULL" => {
                    self.advance();
                    return Ok(Expr::Null);
                }
                "TRUE" | "FALSE" => {
                    self.advance();
                    return Ok(Expr::Bool(word == "TRUE"));
                }
                "CASE" => return self.case(),
                "EXISTS" => {
                    self.advance();
                    self.expect_symbol("(")?;
                    let query = self.query()?;
                    self.expect_symbol(")")?;
                    return Ok(Expr::Exists(Box::new(query)));
                }
                "INTERVAL" if matches!(self.peek_at(1), Tok::Str(_)) => return self.interval(),
                "TIMESTAMP" | "DATE" if matches!(self.peek_at(1), Tok::Str(_)) => {
                    self.advance();
                    let text = self.string()?;
                    let (micros, zone) =
                        time::parse_literal(&text).map_err(|error| self.error(error.code, &error.message))?;
                    return Ok(Expr::Timestamp(micros, zone));
                }
                _ => {}
            }
            if is_reserved(word) && !RESERVED_VALUES.contains(&word) {
                return Err(self.error(936, format!("missing expression, {word} is a reserved word")));
            }
        }
        self.advance();
        let mut path = vec![word.to_owned()];
        while self.is_symbol(".") && matches!(self.peek_at(1), Tok::Word { .. }) {
            self.advance();
            match self.advance() {
                Tok::Word { text, .. } => path.push(text),
                _ => unreachable!("peeked"),
            }
        }
        // `name%ROWCOUNT` and the like stay one name.
        if path.len() == 1 && word == "SQL" && self.take_symbol("%") {
            let attribute = self.name()?;
            return Ok(Expr::Name(Some("SQL".to_owned()), attribute));
        }
        if self.is_symbol("(") {
            self.advance();
            return self.call(path.join("."));
        }
        let name = path.pop().expect("one at least");
        // A schema in front is dropped: there is only one.
        Ok(Expr::Name(path.pop(), name))
    }

    fn case(&mut self) -> Result<Expr> {
        self.advance();
        let operand = if self.is("WHEN") { None } else { Some(Box::new(self.expr()?)) };
        let mut whens = Vec::new();
        while self.take("WHEN") {
            let condition = self.expr()?;
            self.expect("THEN")?;
            whens.push((condition, self.expr()?));
        }
        let otherwise = if self.take("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("END")?;
        if whens.is_empty() {
            return Err(self.error(905, "missing keyword: WHEN expected"));
        }
        Ok(Expr::Case { operand, whens, otherwise })
    }

    fn interval(&mut self) -> Result<Expr> {
        self.advance();
        let text = self.string()?;
        let unit = match self.advance() {
            Tok::Word { text, .. } => text,
            _ => return Err(self.error(30089, "missing or invalid <datetime field>")),
        };
        if self.take_symbol("(") {
            self.balanced()?;
        }
        let micros = time::interval_of(text.trim().parse().ok(), &unit)
            .ok_or_else(|| self.error(1867, "the interval is invalid, or of a form that the stand-in does not know"))?;
        Ok(Expr::Interval(micros))
    }

    /// After `name(`.
    fn call(&mut self, name: String) -> Result<Expr> {
        match name.as_str() {
            "CAST" => {
                let value = self.expr()?;
                self.expect("AS")?;
                let kind = self.type_name()?;
                self.expect_symbol(")")?;
                return Ok(Expr::Cast(Box::new(value), kind));
            }
            "EXTRACT" => {
                let field = self.name()?;
                self.expect("FROM")?;
                let value = self.expr()?;
                self.expect_symbol(")")?;
                return Ok(Expr::Extract(field, Box::new(value)));
            }
            _ => {}
        }
        let mut call = Call { name, ..Call::default() };
        call.distinct = self.take("DISTINCT");
        while !self.is_symbol(")") {
            if self.take_symbol("*") {
                call.args.push(Expr::Star);
            } else if call.name == "JSON_OBJECT" {
                self.take("KEY");
                call.args.push(self.expr()?);
                if !(self.take("VALUE") || self.take_symbol(":") || self.take("IS")) {
                    return Err(self.error(905, "missing keyword: VALUE expected"));
                }
                call.args.push(self.expr()?);
                self.take("FORMAT JSON");
            } else if call.name == "TRIM" && (self.take("BOTH") || self.take("LEADING") || self.take("TRAILING")) {
                return Err(self.error(900, "the stand-in client does not know this form of TRIM"));
            } else {
                // Named arguments of PL/SQL are not for SQL: `DBMS_X.F(a => 1)`.
                call.args.push(self.expr()?);
            }
            if !self.take_symbol(",") {
                break;
            }
        }
        self.json_clauses(&mut call)?;
        self.expect_symbol(")")?;
        if self.take("WITHIN GROUP") {
            self.expect_symbol("(")?;
            self.expect("ORDER BY")?;
            call.within = self.comma_separated(Self::order_item)?;
            self.expect_symbol(")")?;
        }
        if self.take("OVER") {
            call.over = Some(self.window()?);
        }
        Ok(Expr::Call(call))
    }

    /// Reads the clauses that may follow the arguments of JSON and vector functions.
    fn json_clauses(&mut self, call: &mut Call) -> Result<()> {
        loop {
            if self.take("RETURNING") {
                call.returning = Some(self.type_name()?);
            } else if self.take("ERROR ON ERROR") {
                call.error_on_error = true;
            } else if self.take("ERROR ON EMPTY") {
                call.error_on_empty = true;
            } else if self.take("ABSENT ON NULL") {
                call.absent_on_null = Some(true);
            } else if self.take("NULL ON NULL") {
                call.absent_on_null = Some(false);
            } else if self.take("ORDER BY") {
                call.within = self.comma_separated(Self::order_item)?;
            } else if !(self.take("NULL ON ERROR")
                || self.take("NULL ON EMPTY")
                || self.take("FORMAT JSON")
                || self.take("STRICT")
                || self.take("FALSE ON ERROR")
                || self.take("PRETTY"))
            {
                return Ok(());
            }
        }
    }

    fn window(&mut self) -> Result<Window> {
        self.expect_symbol("(")?;
        let mut window = Window::default();
        if self.take("PARTITION BY") {
            window.partition_by = self.comma_separated(Self::expr)?;
        }
        if self.take("ORDER BY") {
            window.order_by = self.comma_separated(Self::order_item)?;
        }
        if self.is("ROWS") || self.is("RANGE") {
            let start = self.offset();
            while !self.is_symbol(")") && *self.peek() != Tok::End {
                self.advance();
            }
            window.frame = Some(self.text[start..self.offset()].to_owned());
        }
        self.expect_symbol(")")?;
        Ok(window)
    }

    pub fn order_item(&mut self) -> Result<OrderItem> {
        let expr = self.expr()?;
        let descending = self.take("DESC");
        if !descending {
            self.take("ASC");
        }
        let nulls_first = if self.take("NULLS FIRST") {
            Some(true)
        } else if self.take("NULLS LAST") {
            Some(false)
        } else {
            None
        };
        Ok(OrderItem { expr, descending, nulls_first })
    }
}
