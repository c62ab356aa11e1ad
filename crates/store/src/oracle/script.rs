//! The files of sql/oracle as statements, to be run or to be printed for a DBA.

use super::codes::{Code, codes_in};

/// A statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Without its end (`;`, or `/` after a PL/SQL block).
    pub(super) sql: String,
    /// Codes that say "this is done already".
    pub(super) passes_over: Vec<Code>,
}

/// The statements of a file. A statement ends with a line that ends in `;`, a PL/SQL block with a line `/`.
pub(super) fn statements(file: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut sql = String::new();
    let mut passes_over = Vec::new();
    for line in file.lines() {
        let line = line.trim_end();
        if let Some(comment) = line.strip_prefix("--") {
            if let Some(codes) = comment.trim().strip_prefix("passes over ") {
                passes_over = codes_in(codes);
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
            statements.push(Statement { sql: std::mem::take(&mut sql), passes_over: std::mem::take(&mut passes_over) });
        }
    }
    statements
}

fn is_block(sql: &str) -> bool {
    sql.starts_with("BEGIN") || sql.starts_with("DECLARE")
}

impl Statement {
    /// For SQL*Plus and SQLcl, with the errors passed over that may be.
    pub(super) fn printed(&self) -> String {
        if self.passes_over.is_empty() {
            let end = if is_block(&self.sql) { "\n/" } else { ";" };
            return format!("{}{end}\n", self.sql);
        }
        let unless = self
            .passes_over
            .iter()
            .map(|code| format!("INSTR(SQLERRM, '{code}') = 0"))
            .collect::<Vec<_>>()
            .join(" AND ");
        format!(
            "BEGIN\n    EXECUTE IMMEDIATE q'[{}]';\nEXCEPTION WHEN OTHERS THEN\n    IF {unless} THEN RAISE; END IF;\nEND;\n/\n",
            self.sql
        )
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
        assert_eq!(found[1].passes_over, [Code::Ora(955), Code::Drg(10701)]);
        assert_eq!(found[2], Statement { sql: "DROP INDEX c".into(), passes_over: Vec::new() });
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
