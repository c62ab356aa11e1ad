//! Makes and rebuilds the index of a model, on a connection whose calls may take any time.

use std::time::Instant;

use oracle::Connection;

use super::ddl::{self, IndexDdl, Rebuild, Release};
use super::organization::{IndexKind, Organization};
use super::plan::grouped;
use super::rows;
use super::state::{IndexState, Presence};
use super::statistics;
use crate::oracle::connection::codes::{Class, Code};
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::execute;
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::facts::FILTER_COLUMNS;
use crate::oracle::settings::OracleSettings;

/// The largest number of rows over which an index is rebuilt without being asked, where that keeps uploads waiting.
/// Building compares every row with every centroid: 100,000 × 316 × 768 multiplications, which one core does in some
/// ten seconds, so that uploads wait less than the default limit of a call. Over a million rows it is thirty times as
/// much.
pub(crate) const MAX_BLOCKING_ROWS: u64 = 100_000;

/// The receiver of sentences about the progress of long work.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(&str);

/// The way in which an index is to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As part of the upkeep, which keeps uploads waiting for a short time only.
    Upkeep,
    /// Because somebody asked for it.
    ByHand {
        /// Whether the organization has been changed, so that the present index has to go.
        changed: bool,
    },
}

/// A build that has not been done, and what to do about it.
type Postponed = Option<String>;

/// Builds or rebuilds the index of a model, notes the result in EMBEDDING_MODELS, and gathers the statistics that the
/// new index needs. A model whose organization is "none" loses its index.
pub(crate) fn build(
    connection: &Connection,
    settings: &OracleSettings,
    index: &IndexState,
    manner: Manner,
    tell: Tell<'_>,
) -> Result<(), OracleError> {
    let table = &index.table;
    if index.organization == Organization::None {
        return drop_index(connection, index, tell);
    }
    let building = IndexDdl {
        table,
        organization: index.organization,
        rows: rows::count(connection, table)?,
        accuracy: settings.index_accuracy(),
        facts: &FILTER_COLUMNS,
        release: Release::of(connection)?,
    };
    let started = Instant::now();
    match make(connection, building, &index.presence, manner, tell) {
        Ok(None) => {
            rows::note_built(connection, table, Some(building.rows))?;
            tell(&format!("model {}: {} is ready after {:.1?}", table.model_id, building.name(), started.elapsed()));
            statistics::gather(connection, &table.name)
        }
        Ok(Some(reason)) => {
            tell(&format!("model {}: {reason}", table.model_id));
            rows::note_failure(connection, table, &reason)
        }
        Err(error) => {
            if let Some(reason) = lasting_reason(&error) {
                rows::note_failure(connection, table, &reason)?;
            }
            Err(error)
        }
    }
}

fn drop_index(connection: &Connection, index: &IndexState, tell: Tell<'_>) -> Result<(), OracleError> {
    let table = &index.table;
    let name = ddl::index_name(table);
    if index.presence == Presence::Missing {
        tell(&format!("model {}: there is no index to drop", table.model_id));
    } else {
        execute(connection, &ddl::drop_index(table), &Binds::none())?;
        tell(&format!("model {}: {name} is dropped, and every search compares all embeddings", table.model_id));
    }
    rows::note_built(connection, table, None)
}

/// Returns the reason of a failure that another attempt would meet too; `None` when the session was lost.
fn lasting_reason(error: &OracleError) -> Option<String> {
    match error {
        OracleError::Driver(failure) if matches!(failure.class(), Class::Lost | Class::Unreachable) => None,
        OracleError::Driver(failure) => Some(failure.description()),
        OracleError::Store(error) => Some(error.to_string()),
    }
}

/// The work that gives a model its index.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Making the index, after dropping the one that is there.
    Create { drop_first: bool },
    /// Rebuilding the index while rows of the table change.
    RebuildOnline { sql: String, may_create: bool },
    /// Rebuilding the index while uploads wait.
    RebuildBlocking(String),
    /// Nothing now, because uploads would wait for too long.
    Postpone,
}

fn way(building: &IndexDdl<'_>, presence: &Presence, manner: Manner) -> Way {
    let kind = building.organization.kind();
    let kept = *presence == Presence::Valid(kind) && manner != Manner::ByHand { changed: true };
    if !kept {
        // Without an index every search compares all embeddings, which is worse than uploads that wait once.
        return Way::Create { drop_first: *presence != Presence::Missing };
    }
    let may_block = manner != Manner::Upkeep || building.rows <= MAX_BLOCKING_ROWS;
    match building.rebuild() {
        Rebuild::Online(sql) => Way::RebuildOnline { sql, may_create: may_block },
        Rebuild::Blocking(sql) if may_block => Way::RebuildBlocking(sql),
        Rebuild::Anew if may_block || building.is_created_online() => Way::Create { drop_first: true },
        Rebuild::Blocking(_) | Rebuild::Anew => Way::Postpone,
    }
}

fn make(
    connection: &Connection,
    building: IndexDdl<'_>,
    presence: &Presence,
    manner: Manner,
    tell: Tell<'_>,
) -> Result<Postponed, OracleError> {
    let id = building.table.model_id;
    let (name, rows) = (building.name(), grouped(building.rows));
    match way(&building, presence, manner) {
        Way::Create { drop_first } => create(connection, building, drop_first, tell)?,
        Way::RebuildOnline { sql, may_create } => {
            tell(&format!("model {id}: rebuilding {name} over {rows} rows; searches and uploads go on"));
            match execute(connection, &sql, &Binds::none()) {
                Err(OracleError::Driver(failure)) if is_refusal(&failure) && may_create => {
                    log::warn!("the database does not rebuild {name} online: {failure}");
                    create(connection, building, true, tell)?;
                }
                other => _ = other?,
            }
        }
        Way::RebuildBlocking(sql) => {
            tell(&format!("model {id}: rebuilding {name} over {rows} rows; uploads wait until it is ready"));
            execute(connection, &sql, &Binds::none())?;
        }
        Way::Postpone => {
            return Ok(Some(format!(
                "the table has outgrown {name}, and a rebuild over {rows} rows would keep uploads waiting; run `mitsuke \
                 index build --model {id}` at a time without uploads"
            )));
        }
    }
    Ok(None)
}

/// Makes an index, after dropping the one that is there.
fn create(
    connection: &Connection,
    building: IndexDdl<'_>,
    drop_first: bool,
    tell: Tell<'_>,
) -> Result<(), OracleError> {
    let shape = match building.organization.kind() {
        IndexKind::Ivf => format!("ivf with {} partitions", grouped(building.partitions().get().into())),
        kind => kind.name().to_owned(),
    };
    tell(&format!(
        "model {}: building {} ({shape}) over {} rows; until it is ready, every search compares all embeddings",
        building.table.model_id,
        building.name(),
        grouped(building.rows)
    ));
    if building.organization.kind() == IndexKind::Hnsw && !building.release.is_26ai() {
        tell("releases before 26ai may refuse changes of a table with such an index (ORA-51928)");
    }
    if drop_first {
        execute(connection, &ddl::drop_index(building.table), &Binds::none())?;
    }
    match first_accepted(connection, &building.create()) {
        // On the Free edition, this error mostly means that the partitions do not fit into the space that is left.
        Err(OracleError::Driver(failure)) if failure.is_one_of(&[Code::Ora(51908)]) => {
            let fewer = building.with_fewer_partitions();
            if fewer.partitions() == building.partitions() {
                return Err(failure.into());
            }
            tell(&format!("{failure}; trying again with {} partitions", fewer.partitions()));
            first_accepted(connection, &fewer.create())
        }
        other => other,
    }
}

/// Runs the first of some statements that the database accepts.
fn first_accepted(connection: &Connection, statements: &[String]) -> Result<(), OracleError> {
    for (n, sql) in statements.iter().enumerate() {
        match execute(connection, sql, &Binds::none()) {
            // Somebody else has made the index meanwhile.
            Err(OracleError::Driver(failure)) if failure.is_one_of(&[Code::Ora(955)]) => return Ok(()),
            Err(OracleError::Driver(failure)) if is_refusal(&failure) && n + 1 < statements.len() => {
                log::warn!("the database refuses a clause and gets the statement without it ({failure}): {sql}");
            }
            other => return other.map(|_| ()),
        }
    }
    Ok(())
}

/// Returns whether a statement may have been refused for what it says, and not for the state of the database.
fn is_refusal(failure: &DriverError) -> bool {
    failure.class() == Class::Internal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::rows::models::VectorTable;
    use crate::oracle::vector_index::organization::Partitions;

    const VALID: Presence = Presence::Valid(IndexKind::Ivf);
    const BY_HAND: Manner = Manner::ByHand { changed: false };

    fn way_over(rows: u64, release: Release, presence: &Presence, manner: Manner) -> Way {
        let organization = Organization::of_kind(IndexKind::Ivf);
        let table = VectorTable::new(1, 8);
        let building = IndexDdl { table: &table, organization, rows, accuracy: 95, facts: &[], release };
        way(&building, presence, manner)
    }

    #[test]
    fn a_missing_index_is_made_over_any_number_of_rows() {
        let made = way_over(u64::MAX, Release::FIRST, &Presence::Missing, Manner::Upkeep);
        assert_eq!(made, Way::Create { drop_first: false });
        let unusable = Presence::Unusable("UNUSABLE".to_owned());
        assert_eq!(way_over(9, Release::FIRST, &unusable, Manner::Upkeep), Way::Create { drop_first: true });
    }

    #[test]
    fn a_rebuild_that_keeps_uploads_waiting_for_long_is_left_to_a_hand() {
        for rows in [MAX_BLOCKING_ROWS, MAX_BLOCKING_ROWS + 1] {
            let upkeep = way_over(rows, Release::FIRST, &VALID, Manner::Upkeep);
            assert_eq!(upkeep == Way::Postpone, rows > MAX_BLOCKING_ROWS, "{upkeep:?}");
            assert!(matches!(way_over(rows, Release::FIRST, &VALID, BY_HAND), Way::RebuildBlocking(_)));
            let online = way_over(rows, Release::FIRST_26AI, &VALID, Manner::Upkeep);
            let may_create = rows <= MAX_BLOCKING_ROWS;
            assert!(matches!(online, Way::RebuildOnline { may_create: may, .. } if may == may_create), "{online:?}");
        }
    }

    #[test]
    fn a_changed_organization_takes_another_index() {
        let changed = Manner::ByHand { changed: true };
        assert_eq!(way_over(9, Release::FIRST_26AI, &VALID, changed), Way::Create { drop_first: true });
        let table = VectorTable::new(1, 8);
        let building = IndexDdl {
            table: &table,
            organization: Organization::Ivf {
                partitions: Some(Partitions::nearest(7)),
                parallel: None,
                include_facts: None,
            },
            rows: u64::MAX,
            accuracy: 95,
            facts: &[],
            release: Release::FIRST_26AI,
        };
        assert_eq!(way(&building, &VALID, Manner::Upkeep), Way::Create { drop_first: true }, "it is made online");
        let with_columns = IndexDdl {
            organization: Organization::Ivf {
                partitions: Some(Partitions::nearest(7)),
                parallel: None,
                include_facts: Some(true),
            },
            facts: &["width"],
            ..building
        };
        assert_eq!(way(&with_columns, &VALID, Manner::Upkeep), Way::Postpone);
    }
}
