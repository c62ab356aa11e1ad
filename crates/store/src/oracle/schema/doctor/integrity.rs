//! Rules that the database keeps for Mitsuke, which an import may leave switched off or behind: foreign keys, other
//! constraints, and the numbers that rows get by themselves.

use super::{Inspection, not_visible};
use crate::Finding;
use crate::oracle::connection::error::OracleError;

/// The tables whose rows get their numbers by themselves, and the column of each.
const NUMBERED: [(&str, &str); 4] = [
    ("IMAGES", "IMAGE_ID"),
    ("EMBEDDING_MODELS", "MODEL_ID"),
    ("IMAGE_DESCRIPTIONS", "DESCRIPTION_ID"),
    ("PROMPT_WORD_CHANGES", "CHANGE_ID"),
];

/// The tables whose rows belong to an image, besides those of the embeddings.
const OF_IMAGES: [&str; 8] = [
    "IMAGE_DESCRIPTIONS",
    "IMAGE_TAGS",
    "REMOVED_TAGS",
    "IMAGE_LORAS",
    "IMAGE_THUMBNAILS",
    "IMAGE_DAMAGE",
    "IMAGE_FILES",
    "EMBEDDING_FAILURES",
];

impl Inspection<'_> {
    /// Returns the findings about constraints that are missing, switched off, or switched on without a check of the
    /// rows.
    pub(super) fn constraints(&self) -> Vec<Finding> {
        let sql = "SELECT table_name, constraint_name, constraint_type, status, validated FROM user_constraints \
                   WHERE table_name IN ('IMAGES', 'EMBEDDING_MODELS', 'IMAGE_DESCRIPTIONS', 'IMAGE_TAGS', 'REMOVED_TAGS', \
                   'IMAGE_LORAS', 'IMAGE_THUMBNAILS', 'IMAGE_DAMAGE', 'IMAGE_FILES', 'EMBEDDING_FAILURES') \
                   OR table_name LIKE 'IMAGE\\_EMBEDDINGS\\_%' ESCAPE '\\' ORDER BY table_name, constraint_name";
        let found = self.rows(sql, |row| {
            let text = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
            Ok(Constraint {
                table: text(0)?,
                name: text(1)?,
                is_foreign_key: text(2)? == "R",
                holds: text(3)? == "ENABLED" && text(4)? == "VALIDATED",
            })
        });
        let (found, models) = match (found, self.models()) {
            (Ok(found), Ok(models)) => (found, models),
            (Err(error), _) | (_, Err(error)) => return vec![not_visible("constraints", error)],
        };
        let mut problems: Vec<Finding> = found.iter().filter(|one| !one.holds).map(Constraint::does_not_hold).collect();
        let of_models = models.iter().map(|(table, _)| table.name.to_uppercase());
        for table in OF_IMAGES.into_iter().map(str::to_owned).chain(of_models) {
            if !found.iter().any(|one| one.is_foreign_key && one.table == table) {
                problems.push(Finding::problem(
                    "constraints",
                    format!("{table} has no foreign key to IMAGES, so it may keep rows of deleted images"),
                    format!("Run: ALTER TABLE {table} ADD FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE;"),
                ));
            }
        }
        if problems.is_empty() {
            problems.push(Finding::good("constraints", format!("{} are enabled and hold", found.len())));
        }
        problems
    }

    /// Returns the findings about columns that would give out a number again. LAST_NUMBER lies beyond every number that
    /// has been given out (Database Reference, "ALL_SEQUENCES").
    pub(super) fn identity_columns(&self) -> Vec<Finding> {
        let sql = "SELECT c.table_name, s.last_number FROM user_tab_identity_cols c \
                   JOIN user_sequences s ON s.sequence_name = c.sequence_name";
        let next = match self.rows(sql, |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))) {
            Ok(next) => next,
            Err(error) => return vec![not_visible("numbers", error)],
        };
        let mut findings = Vec::new();
        for (table, column) in NUMBERED {
            let Some((_, next)) = next.iter().find(|(other, _)| other == table) else {
                findings.push(Finding::problem(
                    "numbers",
                    format!("{table}.{column} gets no number by itself, so nothing can be added"),
                    "Import the table again with its definition; an identity column cannot be added to existing rows.",
                ));
                continue;
            };
            match self.rows(&format!("SELECT MAX({column}) FROM {table}"), |row| Ok(row.get::<_, Option<i64>>(0)?)) {
                Ok(largest) => findings.extend(behind(table, column, *next, largest.into_iter().flatten().next())),
                Err(error) => findings.push(not_visible("numbers", error)),
            }
        }
        if findings.is_empty() {
            findings.push(Finding::good("numbers", "the next numbers are beyond all that are in use"));
        }
        findings
    }
}

/// A row of USER_CONSTRAINTS.
struct Constraint {
    table: String,
    name: String,
    is_foreign_key: bool,
    /// Whether it is enabled and holds for every row.
    holds: bool,
}

impl Constraint {
    fn does_not_hold(&self) -> Finding {
        let Self { table, name, .. } = self;
        Finding::problem(
            "constraints",
            format!("{name} of {table} is not enabled, or was enabled without a check of the rows"),
            format!(
                "Run: ALTER TABLE {table} ENABLE VALIDATE CONSTRAINT {name}; ORA-02298 means rows without their image."
            ),
        )
    }
}

fn behind(table: &str, column: &str, next: i64, largest: Option<i64>) -> Option<Finding> {
    let largest = largest.filter(|largest| *largest >= next)?;
    Some(Finding::problem(
        "numbers",
        format!("{table}.{column} goes on at {next}, and {largest} is in use, so uploads fail or meet other images"),
        format!("Run: ALTER TABLE {table} MODIFY ({column} GENERATED ALWAYS AS IDENTITY (START WITH LIMIT VALUE));"),
    ))
}
