//! Anonymous PL/SQL blocks.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::types::Value;

use super::catalog::Preference;
use super::dml::Values;
use super::plan::{Bind, Variable, Variables};
use super::session::{Outcome, Session};
use super::types::{NUMBER, Ty};
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::*;

/// Errors with a name of their own.
const NAMED: [(&str, i32); 6] = [
    ("NO_DATA_FOUND", 1403),
    ("TOO_MANY_ROWS", 1422),
    ("DUP_VAL_ON_INDEX", 1),
    ("ZERO_DIVIDE", 1476),
    ("INVALID_NUMBER", 1722),
    ("VALUE_ERROR", 6502),
];

/// How a list of steps ended.
enum Flow {
    Next,
    Exit,
    Return,
}

/// A running block and those around it.
#[derive(Default, Clone)]
struct Frame {
    variables: Variables,
    /// Exceptions by name; None for one without a number.
    exceptions: HashMap<String, Option<i32>>,
    procedures: HashMap<String, (Vec<(String, TypeName)>, Block)>,
    /// The error that a handler is working on.
    current: Option<OraError>,
}

struct Run<'a> {
    session: &'a mut Session,
    binds: Vec<Bind>,
    assigned: Vec<usize>,
}

impl Session {
    /// Runs a block; all its work is undone when it fails.
    pub(super) fn block(&mut self, block: &Block, binds: &[Bind]) -> Result<Vec<(usize, Value, Ty)>> {
        let before = self.transaction.changes.len();
        let mut run = Run { session: self, binds: binds.to_vec(), assigned: Vec::new() };
        let mut frame = Frame::default();
        match run.block(block, &mut frame) {
            Ok(_) => {
                let assigned = std::mem::take(&mut run.assigned);
                Ok(assigned.into_iter().map(|i| (i, run.binds[i].value.clone(), run.binds[i].ty.clone())).collect())
            }
            Err(mut error) => {
                self.transaction.changes.truncate(before);
                if !error.ends_session {
                    error.message.push_str("\nORA-06512: at line 1");
                }
                Err(error)
            }
        }
    }
}

/// An exception without a number, raised by name.
fn user_exception(name: &str) -> OraError {
    OraError {
        code: 6510,
        message: format!("ORA-06510: PL/SQL: unhandled user-defined exception {name}"),
        ends_session: false,
    }
}

impl Run<'_> {
    fn evaluate(&mut self, expr: &Expr, frame: &Frame) -> Result<(Value, Ty)> {
        match expr {
            Expr::Name(None, name) if name == "SQLCODE" => {
                let code = frame
                    .current
                    .as_ref()
                    .map_or(0, |error| if error.code == 1403 { 100 } else { -i64::from(error.code) });
                Ok((Value::Integer(code), NUMBER))
            }
            Expr::Name(None, name) if name == "SQLERRM" => {
                let text = frame
                    .current
                    .as_ref()
                    .map_or_else(|| "ORA-0000: normal, successful completion".to_owned(), |e| e.message.clone());
                Ok((Value::Text(text), Ty::Varchar2(512)))
            }
            _ => self.session.evaluate(expr, Values { binds: &self.binds, variables: Some(&with_error(frame)) }),
        }
    }

    fn test(&mut self, expr: &Expr, frame: &Frame) -> Result<bool> {
        self.session.test(expr, Values { binds: &self.binds, variables: Some(&with_error(frame)) })
    }

    fn text(&mut self, expr: &Expr, frame: &Frame) -> Result<String> {
        match self.evaluate(expr, frame)?.0 {
            Value::Text(text) => Ok(text),
            Value::Integer(n) => Ok(n.to_string()),
            Value::Real(n) => Ok(super::functions::number_text(n)),
            _ => Ok(String::new()),
        }
    }

    fn block(&mut self, block: &Block, outer: &mut Frame) -> Result<Flow> {
        let mut frame = outer.clone();
        for declaration in &block.declarations {
            match declaration {
                Declaration::Variable { name, kind, initial } => {
                    // A type by reference (`t.c%TYPE`) takes whatever comes.
                    let ty = Ty::from_name(kind).map_or(Ty::Varchar2(4000), |(ty, _)| ty);
                    let value = match initial {
                        Some(expr) => self.evaluate(expr, &frame)?.0,
                        None => Value::Null,
                    };
                    frame.variables.insert(name.clone(), Variable { value, ty });
                }
                Declaration::Exception(name) => {
                    frame.exceptions.insert(name.clone(), None);
                }
                Declaration::ExceptionInit(name, code) => {
                    frame.exceptions.insert(name.clone(), Some(*code));
                }
                Declaration::Procedure { name, parameters, block } => {
                    frame.procedures.insert(name.clone(), (parameters.clone(), block.clone()));
                }
            }
        }
        let result = self.steps(&block.body, &mut frame);
        let result = match result {
            Err(error) if !error.ends_session => self.handle(block, error, &mut frame),
            other => other,
        };
        // Assignments to variables of the outer block stay.
        let own: Vec<&String> = block
            .declarations
            .iter()
            .filter_map(|declaration| match declaration {
                Declaration::Variable { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        for (name, variable) in frame.variables {
            if outer.variables.contains_key(&name) && !own.contains(&&name) {
                outer.variables.insert(name, variable);
            }
        }
        result
    }

    fn handle(&mut self, block: &Block, error: OraError, frame: &mut Frame) -> Result<Flow> {
        for (names, steps) in &block.handlers {
            let fits = names.iter().any(|name| {
                name == "OTHERS"
                    || NAMED.iter().any(|(known, code)| known == name && *code == error.code)
                    || match frame.exceptions.get(name) {
                        Some(Some(code)) => *code == error.code,
                        Some(None) => error == user_exception(name),
                        None => false,
                    }
            });
            if fits {
                let before = frame.current.replace(error);
                let result = self.steps(steps, frame);
                frame.current = before;
                return result;
            }
        }
        Err(error)
    }

    fn steps(&mut self, steps: &[Step], frame: &mut Frame) -> Result<Flow> {
        for step in steps {
            match self.step(step, frame)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, step: &Step, frame: &mut Frame) -> Result<Flow> {
        match step {
            Step::Null => {}
            Step::Return => return Ok(Flow::Return),
            Step::Assign(target, value) => {
                let (value, ty) = self.evaluate(value, frame)?;
                self.assign(target, value, &ty, frame)?;
            }
            Step::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.test(condition, frame)? {
                        return self.steps(body, frame);
                    }
                }
                return self.steps(otherwise, frame);
            }
            Step::While(condition, body) => loop {
                if let Some(condition) = condition
                    && !self.test(condition, frame)?
                {
                    break;
                }
                match self.steps(body, frame)? {
                    Flow::Next => {}
                    Flow::Exit => break,
                    Flow::Return => return Ok(Flow::Return),
                }
            },
            Step::ForRange { variable, from, to, body } => {
                let (Value::Integer(from), Value::Integer(to)) =
                    (self.evaluate(from, frame)?.0, self.evaluate(to, frame)?.0)
                else {
                    return Err(OraError::new(6502, "PL/SQL: numeric or value error"));
                };
                for i in from..=to {
                    frame.variables.insert(variable.clone(), Variable { value: Value::Integer(i), ty: NUMBER });
                    match self.steps(body, frame)? {
                        Flow::Next => {}
                        Flow::Exit => break,
                        Flow::Return => return Ok(Flow::Return),
                    }
                }
            }
            Step::ForQuery { variable, query, body } => return self.for_query(variable, query, body, frame),
            Step::Exit(condition) => {
                if condition.as_ref().map_or(Ok(true), |condition| self.test(condition, frame))? {
                    return Ok(Flow::Exit);
                }
            }
            Step::Raise(name) => return Err(self.raise(name.as_deref(), frame)),
            Step::Execute { sql, into, using } => self.execute(sql, into, using, frame)?,
            Step::SelectInto { query, into } => {
                let rows = self.select(query, frame)?;
                self.select_into(rows, into, frame)?;
            }
            Step::Sql(statement) => {
                let variables = with_error(frame);
                let outcome =
                    self.session.run(statement, Values { binds: &self.binds, variables: Some(&variables) })?;
                self.after_sql(statement, outcome, frame)?;
            }
            Step::Call { name, args } => self.call(name, args, frame)?,
            Step::Block(block) => return self.block(block, frame),
        }
        Ok(Flow::Next)
    }

    /// SQL%ROWCOUNT, and what RETURNING gave.
    fn after_sql(&mut self, statement: &Statement, outcome: Outcome, frame: &mut Frame) -> Result<()> {
        let Outcome::Affected(affected) = outcome else { return Ok(()) };
        let count = i64::try_from(affected.count).unwrap_or(0);
        frame.variables.insert("SQL.ROWCOUNT".to_owned(), Variable { value: Value::Integer(count), ty: NUMBER });
        let returning = match statement {
            Statement::Insert(insert) => insert.returning.as_ref(),
            Statement::Update(update) => update.returning.as_ref(),
            Statement::Delete(delete) => delete.returning.as_ref(),
            _ => None,
        };
        if let (Some(returning), Some(row)) = (returning, affected.returned.first()) {
            for ((target, value), ty) in returning.into.iter().zip(row).zip(&affected.returned_types) {
                self.assign(target, value.clone(), ty, frame)?;
            }
        }
        Ok(())
    }

    fn assign(&mut self, target: &Expr, value: Value, ty: &Ty, frame: &mut Frame) -> Result<()> {
        match target {
            Expr::Bind(name, _) => {
                for (i, bind) in self.binds.iter_mut().enumerate() {
                    if bind.name == *name {
                        bind.value = value.clone();
                        bind.ty = ty.clone();
                        self.assigned.push(i);
                    }
                }
                Ok(())
            }
            Expr::Name(None, name) if frame.variables.contains_key(name) => {
                if let Some(variable) = frame.variables.get_mut(name) {
                    variable.value = value;
                    if variable.ty == Ty::Varchar2(4000) {
                        variable.ty = ty.clone();
                    }
                }
                Ok(())
            }
            _ => Err(OraError::new(6550, "PLS-00201: identifier must be declared")),
        }
    }

    fn raise(&self, name: Option<&str>, frame: &Frame) -> OraError {
        let Some(name) = name else {
            return frame.current.clone().unwrap_or_else(|| {
                OraError::new(
                    6550,
                    "PLS-00367: a RAISE statement with no exception name must be inside an exception handler",
                )
            });
        };
        if let Some((_, code)) = NAMED.iter().find(|(known, _)| *known == name) {
            return OraError::new(*code, name);
        }
        match frame.exceptions.get(name) {
            Some(Some(code)) => OraError::new(*code, name),
            Some(None) => user_exception(name),
            None => OraError::new(6550, format_args!("PLS-00201: identifier '{name}' must be declared")),
        }
    }

    fn select(&mut self, query: &Query, frame: &Frame) -> Result<(Vec<super::OutColumn>, Vec<Vec<Value>>)> {
        let statement = Statement::Query(Box::new(query.clone()));
        let variables = with_error(frame);
        match self.session.run(&statement, Values { binds: &self.binds, variables: Some(&variables) })? {
            Outcome::Rows { columns, rows } => Ok((columns, rows)),
            _ => Err(OraError::new(600, "internal error: a query without rows")),
        }
    }

    fn select_into(
        &mut self,
        (columns, rows): (Vec<super::OutColumn>, Vec<Vec<Value>>),
        into: &[Expr],
        frame: &mut Frame,
    ) -> Result<()> {
        let row = match rows.len() {
            0 => return Err(OraError::new(1403, "no data found")),
            1 => rows.into_iter().next().unwrap_or_default(),
            _ => return Err(OraError::new(1422, "exact fetch returns more than requested number of rows")),
        };
        if row.len() != into.len() {
            return Err(OraError::new(947, "not enough values"));
        }
        for ((target, value), column) in into.iter().zip(row).zip(columns) {
            self.assign(target, value, &column.ty, frame)?;
        }
        Ok(())
    }

    fn for_query(&mut self, variable: &str, query: &Query, body: &[Step], frame: &mut Frame) -> Result<Flow> {
        let (columns, rows) = self.select(query, frame)?;
        for row in rows {
            for (column, value) in columns.iter().zip(row) {
                frame
                    .variables
                    .insert(format!("{variable}.{}", column.name), Variable { value, ty: column.ty.clone() });
            }
            match self.steps(body, frame)? {
                Flow::Next => {}
                Flow::Exit => break,
                Flow::Return => return Ok(Flow::Return),
            }
        }
        Ok(Flow::Next)
    }

    fn execute(&mut self, sql: &Expr, into: &[Expr], using: &[Expr], frame: &mut Frame) -> Result<()> {
        let text = self.text(sql, frame)?;
        let statement = Parser::new(&text)?.whole_statement()?;
        let names = crate::sql::Outline::of(&text).binds;
        if names.len() != using.len() {
            return Err(OraError::new(1008, "not all variables bound"));
        }
        let mut binds = Vec::new();
        for (name, expr) in names.into_iter().zip(using) {
            let (value, ty) = self.evaluate(expr, frame)?;
            binds.push(Bind { name, value, ty });
        }
        match self.session.run(&statement, Values { binds: &binds, variables: None })? {
            Outcome::Rows { columns, rows } if !into.is_empty() => self.select_into((columns, rows), into, frame),
            outcome => self.after_sql(&statement, outcome, frame),
        }
    }

    fn call(&mut self, name: &str, args: &[(Option<String>, Expr)], frame: &mut Frame) -> Result<()> {
        if let Some((parameters, block)) = frame.procedures.get(name).cloned() {
            let mut inner = frame.clone();
            for (i, (parameter, kind)) in parameters.iter().enumerate() {
                let arg = args
                    .iter()
                    .find(|(named, _)| named.as_ref() == Some(parameter))
                    .or_else(|| args.get(i).filter(|(named, _)| named.is_none()))
                    .ok_or_else(|| {
                        OraError::new(
                            6550,
                            format_args!("PLS-00306: wrong number or types of arguments in call to '{name}'"),
                        )
                    })?;
                let (value, ty) = self.evaluate(&arg.1, frame)?;
                let ty = Ty::from_name(kind).map_or(ty, |(ty, _)| ty);
                inner.variables.insert(parameter.clone(), Variable { value, ty });
            }
            self.block(&block, &mut inner)?;
            return Ok(());
        }
        let mut texts = Vec::new();
        for (_, expr) in args {
            texts.push(self.text(expr, frame)?);
        }
        let named = |wanted: &str, place: usize| -> Option<String> {
            args.iter()
                .position(|(named, _)| named.as_deref() == Some(wanted))
                .or_else(|| (args.get(place)?.0.is_none()).then_some(place))
                .map(|i| texts[i].clone())
        };
        let number = |wanted: &str, place: usize| named(wanted, place).and_then(|text| text.parse::<f64>().ok());
        match name.trim_start_matches("CTXSYS.") {
            "RAISE_APPLICATION_ERROR" => {
                #[expect(clippy::cast_possible_truncation, reason = "-20999 to -20000")]
                let code = -(number("NUM", 0).unwrap_or(-20000.0) as i32);
                Err(OraError::new(code, named("MSG", 1).unwrap_or_default()))
            }
            "DBMS_SESSION.SLEEP" | "DBMS_LOCK.SLEEP" => {
                self.session.sleep(Duration::from_secs_f64(number("SECONDS", 0).unwrap_or(0.0).max(0.0)))
            }
            "DBMS_OUTPUT.PUT_LINE" | "DBMS_APPLICATION_INFO.SET_MODULE" => Ok(()),
            "DBMS_STATS.GATHER_TABLE_STATS" => self.session.gather_statistics(&named),
            "DBMS_VECTOR.REBUILD_INDEX" => self.session.rebuild_vector_index(&named),
            package if package.starts_with("CTX_DDL.") => self.ctx_ddl(package, &texts),
            package if package.starts_with("DBMS_SCHEDULER.") => self.session.scheduler(package, &named),
            package if package.starts_with("STANDIN.") => self.control(package, &named),
            other => Err(OraError::new(6550, format_args!("PLS-00201: identifier '{other}' must be declared"))),
        }
    }

    fn ctx_ddl(&mut self, procedure: &str, args: &[String]) -> Result<()> {
        if self.session.is_denied("CTXAPP")? {
            return Err(OraError::new(6550, "PLS-00201: identifier 'CTX_DDL' must be declared"));
        }
        let failed = |drg: i32, cause: String| {
            let message = format!(
                "ORA-20000: Oracle Text error:\nDRG-{drg:05}: {cause}\nORA-06512: at \"CTXSYS.DRUE\", line 192"
            );
            OraError { code: 20000, message, ends_session: false }
        };
        let name = args.first().map(|name| name.to_uppercase()).unwrap_or_default();
        match (procedure, args) {
            ("CTX_DDL.CREATE_PREFERENCE", [_, object]) => self.session.change_catalog(|catalog| {
                if catalog.preferences.contains_key(&name) {
                    return Err(failed(10701, format!("preference {name} already exists")));
                }
                let preference = Preference { object: object.to_uppercase(), ..Preference::default() };
                catalog.preferences.insert(name, preference);
                Ok(())
            }),
            ("CTX_DDL.DROP_PREFERENCE", [_]) => self.session.change_catalog(|catalog| {
                catalog
                    .preferences
                    .remove(&name)
                    .map(|_| ())
                    .ok_or_else(|| failed(10700, format!("preference does not exist: {name}")))
            }),
            ("CTX_DDL.SET_ATTRIBUTE", [_, attribute, value]) => self.session.change_catalog(|catalog| {
                let preference = catalog
                    .preferences
                    .get_mut(&name)
                    .ok_or_else(|| failed(10700, format!("preference does not exist: {name}")))?;
                let attribute = attribute.to_uppercase();
                if preference.object.starts_with("JAPANESE")
                    && !["BIGRAM", "DELIMITER", "MIXED_CASE_ASCII7"].contains(&attribute.as_str())
                {
                    return Err(failed(10715, format!("invalid attribute {attribute} for preference class LEXER")));
                }
                preference.attributes.insert(attribute, value.clone());
                Ok(())
            }),
            ("CTX_DDL.SYNC_INDEX", _) => Ok(()),
            ("CTX_DDL.OPTIMIZE_INDEX", [_, level, ..]) => self.session.change_catalog(|catalog| {
                if !["FAST", "FULL", "REBUILD"].contains(&level.to_uppercase().as_str()) {
                    return Err(failed(11222, format!("unknown level of optimization: {level}")));
                }
                let mut indexes = catalog.tables.values_mut().flat_map(|table| &mut table.indexes);
                let index = indexes.find(|index| index.name == name && matches!(index.kind, IndexKind::Context { .. }));
                index.ok_or_else(|| failed(10502, format!("index {name} does not exist")))?.optimized += 1;
                Ok(())
            }),
            _ => Err(OraError::new(6550, format_args!("PLS-00302: component '{procedure}' must be declared"))),
        }
    }

    /// The package STANDIN: how tests make things go wrong.
    fn control(&mut self, procedure: &str, named: &dyn Fn(&str, usize) -> Option<String>) -> Result<()> {
        let side = &self.session.side;
        let text = |name: &str, place: usize| named(name, place).unwrap_or_default();
        let whole = |name: &str, place: usize| named(name, place).and_then(|text| text.parse::<i64>().ok());
        match procedure {
            "STANDIN.FAIL" => side.add_failure(
                &text("POINT", 0),
                &text("PATTERN", 1),
                &text("ACTION", 2),
                whole("CODE", 3).unwrap_or(0),
                &text("MESSAGE", 4),
                whole("TIMES", 5),
                whole("SKIP", 6).unwrap_or(0),
                whole("MS", 7).unwrap_or(0),
            ),
            "STANDIN.CLEAR" => side.clear(),
            "STANDIN.KILL_SESSIONS" => side.end_sessions(),
            "STANDIN.DENY" => side.deny(&text("PRIVILEGE", 0), true),
            "STANDIN.GRANT_AGAIN" => side.deny(&text("PRIVILEGE", 0), false),
            "STANDIN.RELEASE" => side.set_release(&text("NAME", 0)),
            "STANDIN.ACCURACY" => side.set_accuracy(&text("PERCENTAGE", 0)),
            "STANDIN.START_LOG" => side.start_log(),
            "STANDIN.PEND" => side.pend(&text("INDEX_NAME", 0).to_uppercase(), whole("TEXTS", 1).unwrap_or(0)),
            "STANDIN.START_COUNT" => side.start_count(),
            other => Err(OraError::new(6550, format_args!("PLS-00302: component '{other}' must be declared"))),
        }
    }
}

/// A frame's variables, with SQLCODE and SQLERRM inside a handler.
fn with_error(frame: &Frame) -> Variables {
    let mut variables = frame.variables.clone();
    if let Some(error) = &frame.current {
        let code = if error.code == 1403 { 100 } else { -i64::from(error.code) };
        variables.insert("SQLCODE".to_owned(), Variable { value: Value::Integer(code), ty: NUMBER });
        variables.insert(
            "SQLERRM".to_owned(),
            Variable { value: Value::Text(error.message.clone()), ty: Ty::Varchar2(512) },
        );
    }
    variables
}
