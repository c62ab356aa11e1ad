//! The schema: its version, and the views for other programs.

use super::{Inspection, not_visible};
use crate::oracle::schema::migrate;
use crate::{Finding, StoreError};

impl Inspection<'_> {
    pub(super) fn schema(&self) -> Finding {
        match migrate::missing_names(self.connection) {
            Ok(missing) if missing.is_empty() => Finding::good("schema", "up to date"),
            Ok(missing) => Finding::problem(
                "schema",
                format!("lacks {}", missing.join(", ")),
                "Run `mitsuke migrate`, or give the output of `mitsuke migrate --print` to a DBA.",
            ),
            Err(error) => Finding::problem(
                "schema",
                StoreError::from(error).to_string(),
                "Use the newest program that runs on this database.",
            ),
        }
    }

    pub(super) fn views(&self) -> Finding {
        let sql = "SELECT object_name FROM user_objects WHERE object_type = 'VIEW' AND status <> 'VALID' \
                   AND object_name IN ('IMAGE_EMBEDDINGS', 'CURRENT_EMBEDDING_MODEL', 'CURRENT_IMAGE_EMBEDDINGS')";
        match self.strings(sql) {
            Ok(found) if found.is_empty() => Finding::good("views", "valid"),
            Ok(found) => Finding::note(
                "views",
                format!(
                    "{} cannot be read; Mitsuke does not need them, programs of the original application do",
                    found.join(", ")
                ),
                "ALTER VIEW … COMPILE; says why.",
            ),
            Err(error) => not_visible("views", error),
        }
    }
}
