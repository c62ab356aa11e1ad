//! Builds and rebuilds indexes and gathers statistics when there is reason to, in one process at a time.

use oracle::Connection;

use super::build::{Manner, Tell, build};
use super::organization::OrganizationChange;
use super::rows::{self, SELECT_STATES};
use super::state::IndexState;
use super::statistics;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::locks::{self, HeldLock};
use crate::oracle::connection::pool::{Manager, Pool};
use crate::oracle::connection::session::{self, Session, execute, without_limit};
use crate::oracle::connection::value::Binds;
use crate::oracle::settings::OracleSettings;
use crate::{ModelId, Occasion, StoreError};

/// The number of times that a model is looked at in one go: for its statistics, for its index, and for the end.
const MAX_STEPS: usize = 3;

/// The reason why an index was not built on request.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database refuses, or does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The request does not fit the organization of the model.
    #[error("{0}")]
    Unfitting(String),
    /// Another process builds an index at this moment.
    #[error("another process is building an index or gathering statistics; try again when it has ended")]
    Taken,
    /// There is no model.
    #[error("no model is registered yet; start the server once, which registers the folders of MITSUKE_MODELS_DIR")]
    NoModel,
}

/// Does the work that is due, unless another process does. A model whose work fails does not keep the others from
/// theirs.
pub(crate) fn maintain(
    pool: &Pool,
    settings: &OracleSettings,
    occasion: Occasion,
    tell: Tell<'_>,
) -> Result<(), StoreError> {
    let due = session::read(pool, |session| models_to_count(session, settings, occasion))?;
    if due.is_empty() {
        return Ok(());
    }
    let Some(work) = Work::begin(pool.manager())? else { return Ok(()) };
    let mut outcome = Ok(());
    for model_id in due {
        let done = work.run(|connection| look_after(connection, settings, model_id, occasion, tell));
        if let Err(error) = done {
            let error = StoreError::from(error);
            log::warn!("model {model_id}: the upkeep of its vector index failed: {error}");
            outcome = outcome.and(Err(error));
        }
    }
    outcome
}

/// Returns the models whose tables may have as many rows as some work asks for. Reading the highest image id is one
/// look into an index.
fn models_to_count(
    session: &Session<'_>,
    settings: &OracleSettings,
    occasion: Occasion,
) -> Result<Vec<ModelId>, OracleError> {
    let mut due = Vec::new();
    for state in session.rows(SELECT_STATES, &Binds::none(), rows::MODELS, rows::read)? {
        let most = state.due_at(settings.index_after);
        if !state.may_count(most, occasion) {
            continue;
        }
        let highest = session.row(&rows::highest_id_sql(&state.table), &Binds::none(), |row| {
            Ok(row.get::<_, Option<u64>>(0)?.unwrap_or_default())
        })?;
        if highest.unwrap_or_default() >= most {
            due.push(state.table.model_id);
        }
    }
    Ok(due)
}

/// Counts the rows of a model, and does what their number asks for.
fn look_after(
    connection: &Connection,
    settings: &OracleSettings,
    model_id: ModelId,
    occasion: Occasion,
    tell: Tell<'_>,
) -> Result<(), OracleError> {
    for step in 0..MAX_STEPS {
        // Another process may have done the work since the first look.
        let states = rows::read_all(connection)?;
        let Some(state) = states.into_iter().find(|state| state.table.model_id == model_id) else { return Ok(()) };
        let most = state.due_at(settings.index_after);
        if step == 0 && !state.may_count(most, occasion) {
            return Ok(());
        }
        let rows = rows::count_up_to(connection, &state.table, most)?;
        rows::note_count(connection, &state.table)?;
        if state.index_due_at(settings.index_after).is_some_and(|due_at| rows >= due_at) {
            build(connection, settings, &state, Manner::Upkeep, tell)?;
        } else if rows >= state.statistics_due_at() {
            for (table, gathered) in
                [("images", state.image_statistics), (state.table.name.as_str(), state.table_statistics)]
            {
                if rows >= statistics::due_at(gathered) {
                    statistics::gather(connection, table)?;
                }
            }
        } else {
            return Ok(());
        }
    }
    Ok(())
}

/// Stores the organization of a model, and builds or rebuilds its index. The model is the current one unless it is
/// named.
pub(crate) fn build_by_hand(
    pool: &Pool,
    settings: &OracleSettings,
    model_id: Option<ModelId>,
    change: &OrganizationChange,
    tell: Tell<'_>,
) -> Result<(), IndexError> {
    let work = Work::begin(pool.manager())?.ok_or(IndexError::Taken)?;
    let states = work.run(rows::read_all).map_err(StoreError::from)?;
    let wanted = |state: &IndexState| model_id.map_or(state.is_current, |id| state.table.model_id == id);
    let state = match (states.into_iter().find(wanted), model_id) {
        (Some(state), _) => state,
        (None, Some(id)) => return Err(StoreError::UnknownModel(id).into()),
        (None, None) => return Err(IndexError::NoModel),
    };
    let organization = change.apply(state.organization).map_err(IndexError::Unfitting)?;
    let manner = Manner::ByHand { changed: organization != state.organization };
    let state = IndexState { organization, ..state };
    let done = work.run(|connection| {
        rows::save_organization(connection, &state.table, organization)?;
        build(connection, settings, &state, manner, tell)
    });
    Ok(done.map_err(StoreError::from)?)
}

/// The right to look after indexes, with a connection for it.
struct Work<'a> {
    manager: &'a Manager,
    connection: Connection,
    _lock: HeldLock,
}

impl<'a> Work<'a> {
    /// Takes the lock; `None` while another process has it.
    fn begin(manager: &'a Manager) -> Result<Option<Self>, StoreError> {
        let begin = || -> Result<Option<Self>, OracleError> {
            let Some(lock) = HeldLock::try_take(manager, locks::INDEXES)? else { return Ok(None) };
            let connection = manager.connect_outside_pool()?;
            execute(&connection, "ALTER SESSION SET DDL_LOCK_TIMEOUT = 60", &Binds::none())?;
            Ok(Some(Self { manager, connection, _lock: lock }))
        };
        Ok(begin()?)
    }

    /// Runs work that may take any time.
    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T, OracleError>) -> Result<T, OracleError> {
        without_limit(&self.connection, self.manager.call_timeout(), || work(&self.connection))
    }
}
