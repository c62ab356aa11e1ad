//! SELECT.

use super::ast::*;
use super::lexer::Tok;
use super::parser::{Parser, is_reserved};
use crate::errors::Result;

/// Words that end a table reference and therefore are no alias of it.
const NO_ALIAS: [&str; 13] = [
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "NATURAL",
    "JOIN",
    "USING",
    "OFFSET",
    "FETCH",
    "RETURNING",
    "OUTER",
    "WHEN",
];

impl Parser<'_> {
    /// A query with everything around it.
    pub fn query(&mut self) -> Result<Query> {
        let mut with = Vec::new();
        if self.take("WITH") {
            with = self.comma_separated(|parser| {
                let name = parser.name()?;
                let columns = if parser.is_symbol("(") { parser.name_list()? } else { Vec::new() };
                parser.expect("AS")?;
                parser.expect_symbol("(")?;
                let query = parser.query()?;
                parser.expect_symbol(")")?;
                Ok(Cte { name, columns, query })
            })?;
        }
        let body = self.set_expr()?;
        let mut query = Query { with, body, order_by: Vec::new(), offset: None, fetch: None, for_update: None };
        if self.take("ORDER BY") {
            query.order_by = self.comma_separated(Self::order_item)?;
        }
        if self.take("OFFSET") {
            query.offset = Some(self.expr()?);
            if !self.take("ROWS") {
                self.expect("ROW")?;
            }
        }
        if self.take("FETCH") {
            query.fetch = Some(self.fetch()?);
        }
        if self.take("FOR UPDATE") {
            query.for_update = Some(self.for_update()?);
        }
        if self.is("LIMIT") {
            return Err(self.error(933, "SQL command not properly ended: LIMIT is no Oracle SQL"));
        }
        Ok(query)
    }

    fn fetch(&mut self) -> Result<Fetch> {
        let accuracy = if self.take("APPROX") || self.take("APPROXIMATE") {
            Accuracy::Approximate
        } else if self.take("EXACT") {
            Accuracy::Exact
        } else {
            Accuracy::Unsaid
        };
        if !self.take("FIRST") {
            self.expect("NEXT")?;
        }
        let count = if self.is("ROW") || self.is("ROWS") { Expr::Num("1".to_owned()) } else { self.expr()? };
        if self.is("PERCENT") || self.is("PARTITIONS") {
            return Err(self.error(900, "the stand-in client does not know this row limit"));
        }
        if !self.take("ROWS") {
            self.expect("ROW")?;
        }
        let with_ties = self.take("WITH TIES");
        if !with_ties {
            self.expect("ONLY")?;
        }
        if self.take("WITH TARGET ACCURACY") {
            if accuracy != Accuracy::Approximate {
                return Err(self.error(900, "TARGET ACCURACY needs FETCH APPROX"));
            }
            let percent = self.integer()?;
            if !(1..=100).contains(&percent) {
                return Err(self.error(900, "the target accuracy must be between 1 and 100"));
            }
            self.take("PERCENT");
        }
        Ok(Fetch { accuracy, count, with_ties })
    }

    fn for_update(&mut self) -> Result<ForUpdate> {
        let mut of = Vec::new();
        if self.take("OF") {
            of = self.comma_separated(|parser| {
                let first = parser.name()?;
                if parser.take_symbol(".") { Ok((Some(first), parser.name()?)) } else { Ok((None, first)) }
            })?;
        }
        Ok(ForUpdate { of, wait: self.wait_clause()? })
    }

    fn set_expr(&mut self) -> Result<SetExpr> {
        let mut left = self.set_operand()?;
        loop {
            let operator = if self.take("UNION ALL") {
                "UNION ALL"
            } else if self.take("UNION") {
                "UNION"
            } else if self.take("INTERSECT") {
                "INTERSECT"
            } else if self.take("MINUS") || self.take("EXCEPT") {
                "EXCEPT"
            } else {
                return Ok(left);
            };
            left = SetExpr::Set(operator, Box::new(left), Box::new(self.set_operand()?));
        }
    }

    fn set_operand(&mut self) -> Result<SetExpr> {
        if self.take_symbol("(") {
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(SetExpr::Query(Box::new(query)));
        }
        Ok(SetExpr::Select(Box::new(self.select()?)))
    }

    fn select(&mut self) -> Result<Select> {
        self.expect("SELECT")?;
        let distinct = self.take("DISTINCT") || self.take("UNIQUE");
        if !distinct {
            self.take("ALL");
        }
        let items = self.comma_separated(Self::item)?;
        let mut select = Select {
            distinct,
            items,
            from: Vec::new(),
            condition: None,
            most_rows: None,
            group_by: Vec::new(),
            having: None,
        };
        // From 23ai on a query needs no FROM; before, ORA-00923. FROM DUAL works everywhere, so it is asked for.
        self.take_into_variables()?;
        if !self.take("FROM") {
            return Err(self.error(923, "FROM keyword not found where expected"));
        }
        select.from = self.comma_separated(Self::joined_table)?;
        if self.take("WHERE") {
            if self.take("ROWNUM") {
                self.expect_symbol("<=")?;
                select.most_rows = Some(self.expr()?);
            } else {
                select.condition = Some(self.expr()?);
            }
        }
        if self.is("CONNECT") || self.is("START") {
            return Err(self.error(900, "the stand-in client does not know hierarchical queries"));
        }
        if self.take("GROUP BY") {
            select.group_by = self.comma_separated(Self::expr)?;
        }
        if self.take("HAVING") {
            select.having = Some(self.expr()?);
        }
        Ok(select)
    }

    fn item(&mut self) -> Result<Item> {
        if self.take_symbol("*") {
            return Ok(Item::Star);
        }
        if let (Tok::Word { text, .. }, Tok::Sym("."), Tok::Sym("*")) =
            (self.peek().clone(), self.peek_at(1), self.peek_at(2))
        {
            for _ in 0..3 {
                self.advance();
            }
            return Ok(Item::QualifiedStar(text));
        }
        let start = self.offset();
        let expr = self.expr()?;
        let text = self.text[start..self.last_end()].to_uppercase();
        let alias = if self.take("AS") { Some(self.name()?) } else { self.bare_alias() };
        Ok(Item::Expr { expr, alias, text })
    }

    /// An alias without AS.
    fn bare_alias(&mut self) -> Option<String> {
        let alias = match self.peek() {
            Tok::Word { text, quoted }
                if *quoted || !(is_reserved(text) || NO_ALIAS.contains(&text.as_str()) || text == "BULK") =>
            {
                text.clone()
            }
            _ => return None,
        };
        self.advance();
        Some(alias)
    }

    fn joined_table(&mut self) -> Result<TableRef> {
        let mut left = self.table_ref()?;
        loop {
            let kind = if self.take("CROSS JOIN") {
                "CROSS JOIN"
            } else if self.take("INNER JOIN") || self.take("JOIN") {
                "JOIN"
            } else if self.take("LEFT OUTER JOIN") || self.take("LEFT JOIN") {
                "LEFT JOIN"
            } else if self.take("RIGHT OUTER JOIN") || self.take("RIGHT JOIN") {
                "RIGHT JOIN"
            } else if self.take("FULL OUTER JOIN") || self.take("FULL JOIN") {
                "FULL JOIN"
            } else if self.is("NATURAL") || self.is("CROSS") || self.is("OUTER") {
                return Err(self.error(900, "the stand-in client does not know this join"));
            } else {
                return Ok(left);
            };
            let right = self.table_ref()?;
            let (mut on, mut using) = (None, Vec::new());
            if kind != "CROSS JOIN" {
                if self.take("ON") {
                    on = Some(self.expr()?);
                } else if self.take("USING") {
                    using = self.name_list()?;
                } else {
                    return Err(self.error(905, "missing keyword: ON or USING expected"));
                }
            }
            left = TableRef::Join { left: Box::new(left), right: Box::new(right), kind, on, using };
        }
    }

    pub fn table_ref(&mut self) -> Result<TableRef> {
        if self.take("LATERAL") {
            return Err(self.error(900, "the stand-in client does not know LATERAL"));
        }
        if self.is_symbol("(") {
            self.advance();
            if self.is("SELECT") || self.is("WITH") || self.is_symbol("(") {
                let query = Box::new(self.query()?);
                self.expect_symbol(")")?;
                return Ok(TableRef::Query { query, alias: self.table_alias()? });
            }
            let inner = self.joined_table()?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        if self.is("JSON_TABLE") && matches!(self.peek_at(1), Tok::Sym("(")) {
            return self.json_table();
        }
        let name = self.object_name()?;
        Ok(TableRef::Named { name, alias: self.table_alias()? })
    }

    /// Oracle does not take AS in front of a table's alias.
    pub fn table_alias(&mut self) -> Result<Option<String>> {
        if self.is("AS") {
            return Err(self.error(933, "SQL command not properly ended: no AS before the alias of a table"));
        }
        Ok(self.bare_alias())
    }

    fn json_table(&mut self) -> Result<TableRef> {
        self.advance();
        self.expect_symbol("(")?;
        let document = self.expr()?;
        self.take("FORMAT JSON");
        let path = if self.take_symbol(",") { self.string()? } else { "$".to_owned() };
        let mut error_on_error = false;
        while self.take("NULL ON ERROR") || self.is("ERROR ON ERROR") {
            error_on_error |= self.take("ERROR ON ERROR");
        }
        self.expect("COLUMNS")?;
        let parenthesis = self.take_symbol("(");
        let columns = self.comma_separated(|parser| {
            let name = parser.name()?;
            if parser.take("FOR ORDINALITY") {
                return Ok(JsonColumn { name, kind: None, path: String::new(), as_json: false });
            }
            let kind = parser.type_name()?;
            let as_json = parser.take("FORMAT JSON");
            let path = if parser.take("PATH") { parser.string()? } else { format!("$.{}", name.to_lowercase()) };
            while parser.take("NULL ON ERROR") || parser.take("NULL ON EMPTY") || parser.take("ERROR ON ERROR") {}
            Ok(JsonColumn { name, kind: Some(kind), path, as_json })
        })?;
        if parenthesis {
            self.expect_symbol(")")?;
        }
        self.expect_symbol(")")?;
        let alias = self.table_alias()?;
        Ok(TableRef::JsonTable(JsonTable { document, path, columns, alias, error_on_error }))
    }
}
