//! The vector indexes and the memory for them.

use super::{Inspection, not_visible};
use crate::Finding;
use crate::oracle::connection::codes::Class;
use crate::oracle::rows::models::VectorTable;
use crate::oracle::schema::vector_tables::index_ddl;

impl Inspection<'_> {
    pub(super) fn vector_indexes(&self) -> Vec<Finding> {
        match self.models() {
            Ok(models) if models.is_empty() => vec![Finding::note(
                "models",
                "none is registered yet",
                "Start the server once: it registers the folders of MITSUKE_MODELS_DIR.",
            )],
            Ok(models) => models.iter().map(|(table, current)| self.vector_index(table, *current)).collect(),
            Err(error) => vec![not_visible("models", error)],
        }
    }

    fn vector_index(&self, table: &VectorTable, current: bool) -> Finding {
        let what = format!("model {}{}", table.model_id, if current { " (current)" } else { "" });
        let name = table.name.to_uppercase();
        let sql = format!("SELECT status FROM user_indexes WHERE index_name = '{name}_VEC'");
        let count = self.rows(&format!("SELECT COUNT(*) FROM {}", table.name), |row| Ok(row.get::<_, u64>(0)?));
        let count = count.ok().and_then(|rows| rows.first().copied()).unwrap_or_default();
        let ddl = index_ddl(table, self.settings.index_accuracy());
        match self.strings(&sql) {
            Ok(found) if found == ["VALID"] => {
                Finding::good(what, format!("{count} embeddings of {} components, index {name}_VEC", table.dimension))
            }
            Ok(found) if found.is_empty() => Finding::note(
                what,
                format!("{count} embeddings and no vector index: every search compares all of them"),
                format!("Run: {ddl}; {}", advice_on_room(count)),
            ),
            Ok(found) => Finding::problem(
                what,
                format!("its vector index is {}", found.join(", ")),
                format!("Run: DROP INDEX {name}_VEC; {ddl}; {}", advice_on_room(count)),
            ),
            Err(error) => not_visible(what, error),
        }
    }

    /// Reports the use of the Vector Pool. The pool holds in-memory graphs, which Mitsuke does not make. It also holds
    /// the centroids of indexes by neighbour partitions while they are made and while rows of their tables change (AI
    /// Vector Search User's Guide, "Size the Vector Pool").
    pub(super) fn vector_memory(&self) -> Finding {
        let sql = "SELECT TO_CHAR(SUM(alloc_bytes)) || ' bytes, ' || TO_CHAR(SUM(used_bytes)) || ' used' \
                   FROM v$vector_memory_pool";
        match self.strings(sql) {
            Ok(found) => Finding::good("vector memory", found.join(", ")),
            Err(error) if error.class() == Some(Class::NoTable) => Finding::note(
                "vector memory",
                "cannot be seen",
                "The Vector Pool (VECTOR_MEMORY_SIZE) makes creating vector indexes and changing their tables faster; \
                 searches work without it. GRANT SELECT ON SYS.V_$VECTOR_MEMORY_POOL shows it.",
            ),
            Err(error) => not_visible("vector memory", error),
        }
    }
}

/// Returns the advice for the case that making an index by neighbour partitions of `count` rows ends with ORA-51908.
/// The database chooses about √count partitions by itself, and needs room for each; on the Free edition that room may
/// be missing.
fn advice_on_room(count: u64) -> String {
    let fewer = (count.isqrt() / 4).max(1);
    format!(
        "If it ends with ORA-51908, the database lacks room for it (12 GB are all that the Free edition holds): add \
         PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS {fewer}) at its end, or give the database more room."
    )
}
