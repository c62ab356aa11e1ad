//! Changes of what exists already: constraints switched on and off, identity columns that go on at another number, and
//! text indexes with other metadata.

use rusqlite::types::Value;

use super::catalog::{Table, quoted};
use super::ddl::Builder;
use super::transaction::rows;
use crate::errors::{OraError, Result};
use crate::sql::ast::{ConstraintKind, IdentityStart, IndexKind};

impl Builder<'_> {
    /// Enables or disables a foreign key.
    pub(super) fn set_constraint(&mut self, name: &str, constraint: &str, enabled: bool, validate: bool) -> Result<()> {
        let table = self.catalog.table(name)?.clone();
        let place = table
            .constraints
            .iter()
            .position(|other| other.name == constraint)
            .ok_or_else(|| OraError::new(2430, "cannot enable constraint - no such constraint"))?;
        let ConstraintKind::ForeignKey { columns, table: parent, referenced, .. } = &table.constraints[place].kind
        else {
            return Err(OraError::unsupported("ENABLE and DISABLE of constraints other than foreign keys"));
        };
        if validate {
            self.check_orphans(&table, columns, self.catalog.table(parent)?, referenced, constraint)?;
        }
        let changed = &mut self.catalog.table_mut(name)?.constraints[place];
        (changed.disabled, changed.not_validated) = (!enabled, !validate);
        Ok(())
    }

    /// Sets the next number of an identity column.
    pub(super) fn restart_identity(&self, table: &Table, column: &str, start: IdentityStart) -> Result<()> {
        let next = match start {
            IdentityStart::Number(next) => next,
            IdentityStart::LimitValue => {
                let sql = format!("SELECT coalesce(max({}), 0) + 1 FROM {}", quoted(column), table.physical());
                match rows(self.connection, &sql, &[])?.first().and_then(|row| row.first()) {
                    Some(Value::Integer(next)) => *next,
                    _ => 1,
                }
            }
        };
        self.side.restart(&format!("identity {}.{column}", table.id), next)
    }

    /// Returns the parameters of a text index with its maintenance and synchronisation replaced by those that are given.
    pub(super) fn replaced(&self, name: &str, given: &str) -> Result<String> {
        let old = match self.catalog.find_index(name).map(|(table, place)| &table.indexes[place].kind) {
            Some(IndexKind::Context { parameters }) => parameters.to_uppercase(),
            _ => return Err(OraError::unsupported("REPLACE METADATA of an index that is no text index")),
        };
        let (mut kept, mut sync, mut maintenance) = (Vec::new(), String::new(), String::new());
        for text in [old.as_str(), given] {
            let spaced = text.replace('(', " ( ").replace(')', " ) ");
            let mut words = spaced.split_whitespace();
            while let Some(word) = words.next() {
                match word {
                    "SYNC" => {
                        sync = format!(
                            "SYNC {}",
                            words.by_ref().take_while(|word| *word != ")").collect::<Vec<_>>().join(" ") + ")"
                        )
                    }
                    "MAINTENANCE" => maintenance = format!("MAINTENANCE {}", words.next().unwrap_or_default()),
                    other => kept.push(other.to_owned()),
                }
            }
        }
        let replaced = [kept.join(" "), maintenance, sync].join(" ");
        self.check_parameters(&replaced)?;
        Ok(replaced)
    }
}
