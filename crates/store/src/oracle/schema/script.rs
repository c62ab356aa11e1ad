//! The files of sql/oracle as statements, to be run or to be printed for a DBA.

use oracle::Connection;

use crate::oracle::connection::codes::{Code, codes_in};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::execute;
use crate::oracle::connection::value::Binds;

/// A statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The text without its end (`;`, or `/` after a PL/SQL block).
    pub(crate) sql: String,
    /// The codes that mean that the statement has been run before. A file lists them after "passes over".
    pub(crate) ignored: Vec<Code>,
}

/// Returns the statements of a file. A statement ends with a line that ends in `;`, a PL/SQL block with a line `/`.
pub(crate) fn statements(file: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut sql = String::new();
    let mut ignored = Vec::new();
    for line in file.lines() {
        let line = line.trim_end();
        if let Some(comment) = line.strip_prefix("--") {
            if let Some(codes) = comment.trim().strip_prefix("passes over ") {
                ignored = codes_in(codes);
            }
            continue;
        }
        if sql.is_empty() && line.is_empty() {
            continue;
        }
        let block = is_block(&sql) || (sql.is_empty() && is_block(line));
        let last = if block { line == "/" } else { line.ends_with(';') };
        if !(block && last) {
            if !sql.is_empty() {
                sql.push('\n');
            }
            sql.push_str(if last { line.trim_end_matches(';') } else { line });
        }
        if last {
            statements.push(Statement { sql: std::mem::take(&mut sql), ignored: std::mem::take(&mut ignored) });
        }
    }
    statements
}

fn is_block(sql: &str) -> bool {
    sql.starts_with("BEGIN") || sql.starts_with("DECLARE")
}

impl Statement {
    /// Returns the statement for SQL*Plus and SQLcl, with its errors ignored there too.
    pub(crate) fn printed(&self) -> String {
        if self.ignored.is_empty() {
            let end = if is_block(&self.sql) { "\n/" } else { ";" };
            return format!("{}{end}\n", self.sql);
        }
        let unless =
            self.ignored.iter().map(|code| format!("INSTR(SQLERRM, '{code}') = 0")).collect::<Vec<_>>().join(" AND ");
        format!(
            "BEGIN\n    EXECUTE IMMEDIATE q'[{}]';\nEXCEPTION WHEN OTHERS THEN\n    IF {unless} THEN RAISE; END IF;\nEND;\n/\n",
            self.sql
        )
    }
}

/// Runs a statement that may have been run before.
pub(crate) fn execute_repeatable(connection: &Connection, statement: &Statement) -> Result<(), OracleError> {
    match execute(connection, &statement.sql, &Binds::none()) {
        Err(OracleError::Driver(failure)) if failure.is_one_of(&statement.ignored) => Ok(()),
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- A comment.\n\nCREATE TABLE a (\n    b NUMBER -- inside\n);\n\n-- passes over ORA-00955 DRG-10701\n\
                        BEGIN x; END;\n/\n-- not tolerant again\nDROP INDEX c;\n";

    #[test]
    fn statements_end_where_they_end() {
        let found = statements(FILE);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].sql, "CREATE TABLE a (\n    b NUMBER -- inside\n)");
        assert_eq!(found[1].sql, "BEGIN x; END;");
        assert_eq!(found[1].ignored, [Code::Ora(955), Code::Drg(10701)]);
        assert_eq!(found[2], Statement { sql: "DROP INDEX c".into(), ignored: Vec::new() });
    }

    #[test]
    fn what_is_printed_passes_over_the_same_errors() {
        let printed: Vec<String> = statements(FILE).iter().map(Statement::printed).collect();
        assert!(printed[0].ends_with(");\n"));
        assert!(printed[1].contains("q'[BEGIN x; END;]'"), "{}", printed[1]);
        assert!(
            printed[1].contains("IF INSTR(SQLERRM, 'ORA-00955') = 0 AND INSTR(SQLERRM, 'DRG-10701') = 0 THEN RAISE")
        );
    }
}
