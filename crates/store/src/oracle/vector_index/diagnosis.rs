//! The findings of `mitsuke doctor` about vector indexes, statistics, and the memory for vectors.

use oracle::Connection;

use super::accuracy::{self, NEAREST};
use super::ddl::{IndexDdl, Rebuild, Release, drop_index};
use super::organization::{IndexKind, Organization};
use super::plan::{bytes_text, graph_bytes, grouped};
use super::rows::{self, highest_id_sql};
use super::state::{GROWTH, IndexState, Presence};
use super::statistics;
use crate::Finding;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::pool::Manager;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::facts::FILTER_COLUMNS;
use crate::oracle::schema::doctor::not_visible;
use crate::oracle::settings::OracleSettings;

/// The largest number of rows that the doctor counts. Above it the highest image id stands for the number.
const MAX_COUNTED: u64 = 1_000_000;

/// The checks of the vector indexes of all models.
pub(crate) struct Diagnosis<'a> {
    pub(crate) connection: &'a Connection,
    /// Opens the connection for measurements, which may meet the limit for a call and are then given up.
    pub(crate) manager: &'a Manager,
    pub(crate) settings: &'a OracleSettings,
}

/// The number of rows of a table.
#[derive(Debug, Clone, Copy)]
struct Rows {
    number: u64,
    /// Whether the rows were counted.
    exact: bool,
}

impl Rows {
    fn text(self) -> String {
        format!("{}{} embeddings", if self.exact { "" } else { "up to " }, grouped(self.number))
    }
}

impl Diagnosis<'_> {
    /// Checks everything.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let states = match rows::read_all(self.connection) {
            Ok(states) => states,
            Err(error) => return vec![not_visible("models", error), self.memory(0)],
        };
        if states.is_empty() {
            let advice = "Start the server once: it registers the folders of MITSUKE_MODELS_DIR.";
            return vec![Finding::note("models", "none is registered yet", advice), self.memory(0)];
        }
        let mut findings = Vec::new();
        let mut graphs = 0_u64;
        let mut most = 0;
        for state in &states {
            let rows = match self.rows(state) {
                Ok(rows) => rows,
                Err(error) => {
                    findings.push(not_visible(label(state), error));
                    continue;
                }
            };
            most = most.max(rows.number);
            findings.push(self.index(state, rows));
            if matches!(state.presence, Presence::Valid(_)) && rows.number > 0 {
                findings.push(self.accuracy(state));
            }
            findings.extend(stale_statistics(&state.table.name, state.table_statistics, rows.number));
            if let Organization::Hnsw { quantization, .. } = state.organization {
                graphs = graphs.saturating_add(graph_bytes(rows.number, state.table.dimension, quantization));
            }
        }
        findings.extend(stale_statistics("images", states.first().and_then(|state| state.image_statistics), most));
        findings.push(self.memory(graphs));
        findings
    }

    fn rows(&self, state: &IndexState) -> Result<Rows, OracleError> {
        let number = rows::count_up_to(self.connection, &state.table, MAX_COUNTED)?;
        if number < MAX_COUNTED {
            return Ok(Rows { number, exact: true });
        }
        let highest = query(self.connection, &highest_id_sql(&state.table), &Binds::none(), 1, &mut |row| {
            Ok(row.get::<_, Option<u64>>(0)?)
        })?;
        Ok(Rows { number: highest.into_iter().flatten().next().unwrap_or(number), exact: false })
    }

    fn index(&self, state: &IndexState, rows: Rows) -> Finding {
        let after = self.settings.index_after;
        let command = format!("mitsuke index build --model {}", state.table.model_id);
        let found = format!("{} of {} components", rows.text(), state.table.dimension);
        let ddl = match Release::of(self.connection) {
            Ok(release) => IndexDdl {
                table: &state.table,
                organization: state.organization,
                rows: rows.number,
                accuracy: self.settings.index_accuracy(),
                facts: &FILTER_COLUMNS,
                release,
            },
            Err(error) => return not_visible(label(state), error),
        };
        let name = ddl.name().to_uppercase();
        let create = ddl.create().last().cloned().unwrap_or_default();
        let failed = state.failure.as_ref().map(|failure| {
            format!(
                " The last attempt failed at {}, and the next one comes an hour later: {}.",
                failure.at, failure.reason
            )
        });
        let failed = failed.unwrap_or_default();
        match &state.presence {
            Presence::Missing if state.organization == Organization::None => Finding::good(
                label(state),
                format!("{found}, and no index by choice: every search compares all of them"),
            ),
            Presence::Missing if rows.number < after && failed.is_empty() => Finding::good(
                label(state),
                format!("{found}; every search compares all of them, and an index is built from {} on", grouped(after)),
            ),
            Presence::Missing => Finding::note(
                label(state),
                format!("{found} and no vector index: every search compares all of them.{failed}"),
                format!(
                    "A running server builds the index within minutes, and `{command}` at once. Or run: {create}; {}",
                    advice_on_room(&ddl)
                ),
            ),
            Presence::Unusable(status) => Finding::problem(
                label(state),
                format!("{found}; the index {name} is {status}.{failed}"),
                format!("Run `{command}`, or: {}; {create}; {}", drop_index(&state.table), advice_on_room(&ddl)),
            ),
            Presence::Valid(kind) if *kind != state.organization.kind() => Finding::note(
                label(state),
                format!(
                    "{found}; the index {name} is of the kind {kind}, and {} is chosen.{failed}",
                    state.organization.kind()
                ),
                format!("Run `{command}`."),
            ),
            Presence::Valid(IndexKind::Ivf) if is_outgrown(state, rows, after) => Finding::note(
                label(state),
                format!("{found}; {}.{failed}", outgrown(&name, state.built_rows)),
                format!("Run `{command}`{}.", rebuild_advice(&ddl)),
            ),
            Presence::Valid(kind) => {
                let built = state.built_rows.map(|built| format!(", built over {} rows", grouped(built)));
                Finding::good(label(state), format!("{found}, index {name} ({kind}){}", built.unwrap_or_default()))
            }
        }
    }

    fn accuracy(&self, state: &IndexState) -> Finding {
        let what = format!("{}, accuracy", label(state));
        let target = self.settings.index_accuracy();
        let measured = self
            .manager
            .connect_outside_pool()
            .map_err(OracleError::from)
            .and_then(|connection| accuracy::measure(&connection, &state.table, target));
        match measured {
            Ok(accuracy) if accuracy.queries() == 0 => {
                Finding::note(what, "the database gives no report", "The rest does not depend on it.")
            }
            Ok(accuracy) => {
                let found = format!(
                    "the index finds {} % of the {NEAREST} nearest on average and {} % at worst, for {} stored embeddings",
                    accuracy.mean(),
                    accuracy.lowest(),
                    accuracy.queries()
                );
                if accuracy.mean() >= u32::from(target) {
                    return Finding::good(what, found);
                }
                Finding::note(
                    what,
                    format!("{found}; {target} % are asked for"),
                    format!("Run `mitsuke index build --model {}`.", state.table.model_id),
                )
            }
            Err(error) if error.class() == Some(Class::Busy) => Finding::note(
                what,
                "measuring took longer than MITSUKE_DB_CALL_TIMEOUT_MS, because it compares all embeddings too",
                "Set a longer limit for this one command to measure the accuracy.",
            ),
            Err(error) => not_visible(what, error),
        }
    }

    /// Reports the use of the Vector Pool. The pool holds in-memory graphs. It also holds the centroids of inverted
    /// files while they are made and while rows of their tables change (AI Vector Search User's Guide, "Size the Vector
    /// Pool").
    fn memory(&self, graphs: u64) -> Finding {
        const WHAT: &str = "vector memory";
        let sql = "SELECT SUM(alloc_bytes), SUM(used_bytes) FROM v$vector_memory_pool";
        let pool = query(self.connection, sql, &Binds::none(), 1, &mut |row| {
            let number = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<u64>>(column)?.unwrap_or_default());
            Ok((number(0)?, number(1)?))
        });
        match pool.map(|rows| rows.into_iter().next().unwrap_or_default()) {
            Ok((allocated, used)) => {
                let found = format!("{} in the Vector Pool, {} used", bytes_text(allocated), bytes_text(used));
                if graphs <= allocated {
                    return Finding::good(WHAT, found);
                }
                Finding::note(
                    WHAT,
                    format!("{found}; the chosen graphs (hnsw) take about {}", bytes_text(graphs)),
                    "Let a DBA raise VECTOR_MEMORY_SIZE, or choose another organization (`mitsuke index plan`).",
                )
            }
            Err(error) if error.class() == Some(Class::NoTable) => Finding::note(
                WHAT,
                "cannot be seen",
                "The Vector Pool (VECTOR_MEMORY_SIZE) holds graphs, and makes creating other vector indexes and changing \
                 their tables faster. GRANT SELECT ON SYS.V_$VECTOR_MEMORY_POOL shows it.",
            ),
            Err(error) => not_visible(WHAT, error),
        }
    }
}

fn label(state: &IndexState) -> String {
    format!("model {}{}", state.table.model_id, if state.is_current { " (current)" } else { "" })
}

fn is_outgrown(state: &IndexState, rows: Rows, after: u64) -> bool {
    rows.number >= state.built_rows.unwrap_or_default().saturating_mul(GROWTH).max(after)
}

fn outgrown(name: &str, built_rows: Option<u64>) -> String {
    match built_rows {
        Some(built) => format!("the table has outgrown the index {name}, which was built over {} rows", grouped(built)),
        None => {
            format!("nobody knows over how many rows the index {name} was built; earlier versions built it over none")
        }
    }
}

fn rebuild_advice(ddl: &IndexDdl<'_>) -> String {
    match ddl.rebuild() {
        Rebuild::Online(sql) => format!(", or: {sql}; searches and uploads go on meanwhile"),
        Rebuild::Blocking(sql) => format!(" at a time without uploads, which wait meanwhile; or: {sql}"),
        Rebuild::Anew if ddl.is_created_online() => "; searches compare all embeddings meanwhile".to_owned(),
        Rebuild::Anew => " at a time without uploads, which wait meanwhile".to_owned(),
    }
}

/// Returns the advice for the case that making an inverted file ends with ORA-51908. The database needs room for each
/// partition, which may be missing on the Free edition.
fn advice_on_room(ddl: &IndexDdl<'_>) -> String {
    if ddl.organization.kind() != IndexKind::Ivf {
        return String::new();
    }
    format!(
        "If it ends with ORA-51908, the database lacks room for it (12 GB are all that the Free edition holds): \
         `--partitions {}` makes it smaller, or give the database more room.",
        ddl.with_fewer_partitions().partitions()
    )
}

/// Returns a finding when a table of this many rows has no statistics, or statistics over far fewer rows.
fn stale_statistics(table: &str, gathered: Option<u64>, rows: u64) -> Option<Finding> {
    if rows < statistics::due_at(gathered) {
        return None;
    }
    let found = match gathered {
        None => format!("{table} has none, so the database may choose a slow way to search it"),
        Some(gathered) => format!("those of {table} are from {} rows", grouped(gathered)),
    };
    let advice = format!("A running server gathers them within minutes. Or run: {}", statistics::gather_sql(table));
    Some(Finding::note("statistics", found, advice))
}
