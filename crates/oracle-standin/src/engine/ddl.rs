//! CREATE, ALTER, DROP: changes of the catalog and of the SQLite tables behind it.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::catalog::{Catalog, Column, Constraint, Index, Sequence, Table, View, quoted};
use super::plan::{Environment, Planner};
use super::side::Side;
use super::store;
use super::transaction::rows;
use super::types::{Family, Ty};
use super::vector_index;
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::*;

/// The context of DDL, inside an SQLite transaction of its own.
pub struct Builder<'a> {
    pub connection: &'a Connection,
    pub catalog: &'a mut Catalog,
    pub side: &'a Side,
    /// Knows the catalog as it was before.
    pub environment: &'a dyn Environment,
    pub denied: &'a [String],
    pub user: &'a str,
}

/// The state that an interrupted creation of a text index leaves in the catalog: Oracle writes its dictionary first,
/// then runs ODCIIndexCreate, and undoes nothing.
pub fn leave_half_built(catalog: &mut Catalog, ddl: &Ddl, status: &str) {
    let Ddl::CreateIndex { name, table, keys, kind: kind @ IndexKind::Context { .. }, .. } = ddl else { return };
    let id = catalog.next_id();
    if catalog.find_index(name).is_some() {
        return;
    }
    if let Some(table) = catalog.tables.get_mut(table) {
        let keys = keys.iter().map(|(_, text)| text.clone()).collect();
        let (name, status) = (name.clone(), status.to_owned());
        table.indexes.push(Index { name, id, keys, kind: kind.clone(), status, optimized: 0 });
    }
}

/// The table that a statement needs for itself.
pub fn locked_table<'a>(ddl: &Ddl, catalog: &'a Catalog) -> Option<&'a Table> {
    match ddl {
        Ddl::CreateIndex { table, .. }
        | Ddl::AlterTable { name: table, .. }
        | Ddl::Truncate(table)
        | Ddl::Rename(table, _) => catalog.tables.get(table),
        Ddl::Drop { kind: "TABLE", name, .. } => catalog.tables.get(name),
        Ddl::Drop { kind: "INDEX", name, .. } => catalog.find_index(name).map(|(table, _)| table),
        _ => None,
    }
}

fn key_index(table: &Table, constraint: &str) -> String {
    quoted(&format!("K${}${constraint}", table.id))
}

impl Builder<'_> {
    fn need(&self, privilege: &str) -> Result<()> {
        if self.denied.iter().any(|denied| denied == privilege) {
            return Err(OraError::new(1031, "insufficient privileges"));
        }
        Ok(())
    }

    pub fn run(&mut self, ddl: &Ddl) -> Result<()> {
        match ddl {
            Ddl::CreateTable { name, if_not_exists, columns, constraints, query } => {
                self.need("CREATE TABLE")?;
                if query.is_some() {
                    return Err(OraError::unsupported("CREATE TABLE … AS SELECT"));
                }
                if *if_not_exists && self.catalog.tables.contains_key(name) {
                    return Ok(());
                }
                self.catalog.name_is_free(name)?;
                self.create_table(name, columns, constraints)
            }
            Ddl::CreateIndex { name, if_not_exists, table, keys, kind } => {
                if self.catalog.find_index(name).is_some()
                    || self
                        .catalog
                        .find_constraint(name)
                        .is_some_and(|owner| owner.unique_keys().iter().any(|key| key.name == *name))
                {
                    return if *if_not_exists {
                        Ok(())
                    } else {
                        Err(OraError::new(955, "name is already used by an existing object"))
                    };
                }
                self.create_index(name, table, keys, kind)
            }
            Ddl::CreateView { name, or_replace, if_not_exists, columns, text } => {
                self.need("CREATE VIEW")?;
                if self.catalog.views.contains_key(name) {
                    if *if_not_exists {
                        return Ok(());
                    }
                    if !or_replace {
                        return self.catalog.name_is_free(name);
                    }
                } else {
                    self.catalog.name_is_free(name)?;
                }
                self.create_view(name, columns, text)
            }
            Ddl::CreateSequence { name, if_not_exists, start, increment } => {
                self.need("CREATE SEQUENCE")?;
                if *if_not_exists && self.catalog.sequences.contains_key(name) {
                    return Ok(());
                }
                self.catalog.name_is_free(name)?;
                let id = self.catalog.next_id();
                let sequence = Sequence { name: name.clone(), id, start: *start, increment: *increment };
                self.catalog.sequences.insert(name.clone(), sequence);
                Ok(())
            }
            Ddl::AlterTable { name, actions } => {
                self.catalog.table(name)?;
                let mut name = name.clone();
                for action in actions {
                    self.alter_table(&mut name, action)?;
                }
                Ok(())
            }
            Ddl::AlterIndex { name, rest } => self.alter_index(name, rest),
            Ddl::Drop { kind, name, if_exists, cascade, force } => {
                let in_progress = self
                    .catalog
                    .find_index(name)
                    .is_some_and(|(table, place)| table.indexes[place].status == "INPROGRS");
                if *kind == "INDEX" && in_progress && !force {
                    return Err(OraError::new(29868, "cannot issue DDL on a domain index marked as LOADING"));
                }
                match self.drop_object(kind, name, *cascade) {
                    Err(error) if *if_exists && [942, 1418, 2289].contains(&error.code) => Ok(()),
                    other => other,
                }
            }
            Ddl::Truncate(name) => self.truncate(name),
            Ddl::Rename(from, to) => self.rename_table(from, to),
            Ddl::Comment { table, column, text } => {
                let table = self.catalog.table_mut(table)?;
                if let Some(column) = column {
                    let place = table.column(column)?;
                    table.columns[place].comment = Some(text.clone());
                }
                Ok(())
            }
            Ddl::Nothing => Ok(()),
        }
    }

    fn column(definition: &ColumnDef) -> Result<Column> {
        if definition.computed.is_some() {
            return Err(OraError::unsupported("virtual columns"));
        }
        let kind = definition
            .kind
            .as_ref()
            .ok_or_else(|| OraError::new(2263, "need to specify the datatype for this column"))?;
        let (ty, chars) = Ty::from_name(kind)?;
        if let Some(default) = &definition.default {
            Parser::new(default)?.expr()?;
        }
        Ok(Column {
            name: definition.name.clone(),
            ty,
            chars,
            nullable: definition.identity.is_none()
                && !definition.default_on_null
                && definition.nullable != Some(false),
            default: definition.default.clone(),
            default_on_null: definition.default_on_null,
            identity: definition.identity,
            comment: None,
        })
    }

    fn create_table(
        &mut self,
        name: &str,
        columns: &[ColumnDef],
        constraints: &[crate::sql::ast::Constraint],
    ) -> Result<()> {
        if columns.iter().any(|column| column.identity.is_some()) {
            self.need("CREATE SEQUENCE")?;
        }
        let id = self.catalog.next_id();
        let mut table = Table {
            name: name.to_owned(),
            id,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            num_rows: None,
        };
        for definition in columns {
            if table.column(&definition.name).is_ok() {
                return Err(OraError::new(957, format_args!("duplicate column name {}", definition.name)));
            }
            table.columns.push(Self::column(definition)?);
        }
        let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        self.connection.execute_batch(&format!("CREATE TABLE {} ({})", table.physical(), names.join(", ")))?;
        self.catalog.tables.insert(name.to_owned(), table);
        let of_columns = columns.iter().flat_map(|column| &column.constraints);
        for constraint in of_columns.chain(constraints) {
            self.add_constraint(name, constraint)?;
        }
        Ok(())
    }

    fn add_constraint(&mut self, table_name: &str, definition: &crate::sql::ast::Constraint) -> Result<()> {
        let name = match &definition.name {
            Some(name) => name.clone(),
            None => format!("SYS_C{:07}", self.catalog.next_id()),
        };
        if self.catalog.find_constraint(&name).is_some() {
            // A foreign key that exists already is reported first, whatever its name.
            self.same_foreign_key(table_name, &definition.kind)?;
            return Err(OraError::new(2264, "name already used by an existing constraint"));
        }
        let table = self.catalog.table(table_name)?.clone();
        let mut kind = definition.kind.clone();
        match &mut kind {
            ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => {
                for column in columns.iter() {
                    let column = &table.columns[table.column(column)?];
                    if matches!(column.ty.family(), Family::Lob | Family::Vector) {
                        return Err(OraError::new(
                            2329,
                            format_args!(
                                "column of datatype {} cannot be unique or a primary key",
                                column.ty.dictionary_name()
                            ),
                        ));
                    }
                }
                self.check_distinct(&table, &columns.iter().map(|name| quoted(name)).collect::<Vec<_>>()).map_err(
                    |()| {
                        OraError::new(
                            2299,
                            format_args!("cannot validate ({}.{name}) - duplicate keys found", self.user),
                        )
                    },
                )?;
                let list: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
                let sql =
                    format!("CREATE INDEX {} ON {} ({})", key_index(&table, &name), table.physical(), list.join(", "));
                self.connection.execute_batch(&sql)?;
            }
            ConstraintKind::Check(text) => {
                let sql = self.count(&table, |planner| {
                    let condition = planner.condition(&Parser::new(text)?.expr()?)?;
                    Ok(format!("NOT {condition}"))
                })?;
                if sql > 0 {
                    return Err(OraError::new(
                        2293,
                        format_args!("cannot validate ({}.{name}) - check constraint violated", self.user),
                    ));
                }
            }
            ConstraintKind::ForeignKey { columns, table: parent, referenced, .. } => {
                self.same_foreign_key(table_name, &definition.kind)?;
                let parent = self.catalog.table(parent)?;
                if referenced.is_empty() {
                    *referenced = parent
                        .primary_key()
                        .ok_or_else(|| OraError::new(2268, "referenced table does not have a primary key"))?
                        .to_vec();
                }
                if columns.len() != referenced.len() {
                    return Err(OraError::new(2256, "number of referencing columns must match referenced columns"));
                }
                for (own, other) in columns.iter().zip(referenced.iter()) {
                    let (own, other) = (&table.columns[table.column(own)?], &parent.columns[parent.column(other)?]);
                    if own.ty.family() != other.ty.family() {
                        return Err(OraError::new(2267, "column type incompatible with referenced column type"));
                    }
                }
                let texts: Vec<String> = referenced.iter().map(|name| quoted(name)).collect();
                if !parent.unique_keys().iter().any(|key| key.keys == texts) {
                    return Err(OraError::new(2270, "no matching unique or primary key for this column-list"));
                }
                self.check_orphans(&table, columns, parent, referenced, &name)?;
            }
        }
        let table = self.catalog.table_mut(table_name)?;
        if let ConstraintKind::PrimaryKey(columns) = &kind {
            if table.primary_key().is_some() {
                return Err(OraError::new(2260, "table can have only one primary key"));
            }
            for column in columns {
                let place = table.column(column)?;
                table.columns[place].nullable = false;
            }
        }
        table.constraints.push(Constraint { name, kind, disabled: false, not_validated: false });
        Ok(())
    }

    fn same_foreign_key(&self, table: &str, kind: &ConstraintKind) -> Result<()> {
        let ConstraintKind::ForeignKey { columns, table: parent, .. } = kind else { return Ok(()) };
        let known = self.catalog.table(table)?.constraints.iter().any(|constraint| {
            matches!(&constraint.kind, ConstraintKind::ForeignKey { columns: own, table: other, .. } if own == columns && other == parent)
        });
        if known {
            Err(OraError::new(2275, "such a referential constraint already exists in the table"))
        } else {
            Ok(())
        }
    }

    pub(super) fn check_orphans(
        &self,
        table: &Table,
        columns: &[String],
        parent: &Table,
        referenced: &[String],
        name: &str,
    ) -> Result<()> {
        let conditions: Vec<String> = columns
            .iter()
            .zip(referenced)
            .map(|(own, other)| format!("p.{} = c.{}", quoted(other), quoted(own)))
            .collect();
        let given: Vec<String> = columns.iter().map(|own| format!("c.{} IS NOT NULL", quoted(own))).collect();
        let sql = format!(
            "SELECT 1 FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LIMIT 1",
            table.physical(),
            given.join(" AND "),
            parent.physical(),
            conditions.join(" AND ")
        );
        if rows(self.connection, &sql, &[])?.is_empty() {
            Ok(())
        } else {
            Err(OraError::new(2298, format_args!("cannot validate ({}.{name}) - parent keys not found", self.user)))
        }
    }

    /// Counts rows for which SQL made by a planner is true.
    fn count(&self, table: &Table, condition: impl FnOnce(&mut Planner<'_>) -> Result<String>) -> Result<i64> {
        let mut planner = Planner::new(self.catalog, self.environment, &[], None);
        planner.open();
        let from = planner.base_table(&table.name, None)?;
        let condition = condition(&mut planner)?;
        let found = rows(self.connection, &format!("SELECT count(*) FROM {from} WHERE {condition}"), &planner.params)?;
        match found.first().and_then(|row| row.first()) {
            Some(Value::Integer(count)) => Ok(*count),
            _ => Ok(0),
        }
    }

    /// Keys as SQL of SQLite, without a table in front of columns.
    fn key_sql(&self, table: &Table, keys: &[String]) -> Result<Vec<String>> {
        let mut planner = Planner::new(self.catalog, self.environment, &[], None);
        planner.open();
        planner.base_table(&table.name, None)?;
        let prefix = format!("{}.", planner.first_alias());
        keys.iter()
            .map(|key| {
                let typed = planner.value(&Parser::new(key)?.expr()?)?;
                if matches!(typed.ty.family(), Family::Lob | Family::Vector) {
                    return Err(OraError::new(
                        2327,
                        format_args!("cannot create index on expression with datatype {}", typed.ty.dictionary_name()),
                    ));
                }
                Ok(typed.sql.replace(&prefix, ""))
            })
            .collect()
    }

    fn check_distinct(&self, table: &Table, keys: &[String]) -> std::result::Result<(), ()> {
        let keys = self.key_sql(table, keys).map_err(|_| ())?;
        let given: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let sql = format!(
            "SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            table.physical(),
            given.join(" OR "),
            keys.join(", ")
        );
        match rows(self.connection, &sql, &[]) {
            Ok(found) if found.is_empty() => Ok(()),
            _ => Err(()),
        }
    }

    fn create_index(&mut self, name: &str, table_name: &str, keys: &[(Expr, String)], kind: &IndexKind) -> Result<()> {
        let table = self.catalog.table(table_name)?.clone();
        let texts: Vec<String> = keys.iter().map(|(_, text)| text.clone()).collect();
        let single_column = || match keys {
            [(Expr::Name(None, column), _)] => Ok(&table.columns[table.column(column)?]),
            _ => Err(OraError::new(29850, "invalid option for creation of domain indexes")),
        };
        let id = self.catalog.next_id();
        match kind {
            IndexKind::Normal { unique } => {
                let sql = self.key_sql(&table, &texts)?;
                let normal: Vec<String> = texts.iter().map(|text| text.to_uppercase().replace('"', "")).collect();
                let of_keys = table.unique_keys().into_iter().map(|key| key.keys);
                let of_indexes = table
                    .indexes
                    .iter()
                    .filter(|index| matches!(index.kind, IndexKind::Normal { .. }))
                    .map(|index| index.keys.clone());
                if of_keys.chain(of_indexes).any(|other| {
                    other.iter().map(|text| text.to_uppercase().replace('"', "")).eq(normal.iter().cloned())
                }) {
                    return Err(OraError::new(1408, "such column list already indexed"));
                }
                if *unique {
                    self.check_distinct(&table, &texts)
                        .map_err(|()| OraError::new(1452, "cannot CREATE UNIQUE INDEX; duplicate keys found"))?;
                }
                self.connection.execute_batch(&format!(
                    "CREATE INDEX \"I${id}\" ON {} ({})",
                    table.physical(),
                    sql.join(", ")
                ))?;
            }
            IndexKind::Vector(index) => {
                let column = single_column()?;
                vector_index::check(index, &table, self.side)?;
                if !matches!(column.ty, Ty::Vector(_)) {
                    return Err(OraError::new(51904, "a vector index needs a column of type VECTOR"));
                }
                if table.has_vector_index(&column.name) {
                    return Err(OraError::new(1408, "such column list already indexed"));
                }
                let sql = format!("SELECT count(DISTINCT length({})) FROM {}", quoted(&column.name), table.physical());
                if rows(self.connection, &sql, &[])?.first().is_some_and(|row| matches!(row[0], Value::Integer(2..))) {
                    return Err(OraError::new(
                        51902,
                        "The vector column has vectors of different dimensions; a vector index needs one dimension",
                    ));
                }
            }
            IndexKind::Context { parameters } => {
                let column = single_column()?;
                if !column.ty.is_text() {
                    return Err(OraError::text(
                        29855,
                        "error occurred in the execution of ODCIINDEXCREATE routine",
                        10509,
                        "invalid text column",
                    ));
                }
                if table.context_index(&column.name).is_some() {
                    return Err(OraError::new(
                        29879,
                        "cannot create multiple domain indexes on a column list using same indextype",
                    ));
                }
                self.check_parameters(parameters)?;
            }
        }
        let status = "VALID".to_owned();
        let index = Index { name: name.to_owned(), id, keys: texts, kind: kind.clone(), status, optimized: 0 };
        self.catalog.table_mut(table_name)?.indexes.push(index);
        Ok(())
    }

    /// Checks that the preferences exist that a text index names.
    pub(super) fn check_parameters(&self, parameters: &str) -> Result<()> {
        const KNOWN: [&str; 11] = [
            "LEXER",
            "STOPLIST",
            "WORDLIST",
            "DATASTORE",
            "FILTER",
            "STORAGE",
            "SYNC",
            "MEMORY",
            "TRANSACTIONAL",
            "OPTIMIZE",
            "MAINTENANCE",
        ];
        let failed = |drg: i32, cause: String| {
            OraError::text(29855, "error occurred in the execution of ODCIINDEXCREATE routine", drg, cause)
        };
        let upper = parameters.to_uppercase();
        let mut words = upper.split_whitespace().peekable();
        let mut by_hand = false;
        while let Some(word) = words.next() {
            let keyword = word.split('(').next().unwrap_or(word);
            if !KNOWN.contains(&keyword) {
                return Err(failed(11000, format!("invalid keyword {word}")));
            }
            match keyword {
                "SYNC" | "OPTIMIZE" => {
                    let mut closed = word.contains(')');
                    while !closed {
                        match words.next() {
                            Some(word) => closed = word.contains(')'),
                            None => return Err(failed(11000, "invalid keyword: ) is missing".to_owned())),
                        }
                    }
                }
                "TRANSACTIONAL" => {}
                "MAINTENANCE" => match words.next() {
                    Some("AUTO") => {}
                    Some("MANUAL") => by_hand = true,
                    _ => return Err(failed(11000, "invalid keyword behind MAINTENANCE".to_owned())),
                },
                _ => {
                    let name = words
                        .next()
                        .ok_or_else(|| failed(11000, format!("invalid keyword: {keyword} without a name")))?;
                    if keyword != "MEMORY"
                        && !name.starts_with("CTXSYS.")
                        && !self.catalog.preferences.contains_key(name)
                    {
                        return Err(failed(10700, format!("preference does not exist: {name}")));
                    }
                }
            }
        }
        // Maintenance is automatic by default, and then MANUAL is the only synchronisation.
        let squeezed = upper.replace(' ', "");
        if !by_hand && squeezed.contains("SYNC(") && !squeezed.contains("SYNC(MANUAL)") {
            return Err(failed(11000, "SYNC does not go with automatic maintenance".to_owned()));
        }
        Ok(())
    }

    fn create_view(&mut self, name: &str, columns: &[String], text: &str) -> Result<()> {
        let query = Parser::new(text)?.query()?;
        let mut planner = Planner::new(self.catalog, self.environment, &[], None);
        let planned = planner.query(&query)?;
        if !columns.is_empty() && columns.len() != planned.columns.len() {
            return Err(OraError::new(1730, "invalid number of column names specified"));
        }
        if columns.is_empty() {
            for (i, column) in planned.columns.iter().enumerate() {
                if planned.columns[..i].iter().any(|other| other.name == column.name) {
                    return Err(OraError::new(957, format_args!("duplicate column name {}", column.name)));
                }
                if !column.name.chars().all(|c| c.is_alphanumeric() || "_$#".contains(c)) {
                    return Err(OraError::new(998, "must name this expression with a column alias"));
                }
            }
        }
        let view = View { name: name.to_owned(), columns: columns.to_vec(), text: text.to_owned() };
        self.catalog.views.insert(name.to_owned(), view);
        Ok(())
    }

    fn alter_table(&mut self, name: &mut String, action: &AlterTable) -> Result<()> {
        match action {
            AlterTable::AddColumn(definition) => self.add_column(name, definition),
            AlterTable::AddConstraint(definition) => self.add_constraint(name, definition),
            AlterTable::Modify(definition) => self.modify_column(name, definition),
            AlterTable::DropColumn(column) => self.drop_column(name, column),
            AlterTable::DropConstraint(constraint) => self.drop_constraint(name, constraint),
            AlterTable::SetConstraint(constraint, enabled, validate) => {
                self.set_constraint(name, constraint, *enabled, *validate)
            }
            AlterTable::DropPrimaryKey => {
                let table = self.catalog.table(name)?;
                let constraint = table
                    .constraints
                    .iter()
                    .find(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey(_)));
                let constraint =
                    constraint.ok_or_else(|| OraError::new(2441, "Cannot drop nonexistent primary key"))?.name.clone();
                self.drop_constraint(name, &constraint)
            }
            AlterTable::RenameColumn(from, to) => self.rename_column(name, from, to),
            AlterTable::RenameConstraint(..) => Err(OraError::unsupported("RENAME CONSTRAINT")),
            AlterTable::RenameTo(to) => {
                self.rename_table(name, to)?;
                name.clone_from(to);
                Ok(())
            }
            AlterTable::Nothing => Ok(()),
        }
    }

    fn add_column(&mut self, name: &str, definition: &ColumnDef) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        if table.column(&definition.name).is_ok() {
            return Err(OraError::new(1430, "column being added already exists in table"));
        }
        if definition.identity.is_some() {
            return Err(OraError::unsupported("adding an identity column"));
        }
        let column = Self::column(definition)?;
        let is_empty = rows(self.connection, &format!("SELECT 1 FROM {} LIMIT 1", table.physical()), &[])?.is_empty();
        if !column.nullable && column.default.is_none() && !is_empty {
            return Err(OraError::new(1758, "table must be empty to add mandatory (NOT NULL) column"));
        }
        self.connection.execute_batch(&format!(
            "ALTER TABLE {} ADD COLUMN {}",
            table.physical(),
            quoted(&column.name)
        ))?;
        if let Some(default) = &column.default {
            let mut planner = Planner::new(self.catalog, self.environment, &[], None);
            planner.open();
            let typed = planner.value(&Parser::new(default)?.expr()?)?;
            let value = rows(self.connection, &format!("SELECT {}", typed.sql), &planner.params)?;
            let value = value.into_iter().next().and_then(|mut row| row.pop()).unwrap_or(Value::Null);
            let value = store::convert(value, &typed.ty, &table, &column, self.user)?;
            self.connection
                .execute(&format!("UPDATE {} SET {} = ?1", table.physical(), quoted(&column.name)), [value])?;
        }
        self.catalog.table_mut(name)?.columns.push(column);
        for constraint in &definition.constraints {
            self.add_constraint(name, constraint)?;
        }
        Ok(())
    }

    fn modify_column(&mut self, name: &str, definition: &ColumnDef) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        let place = table.column(&definition.name)?;
        let old = &table.columns[place];
        let mut column = old.clone();
        let quoted_name = quoted(&column.name);
        let any = |condition: &str| -> Result<bool> {
            Ok(!rows(self.connection, &format!("SELECT 1 FROM {} WHERE {condition} LIMIT 1", table.physical()), &[])?
                .is_empty())
        };
        if let Some(kind) = &definition.kind {
            let (ty, chars) = Ty::from_name(kind)?;
            if ty.family() != old.ty.family() || matches!(ty.family(), Family::Lob | Family::Vector) && ty != old.ty {
                if any(&format!("{quoted_name} IS NOT NULL"))? || ty.family() == Family::Lob {
                    return Err(OraError::new(1439, "column to be modified must be empty to change datatype"));
                }
            } else if let Ty::Varchar2(most) = ty
                && any(&match chars {
                    Some(chars) => format!("length({quoted_name}) > {chars}"),
                    None => format!("ora_lengthb({quoted_name}) > {most}"),
                })?
            {
                return Err(OraError::new(1441, "cannot decrease column length because some value is too big"));
            }
            (column.ty, column.chars) = (ty, chars);
        }
        match definition.nullable {
            Some(false) if !old.nullable => {
                return Err(OraError::new(1442, "column to be modified to NOT NULL is already NOT NULL"));
            }
            Some(false) if any(&format!("{quoted_name} IS NULL"))? => {
                return Err(OraError::new(2296, format_args!("cannot enable ({}.) - null values found", self.user)));
            }
            Some(true) if old.nullable => {
                return Err(OraError::new(1451, "column to be modified to NULL cannot be modified to NULL"));
            }
            Some(nullable) => column.nullable = nullable,
            None => {}
        }
        if definition.default.is_some() {
            column.default.clone_from(&definition.default);
            column.default_on_null = definition.default_on_null;
        }
        if definition.identity.is_some() && old.identity.is_none() {
            return Err(OraError::new(30673, "column to be modified is not an identity column"));
        }
        if let Some(start) = definition.identity_start {
            self.restart_identity(&table, &column.name, start)?;
        }
        self.catalog.table_mut(name)?.columns[place] = column;
        for constraint in &definition.constraints {
            self.add_constraint(name, constraint)?;
        }
        Ok(())
    }

    fn drop_column(&mut self, name: &str, column: &str) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        table.column(column)?;
        if table.columns.len() == 1 {
            return Err(OraError::new(12983, "cannot drop all columns in a table"));
        }
        let text = quoted(column);
        for constraint in &table.constraints {
            let uses = match &constraint.kind {
                ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => {
                    columns.iter().any(|other| other == column)
                }
                ConstraintKind::ForeignKey { columns, .. } => columns.iter().any(|other| other == column),
                ConstraintKind::Check(condition) => condition.to_uppercase().contains(column),
            };
            if uses {
                self.drop_constraint(name, &constraint.name)?;
            }
        }
        for index in
            table.indexes.iter().filter(|index| index.keys.iter().any(|key| key.to_uppercase().contains(column)))
        {
            self.drop_index(&index.name)?;
        }
        self.connection.execute_batch(&format!("ALTER TABLE {} DROP COLUMN {text}", table.physical()))?;
        self.catalog.table_mut(name)?.columns.retain(|other| other.name != column);
        Ok(())
    }

    fn drop_constraint(&mut self, name: &str, constraint: &str) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        let place = table
            .constraints
            .iter()
            .position(|other| other.name == constraint)
            .ok_or_else(|| OraError::new(2443, "Cannot drop constraint - nonexistent constraint"))?;
        if let ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) = &table.constraints[place].kind {
            let referenced = self.catalog.references_to(name).any(
                |(_, other)| matches!(&other.kind, ConstraintKind::ForeignKey { referenced, .. } if referenced == columns),
            );
            if referenced {
                return Err(OraError::new(2273, "this unique/primary key is referenced by some foreign keys"));
            }
            self.connection.execute_batch(&format!("DROP INDEX IF EXISTS {}", key_index(&table, constraint)))?;
        }
        self.catalog.table_mut(name)?.constraints.remove(place);
        Ok(())
    }

    fn rename_column(&mut self, name: &str, from: &str, to: &str) -> Result<()> {
        let table = self.catalog.table_mut(name)?;
        let place = table.column(from)?;
        if table.column(to).is_ok() {
            return Err(OraError::new(957, "duplicate column name"));
        }
        let used = table.indexes.iter().any(|index| index.keys.iter().any(|key| key.to_uppercase().contains(from)));
        if used || !table.constraints.is_empty() {
            return Err(OraError::unsupported("RENAME COLUMN in a table with constraints, or of an indexed column"));
        }
        table.columns[place].name = to.to_owned();
        let sql = format!("ALTER TABLE {} RENAME COLUMN {} TO {}", table.physical(), quoted(from), quoted(to));
        self.connection.execute_batch(&sql)?;
        Ok(())
    }

    fn rename_table(&mut self, from: &str, to: &str) -> Result<()> {
        let table = self.catalog.table(from)?;
        if table.indexes.iter().any(|index| matches!(index.kind, IndexKind::Vector(_))) {
            return Err(OraError::unsupported("renaming a table with a vector index, which releases of Oracle refuse"));
        }
        self.catalog.name_is_free(to)?;
        let mut table = self.catalog.tables.remove(from).ok_or_else(|| Catalog::no_such_table(from))?;
        table.name = to.to_owned();
        self.catalog.tables.insert(to.to_owned(), table);
        for table in self.catalog.tables.values_mut() {
            for constraint in &mut table.constraints {
                if let ConstraintKind::ForeignKey { table: parent, .. } = &mut constraint.kind
                    && parent == from
                {
                    to.clone_into(parent);
                }
            }
        }
        Ok(())
    }

    fn alter_index(&mut self, name: &str, rest: &str) -> Result<()> {
        let table = self
            .catalog
            .find_index(name)
            .ok_or_else(|| OraError::new(1418, "specified index does not exist"))?
            .0
            .name
            .clone();
        let replaced = match rest.split_once("'REPLACE METADATA ") {
            Some((_, parameters)) => Some(self.replaced(name, parameters.split('\'').next().unwrap_or_default())?),
            None => None,
        };
        let index = self.catalog.table_mut(&table)?.indexes.iter_mut().find(|index| index.name == name);
        if let Some(index) = index {
            if let IndexKind::Vector(vector) = &index.kind {
                vector_index::check_alteration(vector, rest, self.side)?;
            }
            if let (Some(replaced), IndexKind::Context { parameters }) = (replaced, &mut index.kind) {
                *parameters = replaced;
            }
            if rest.contains("REBUILD") {
                index.status = "VALID".to_owned();
            } else if rest.contains("UNUSABLE") {
                index.status = "UNUSABLE".to_owned();
            }
        }
        Ok(())
    }

    fn drop_index(&mut self, name: &str) -> Result<()> {
        let Some((table, place)) = self.catalog.find_index(name).map(|(table, place)| (table.name.clone(), place))
        else {
            return Err(if self.catalog.find_constraint(name).is_some() {
                OraError::new(2429, "cannot drop index used for enforcement of unique/primary key")
            } else {
                OraError::new(1418, "specified index does not exist")
            });
        };
        let index = self.catalog.table_mut(&table)?.indexes.remove(place);
        self.connection.execute_batch(&format!("DROP INDEX IF EXISTS \"I${}\"", index.id))?;
        Ok(())
    }

    fn drop_object(&mut self, kind: &str, name: &str, cascade: bool) -> Result<()> {
        match kind {
            "INDEX" => self.drop_index(name),
            "VIEW" => self.catalog.views.remove(name).map(|_| ()).ok_or_else(|| Catalog::no_such_table(name)),
            "SEQUENCE" => self
                .catalog
                .sequences
                .remove(name)
                .map(|_| ())
                .ok_or_else(|| OraError::new(2289, "sequence does not exist")),
            _ => {
                let table = self.catalog.table(name)?.clone();
                let referring: Vec<(String, String)> = self
                    .catalog
                    .references_to(name)
                    .filter(|(child, _)| child.name != name)
                    .map(|(child, constraint)| (child.name.clone(), constraint.name.clone()))
                    .collect();
                if !referring.is_empty() && !cascade {
                    return Err(OraError::new(2449, "unique/primary keys in table referenced by foreign keys"));
                }
                for (child, constraint) in referring {
                    self.drop_constraint(&child, &constraint)?;
                }
                self.connection.execute_batch(&format!("DROP TABLE {}", table.physical()))?;
                self.catalog.tables.remove(name);
                for column in table.columns.iter().filter(|column| column.identity.is_some()) {
                    self.side.forget(&format!("identity {}.{}", table.id, column.name))?;
                }
                Ok(())
            }
        }
    }

    fn truncate(&mut self, name: &str) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        if self.catalog.references_to(name).any(|(child, _)| child.name != name) {
            return Err(OraError::new(2266, "unique/primary keys in table referenced by enabled foreign keys"));
        }
        self.connection.execute_batch(&format!("DELETE FROM {}", table.physical()))?;
        for index in &mut self.catalog.table_mut(name)?.indexes {
            if matches!(index.kind, IndexKind::Vector(_)) {
                index.status = "UNUSABLE".to_owned();
            }
        }
        Ok(())
    }
}
