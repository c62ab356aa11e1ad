//! Function calls.

use super::expr::literal;
use super::operators::vector_distance;
use super::{Planner, Typed};
use crate::engine::types::{Family, NUMBER, Ty};
use crate::errors::{OraError, Result};
use crate::sql::ast::*;

/// Functions over many rows.
pub const AGGREGATES: [&str; 9] = ["COUNT", "SUM", "MIN", "MAX", "AVG", "LISTAGG", "JSON_ARRAYAGG", "STDDEV", "MEDIAN"];
const RANKINGS: [&str; 7] = ["ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "FIRST_VALUE"];

/// Functions of numbers: Oracle's name, SQLite's, and how many arguments.
const NUMERIC: [(&str, &str, usize); 8] = [
    ("ABS", "abs", 1),
    ("SIGN", "sign", 1),
    ("MOD", "ora_mod", 2),
    ("POWER", "ora_power", 2),
    ("LN", "ora_ln", 1),
    ("EXP", "ora_exp", 1),
    ("SQRT", "ora_sqrt", 1),
    ("FLOOR", "ora_floor", 1),
];

fn sql(sql: String, ty: Ty) -> Result<Typed> {
    Ok(Typed { sql, ty })
}

fn wrong_count() -> OraError {
    OraError::new(938, "not enough (or too many) arguments for function")
}

impl Planner<'_> {
    pub(super) fn call(&mut self, call: &Call) -> Result<Typed> {
        let name = call.name.as_str();
        if call.over.is_some() || RANKINGS.contains(&name) {
            return self.window_call(call);
        }
        if AGGREGATES.contains(&name) {
            if !self.frames.last().is_some_and(|frame| frame.aggregates) {
                return Err(OraError::new(934, "group function is not allowed here"));
            }
            return self.aggregate(call);
        }
        if let Some((_, function, count)) = NUMERIC.iter().find(|(oracle, ..)| *oracle == name) {
            if call.args.len() != *count {
                return Err(wrong_count());
            }
            let args = self.numbers(&call.args)?;
            return sql(format!("{function}({})", args.join(", ")), NUMBER);
        }
        match name {
            "CEIL" => self.unary_call(call, "ora_ceil", NUMBER),
            "ROUND" | "TRUNC" => self.round(call),
            "LOWER" | "UPPER" | "TRIM" | "LTRIM" | "RTRIM" => self.same_text(call),
            "LENGTH" | "LENGTHB" => {
                self.text_call(call, 1, if name == "LENGTH" { "ora_length" } else { "ora_lengthb" }, NUMBER)
            }
            "INSTR" => self.text_call(call, 2, "ora_instr", NUMBER),
            "SUBSTR" => self.substr(call),
            "REPLACE" | "TRANSLATE" => {
                let first = self.text(call.args.first().ok_or_else(wrong_count)?)?;
                let ty = if first.ty == Ty::Clob { Ty::Clob } else { Ty::Varchar2(4000) };
                self.text_call(call, 2, if name == "REPLACE" { "ora_replace" } else { "ora_translate" }, ty)
            }
            "NVL" | "COALESCE" => self.coalesce(&call.args),
            "NVL2" => {
                let [test, yes, no] = call.args.as_slice() else { return Err(wrong_count()) };
                let (test, yes, no) = (self.any(test)?, self.value(yes)?, self.value(no)?);
                let ty = yes.ty.unify(&no.ty)?;
                sql(format!("iif({} IS NOT NULL, {}, {})", test.sql, yes.sql, no.sql), ty)
            }
            "NULLIF" => {
                let [a, b] = call.args.as_slice() else { return Err(wrong_count()) };
                let (a, b) = super::operators::alike(self.value(a)?, self.value(b)?)?;
                sql(format!("nullif({}, {})", a.sql, b.sql), a.ty)
            }
            "DECODE" => self.decode(call),
            "GREATEST" | "LEAST" => {
                let all = call.args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>>>()?;
                let ty = all.iter().try_fold(Ty::Null, |ty, one| ty.unify(&one.ty))?;
                let all: Vec<String> = all.into_iter().map(|one| one.sql).collect();
                sql(format!("{}({})", if name == "LEAST" { "min" } else { "max" }, all.join(", ")), ty)
            }
            "TO_NUMBER" => {
                let [one] = call.args.as_slice() else { return Err(OraError::unsupported("TO_NUMBER with a format")) };
                self.number(one)
            }
            "TO_CHAR" | "TO_CLOB" => self.convert_to_char(call),
            "EMPTY_CLOB" => sql("''".to_owned(), Ty::Clob),
            "EMPTY_BLOB" => sql("x''".to_owned(), Ty::Blob),
            "NLSSORT" => self.sort_key(call),
            "RAWTOHEX" => self.unary_call(call, "ora_rawtohex", Ty::Varchar2(4000)),
            "HEXTORAW" => self.text_call(call, 1, "ora_hextoraw", Ty::Raw(2000)),
            "NUMTODSINTERVAL" => self.interval(call),
            "SYS_EXTRACT_UTC" => {
                let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
                match value.ty {
                    Ty::TimestampTz(n) => sql(value.sql, Ty::Timestamp(n)),
                    _ => Err(OraError::new(30175, "invalid type given for an argument: no time zone")),
                }
            }
            "SYS_CONTEXT" => self.sys_context(call),
            "SYS_GUID" => sql("randomblob(16)".to_owned(), Ty::Raw(16)),
            "DBMS_LOB.GETLENGTH" => {
                let value = self.any(call.args.first().ok_or_else(wrong_count)?)?;
                match value.ty {
                    Ty::Clob | Ty::Blob | Ty::NClob | Ty::Null => sql(format!("ora_length({})", value.sql), NUMBER),
                    _ => Err(OraError::new(6553, "PLS-306: wrong number or types of arguments in call to 'GETLENGTH'")),
                }
            }
            "DBMS_LOB.SUBSTR" => {
                let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
                let amount = self.numbers(&call.args[1..])?;
                let amount_sql = amount.first().cloned().unwrap_or_else(|| "32767".to_owned());
                let start = amount.get(1).cloned().unwrap_or_else(|| "1".to_owned());
                sql(format!("ora_substr({}, {start}, {amount_sql})", value.sql), Ty::Varchar2(4000))
            }
            "TO_VECTOR" | "VECTOR" => self.convert_to_vector(call),
            "FROM_VECTOR" | "VECTOR_SERIALIZE" => self.serialize_vector(call),
            "VECTOR_DISTANCE" => self.vector_distance_call(call),
            "VECTOR_DIMENSION_COUNT" | "VECTOR_DIMS" => {
                let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
                match value.ty {
                    Ty::Vector(_) => sql(format!("ora_vector_dimensions({})", value.sql), NUMBER),
                    ty => Err(OraError::new(
                        932,
                        format_args!("inconsistent datatypes: expected VECTOR got {}", ty.dictionary_name()),
                    )),
                }
            }
            "DBMS_VECTOR.INDEX_ACCURACY_QUERY" => self.index_accuracy(call),
            "CONTAINS" => self.contains(call),
            "SCORE" => {
                let Some(Expr::Num(label)) = call.args.first() else { return Err(wrong_count()) };
                let score = self.frames.last().and_then(|frame| frame.scores.get(label).cloned());
                let missing = || {
                    OraError::new(
                        29909,
                        "label for the ancillary operator is not a literal number of a CONTAINS in this query",
                    )
                };
                sql(score.ok_or_else(missing)?, NUMBER)
            }
            "JSON_VALUE" => self.json_value(call),
            "JSON_EXISTS" => {
                let (document, path) = self.json_arguments(call)?;
                sql(format!("ora_json_exists({}, {path})", document.sql), Ty::Boolean)
            }
            "JSON_SERIALIZE" | "JSON_QUERY" if call.args.len() == 1 => {
                let value = self.value(&call.args[0])?;
                sql(value.sql, Ty::Clob)
            }
            _ => Err(OraError::new(
                904,
                format_args!("\"{name}\": invalid identifier (or a function that the stand-in client does not know)"),
            )),
        }
    }

    fn numbers(&mut self, args: &[Expr]) -> Result<Vec<String>> {
        args.iter().map(|arg| self.number(arg).map(|value| value.sql)).collect()
    }

    fn unary_call(&mut self, call: &Call, function: &str, ty: Ty) -> Result<Typed> {
        let [one] = call.args.as_slice() else { return Err(wrong_count()) };
        let value = self.value(one)?;
        sql(format!("{function}({})", value.sql), ty)
    }

    /// A function whose first `texts` arguments (and all beyond that are no numbers) are texts.
    fn text_call(&mut self, call: &Call, texts: usize, function: &str, ty: Ty) -> Result<Typed> {
        if call.args.len() < texts {
            return Err(wrong_count());
        }
        let mut args = Vec::new();
        for (i, arg) in call.args.iter().enumerate() {
            // LENGTH of a BLOB counts its bytes.
            if i == 0 && function.starts_with("ora_length") {
                args.push(self.value(arg)?.sql);
            } else if function == "ora_instr" && i >= 2 {
                args.push(self.number(arg)?.sql);
            } else {
                args.push(self.text(arg)?.sql);
            }
        }
        sql(format!("{function}({})", args.join(", ")), ty)
    }

    fn same_text(&mut self, call: &Call) -> Result<Typed> {
        let [one] = call.args.as_slice() else {
            return Err(OraError::unsupported(format_args!("this form of {}", call.name)));
        };
        let value = self.text(one)?;
        let ty = if value.ty == Ty::Clob { Ty::Clob } else { Ty::Varchar2(value.ty.text_length().max(1)) };
        sql(format!("ora_{}({})", call.name.to_lowercase(), value.sql), ty)
    }

    fn substr(&mut self, call: &Call) -> Result<Typed> {
        let text = self.text(call.args.first().ok_or_else(wrong_count)?)?;
        let mut args = vec![text.sql];
        args.extend(self.numbers(&call.args[1..])?);
        if !(2..=3).contains(&args.len()) {
            return Err(wrong_count());
        }
        let ty = if text.ty == Ty::Clob { Ty::Clob } else { Ty::Varchar2(text.ty.text_length().max(1)) };
        sql(format!("ora_substr({})", args.join(", ")), ty)
    }

    fn round(&mut self, call: &Call) -> Result<Typed> {
        let first = self.value(call.args.first().ok_or_else(wrong_count)?)?;
        if first.ty.family() == Family::Time {
            if call.args.len() > 1 || call.name == "ROUND" {
                return Err(OraError::unsupported("this form of TRUNC or ROUND"));
            }
            return sql(format!("ora_round_time({}, {})", first.sql, crate::engine::time::DAY), Ty::Date);
        }
        let digits = match call.args.get(1) {
            Some(digits) => self.number(digits)?.sql,
            None => "0".to_owned(),
        };
        let value = self.number(&call.args[0])?;
        sql(format!("ora_{}({}, {digits})", call.name.to_lowercase(), value.sql), NUMBER)
    }

    fn coalesce(&mut self, args: &[Expr]) -> Result<Typed> {
        if args.len() < 2 {
            return Err(wrong_count());
        }
        let all = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>>>()?;
        let ty = all.iter().try_fold(Ty::Null, |ty, one| ty.unify(&one.ty))?;
        let all: Vec<String> = all.into_iter().map(|one| one.sql).collect();
        sql(format!("coalesce({})", all.join(", ")), ty)
    }

    fn decode(&mut self, call: &Call) -> Result<Typed> {
        let Some((operand, rest)) = call.args.split_first().filter(|(_, rest)| rest.len() >= 2) else {
            return Err(wrong_count());
        };
        let operand = self.value(operand)?;
        let (mut out, mut ty) = (String::from("(CASE"), Ty::Null);
        let pairs = rest.chunks_exact(2);
        let otherwise = pairs.remainder().first();
        for pair in pairs {
            let (left, right) = super::operators::alike(operand.clone(), self.value(&pair[0])?)?;
            let then = self.value(&pair[1])?;
            ty = ty.unify(&then.ty)?;
            // DECODE takes NULL for equal to NULL.
            out.push_str(&format!(" WHEN {} IS {} THEN {}", left.sql, right.sql, then.sql));
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.value(otherwise)?;
            ty = ty.unify(&otherwise.ty)?;
            out.push_str(&format!(" ELSE {}", otherwise.sql));
        }
        sql(format!("{out} END)"), ty)
    }

    fn convert_to_char(&mut self, call: &Call) -> Result<Typed> {
        let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
        let ty = if call.name == "TO_CLOB" { Ty::Clob } else { Ty::Varchar2(value.ty.text_length().max(1)) };
        match (value.ty.family(), call.args.get(1)) {
            (Family::Time, Some(format)) => {
                let format = self.text(format)?;
                sql(format!("ora_format_time({}, {})", value.sql, format.sql), ty)
            }
            (_, Some(_)) => Err(OraError::unsupported("TO_CHAR of this type with a format")),
            (Family::Lob, None) if call.name == "TO_CHAR" => {
                let text = self.as_text(value)?;
                sql(format!("ora_clob_to_char({})", text.sql), Ty::Varchar2(4000))
            }
            (_, None) => {
                let text = self.as_text(value)?;
                sql(text.sql, ty)
            }
        }
    }

    /// NLSSORT in the order of bytes. The other orders depend on the language, which the stand-in does not know.
    fn sort_key(&mut self, call: &Call) -> Result<Typed> {
        match call.args.as_slice() {
            [text, Expr::Str(order)] if order == "NLS_SORT=BINARY" => {
                let text = self.text(text)?;
                sql(format!("CAST({} AS BLOB)", text.sql), Ty::Raw(2000))
            }
            _ => Err(OraError::unsupported("NLSSORT in another order than NLS_SORT=BINARY")),
        }
    }

    fn interval(&mut self, call: &Call) -> Result<Typed> {
        let [count, Expr::Str(unit)] = call.args.as_slice() else { return Err(wrong_count()) };
        let count = self.number(count)?;
        let micros = crate::engine::time::interval_of(Some(1.0), &unit.to_uppercase())
            .ok_or_else(|| OraError::new(1760, "illegal argument for function"))?;
        sql(format!("CAST({} * {micros} AS INTEGER)", count.sql), Ty::IntervalDs)
    }

    fn sys_context(&mut self, call: &Call) -> Result<Typed> {
        let [Expr::Str(namespace), Expr::Str(parameter)] = call.args.as_slice() else { return Err(wrong_count()) };
        let value = match (namespace.to_uppercase().as_str(), parameter.to_uppercase().as_str()) {
            ("USERENV", "CURRENT_SCHEMA" | "SESSION_USER" | "CURRENT_USER") => self.environment.user(),
            ("USERENV", "CON_NAME" | "DB_NAME" | "SERVICE_NAME") => "STANDIN".to_owned(),
            _ => {
                return Err(OraError::new(
                    2003,
                    "invalid USERENV parameter (or one that the stand-in client does not know)",
                ));
            }
        };
        sql(literal(&value), Ty::Varchar2(256))
    }

    /// INDEX_ACCURACY_QUERY(owner, index, vector, k, target), with the report of the guide's "Index Accuracy Report".
    fn index_accuracy(&mut self, call: &Call) -> Result<Typed> {
        let [owner, Expr::Str(name), vector, Expr::Num(_), Expr::Num(target)] = call.args.as_slice() else {
            return Err(OraError::unsupported("INDEX_ACCURACY_QUERY without five arguments, three of them literals"));
        };
        self.text(owner)?;
        let usable = self.catalog.find_index(name).is_some_and(|(table, place)| {
            let index = &table.indexes[place];
            matches!(index.kind, IndexKind::Vector(_)) && index.status == "VALID"
        });
        if !usable {
            return Err(OraError::new(20000, format_args!("{name} is no vector index that can be used")));
        }
        let vector = self.value(vector)?;
        if !matches!(vector.ty, Ty::Vector(_)) {
            return Err(OraError::new(932, "inconsistent datatypes: expected VECTOR"));
        }
        let target: u32 = target.parse().map_err(|_| OraError::new(1722, "invalid number"))?;
        let achieved = self.environment.accuracy()?;
        let word = if achieved < target { "lower" } else { "higher" };
        let report = format!(
            "Accuracy achieved ({achieved}%) is {}% {word} than the Target Accuracy requested ({target}%)",
            achieved.abs_diff(target)
        );
        sql(format!("iif({} IS NULL, NULL, {})", vector.sql, literal(&report)), Ty::Varchar2(4000))
    }

    fn convert_to_vector(&mut self, call: &Call) -> Result<Typed> {
        let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
        let dimension = match call.args.get(1) {
            None | Some(Expr::Star) => None,
            Some(Expr::Num(text)) => {
                Some(text.parse::<u32>().map_err(|_| OraError::new(51801, "invalid vector dimension"))?)
            }
            Some(_) => return Err(OraError::unsupported("TO_VECTOR with a dimension that is no literal")),
        };
        match call.args.get(2) {
            None | Some(Expr::Star) => {}
            Some(Expr::Name(None, format)) if format == "FLOAT32" => {}
            Some(_) => return Err(OraError::unsupported("TO_VECTOR with another format than FLOAT32")),
        }
        if !(value.ty.is_text() || matches!(value.ty, Ty::Vector(_) | Ty::Null)) {
            return Err(OraError::new(
                932,
                format_args!("inconsistent datatypes: expected CLOB got {}", value.ty.dictionary_name()),
            ));
        }
        if matches!(value.ty, Ty::NVarchar2(_)) {
            return Err(OraError::new(12704, "character set mismatch"));
        }
        sql(format!("ora_to_vector({}, {})", value.sql, dimension.unwrap_or(0)), Ty::Vector(dimension))
    }

    fn serialize_vector(&mut self, call: &Call) -> Result<Typed> {
        let value = self.value(call.args.first().ok_or_else(wrong_count)?)?;
        if !matches!(value.ty, Ty::Vector(_) | Ty::Null) {
            return Err(OraError::new(
                932,
                format_args!("inconsistent datatypes: expected VECTOR got {}", value.ty.dictionary_name()),
            ));
        }
        let ty = match &call.returning {
            Some(kind) => Ty::from_name(kind)?.0,
            None => Ty::Varchar2(4000),
        };
        // A long vector does not fit into VARCHAR2: Oracle answers ORA-51828.
        sql(format!("ora_from_vector({})", value.sql), ty)
    }

    fn vector_distance_call(&mut self, call: &Call) -> Result<Typed> {
        let (a, b, metric) = match call.args.as_slice() {
            [a, b] => (a, b, "COSINE".to_owned()),
            [a, b, Expr::Name(None, metric)] => (a, b, metric.clone()),
            _ => return Err(wrong_count()),
        };
        let (a, b) = (self.value(a)?, self.value(b)?);
        vector_distance(&a, &b, &metric)
    }

    /// CONTAINS needs a column with a text index; the query must be VARCHAR2.
    fn contains(&mut self, call: &Call) -> Result<Typed> {
        let (Some(Expr::Name(qualifier, name)), Some(query)) = (call.args.first(), call.args.get(1)) else {
            return Err(OraError::new(29900, "operator binding does not exist"));
        };
        let column = self
            .column(qualifier.as_deref(), name)?
            .ok_or_else(|| OraError::new(904, format_args!("\"{name}\": invalid identifier")))?
            .0;
        let index = self.text_index(qualifier.as_deref(), name)?;
        let Some(synced) = index else {
            return Err(OraError::text(20000, "Oracle Text error:", 10599, "column is not indexed"));
        };
        let query = self.value(query)?;
        if !matches!(query.ty, Ty::Varchar2(_) | Ty::Char(_) | Ty::Null) {
            return Err(OraError::new(
                29900,
                format_args!("operator binding does not exist for {}", query.ty.dictionary_name()),
            ));
        }
        // An index that nobody synchronises finds nothing. SQLite reads a number alone in ORDER BY as a column.
        let score = if synced { format!("ora_contains({}, {})", column.sql, query.sql) } else { "0 + 0".to_owned() };
        match call.args.get(2) {
            Some(Expr::Num(label)) => {
                let label = label.clone();
                self.frame()?.scores.insert(label, score.clone());
            }
            Some(_) => return Err(OraError::new(29907, "found duplicate or invalid labels in primary invocations")),
            None => {}
        }
        sql(score, NUMBER)
    }

    fn text_index(&self, qualifier: Option<&str>, name: &str) -> Result<Option<bool>> {
        let Some(frame) = self.frames.last() else { return Ok(None) };
        let relation = frame.relations.iter().find(|relation| {
            qualifier.is_none_or(|qualifier| relation.name == qualifier)
                && relation.columns.iter().any(|column| column.name == name)
        });
        let table = relation.and_then(|relation| self.catalog.table(relation.table.as_ref()?).ok());
        let Some((table, index)) = table.and_then(|table| Some((table, table.context_index(name)?))) else {
            return Ok(None);
        };
        let IndexKind::Context { parameters } = &index.kind else { return Ok(None) };
        table.text_indexes_are_whole()?;
        let parameters = parameters.to_uppercase().replace(' ', "");
        Ok(Some(parameters.contains("SYNC(ONCOMMIT)") || parameters.contains("SYNC(EVERY")))
    }

    fn json_arguments(&mut self, call: &Call) -> Result<(Typed, String)> {
        let [document, Expr::Str(path)] = call.args.as_slice() else {
            return Err(OraError::new(40454, "path expression not a literal"));
        };
        Ok((self.text(document)?, literal(path)))
    }

    fn json_value(&mut self, call: &Call) -> Result<Typed> {
        let (document, path) = self.json_arguments(call)?;
        let ty = match &call.returning {
            Some(kind) => Ty::from_name(kind)?.0,
            None => Ty::Varchar2(4000),
        };
        let as_number = u8::from(ty.family() == Family::Number);
        let strict = u8::from(call.error_on_error);
        sql(format!("ora_json_value({}, {path}, {as_number}, {strict})", document.sql), ty)
    }

    fn aggregate(&mut self, call: &Call) -> Result<Typed> {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let first = call.args.first().ok_or_else(wrong_count)?;
        if call.name == "COUNT" && *first == Expr::Star {
            return sql("count(*)".to_owned(), NUMBER);
        }
        // An aggregate of an aggregate needs another level of grouping.
        let allowed = std::mem::replace(&mut self.frame()?.aggregates, false);
        let value = self.any(first);
        self.frame()?.aggregates = allowed;
        let value = value?;
        if call.distinct || matches!(call.name.as_str(), "MIN" | "MAX") {
            super::operators::comparable(&value.ty)?;
        }
        match call.name.as_str() {
            "COUNT" => sql(format!("count({distinct}{})", value.sql), NUMBER),
            "MIN" | "MAX" => sql(format!("{}({})", call.name.to_lowercase(), value.sql), value.ty),
            "SUM" | "AVG" if value.ty.family() == Family::Number => {
                let ty = if value.ty == Ty::BinaryDouble { Ty::BinaryDouble } else { NUMBER };
                sql(format!("{}({distinct}{})", call.name.to_lowercase(), value.sql), ty)
            }
            "LISTAGG" => {
                let separator = match call.args.get(1) {
                    Some(separator) => self.text(separator)?.sql,
                    None => "''".to_owned(),
                };
                let order = self.order_items(&call.within, &[])?;
                let order = if order.is_empty() { order } else { format!(" ORDER BY {order}") };
                sql(format!("group_concat({distinct}{}, {separator}{order})", value.sql), Ty::Varchar2(4000))
            }
            other => {
                Err(OraError::unsupported(format_args!("the aggregate {other} of {}", value.ty.dictionary_name())))
            }
        }
    }

    fn window_call(&mut self, call: &Call) -> Result<Typed> {
        let window =
            call.over.as_ref().ok_or_else(|| OraError::new(30484, "missing window specification for this function"))?;
        let (head, ty) = match call.name.as_str() {
            "ROW_NUMBER" | "RANK" | "DENSE_RANK" => {
                if window.order_by.is_empty() {
                    return Err(OraError::new(30485, "missing ORDER BY expression in the window specification"));
                }
                (format!("{}()", call.name.to_lowercase()), NUMBER)
            }
            "LAG" | "LEAD" | "FIRST_VALUE" => {
                let first = self.value(call.args.first().ok_or_else(wrong_count)?)?;
                let mut args = vec![first.sql];
                for arg in &call.args[1..] {
                    args.push(self.value(arg)?.sql);
                }
                (format!("{}({})", call.name.to_lowercase(), args.join(", ")), first.ty)
            }
            name if AGGREGATES.contains(&name) => {
                let allowed = std::mem::replace(&mut self.frame()?.aggregates, true);
                let typed = self.aggregate(call);
                self.frame()?.aggregates = allowed;
                let typed = typed?;
                (typed.sql, typed.ty)
            }
            other => return Err(OraError::unsupported(format_args!("the analytic function {other}"))),
        };
        let mut over = Vec::new();
        if !window.partition_by.is_empty() {
            let parts = window.partition_by.iter().map(|part| Ok(self.value(part)?.sql)).collect::<Result<Vec<_>>>()?;
            over.push(format!("PARTITION BY {}", parts.join(", ")));
        }
        if !window.order_by.is_empty() {
            over.push(format!("ORDER BY {}", self.order_items(&window.order_by, &[])?));
        }
        over.extend(window.frame.clone());
        sql(format!("{head} OVER ({})", over.join(" ")), ty)
    }
}
