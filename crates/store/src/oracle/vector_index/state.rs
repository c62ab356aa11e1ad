//! The state of a model's vector index, and the number of rows at which there is work to do.

use std::time::Duration;

use time::OffsetDateTime;

use super::organization::{IndexKind, Organization};
use super::statistics;
use crate::Occasion;
use crate::oracle::rows::models::VectorTable;

/// The factor by which a table outgrows its index. At four times the rows, a query reads 1.4 times as many rows as with
/// partitions for that number, and the partitions were learned from a quarter of the rows. All rebuilds on the way
/// together cost a third more than the last of them.
pub(crate) const GROWTH: u64 = 4;

/// The time after a failed build before the next one.
const RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The number of index entries that a count is taken to read in a second. It only sets how often a count is worth its
/// cost: a count is repeated when a hundred times its duration has passed.
const COUNTED_PER_SECOND: u64 = 1_000_000;

/// The index of a model, as the dictionary knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There is none.
    Missing,
    /// There is one of this kind, and searches may use it.
    Valid(IndexKind),
    /// There is one that the database does not use; the text is its status.
    Unusable(String),
}

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) at: OffsetDateTime,
    pub(crate) reason: String,
}

/// The state of a model's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexState {
    pub(crate) table: VectorTable,
    /// Whether searches use the model.
    pub(crate) is_current: bool,
    pub(crate) organization: Organization,
    pub(crate) presence: Presence,
    /// The number of rows over which the index was built; `None` when an earlier version or somebody else built it.
    pub(crate) built_rows: Option<u64>,
    /// The time of the last count of the rows.
    pub(crate) counted_at: Option<OffsetDateTime>,
    /// The last build, when it failed.
    pub(crate) failure: Option<Failure>,
    /// The number of rows of the table in its statistics.
    pub(crate) table_statistics: Option<u64>,
    /// The number of rows of IMAGES in its statistics.
    pub(crate) image_statistics: Option<u64>,
    /// The time of the database's clock, which all processes share.
    pub(crate) now: OffsetDateTime,
}

impl IndexState {
    /// Returns the number of rows at which the index is to be built or rebuilt; `None` when no number of rows asks for
    /// that.
    pub(crate) fn index_due_at(&self, index_after: u64) -> Option<u64> {
        if self.failure.as_ref().is_some_and(|failure| self.now - failure.at < RETRY_AFTER) {
            return None;
        }
        let wanted = self.organization.kind();
        match &self.presence {
            _ if wanted == IndexKind::None => None,
            // The database refreshes a graph by itself (AI Vector Search User's Guide, "HNSW Index Architecture:
            // Transaction Support and Persistence").
            Presence::Valid(IndexKind::Hnsw) if wanted == IndexKind::Hnsw => None,
            Presence::Valid(kind) if *kind == wanted => {
                Some(self.built_rows.unwrap_or_default().saturating_mul(GROWTH).max(index_after))
            }
            _ => Some(index_after),
        }
    }

    /// Returns the number of rows at which the statistics of the table or of IMAGES are gathered. IMAGES has at least
    /// as many rows as the table, because each embedding belongs to an image.
    pub(crate) fn statistics_due_at(&self) -> u64 {
        statistics::due_at(self.table_statistics).min(statistics::due_at(self.image_statistics))
    }

    /// Returns the smallest number of rows at which there is anything to do.
    pub(crate) fn due_at(&self, index_after: u64) -> u64 {
        self.statistics_due_at().min(self.index_due_at(index_after).unwrap_or(u64::MAX))
    }

    /// Returns whether the rows may be counted, up to this number of them: always after bulk work, and otherwise as
    /// often as the count is worth its cost.
    pub(crate) fn may_count(&self, most: u64, occasion: Occasion) -> bool {
        let pause = Duration::from_secs(most / COUNTED_PER_SECOND * 100);
        occasion == Occasion::AfterBulkWork || self.counted_at.is_none_or(|at| self.now - at >= pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(presence: Presence, built_rows: Option<u64>) -> IndexState {
        IndexState {
            table: VectorTable::new(1, 8),
            is_current: true,
            organization: Organization::of_kind(IndexKind::Ivf),
            presence,
            built_rows,
            counted_at: None,
            failure: None,
            table_statistics: None,
            image_statistics: None,
            now: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_index_is_due_when_there_is_something_to_learn_and_when_the_table_has_outgrown_it() {
        let valid = Presence::Valid(IndexKind::Ivf);
        assert_eq!(state(Presence::Missing, None).index_due_at(10_000), Some(10_000));
        assert_eq!(state(Presence::Unusable("UNUSABLE".into()), Some(50_000)).index_due_at(10_000), Some(10_000));
        assert_eq!(state(valid.clone(), Some(30_000)).index_due_at(10_000), Some(120_000));
        assert_eq!(state(valid.clone(), Some(3)).index_due_at(10_000), Some(10_000), "built by hand over few rows");
        assert_eq!(state(valid, None).index_due_at(10_000), Some(10_000), "built by an earlier version");
    }

    #[test]
    fn a_graph_is_never_outgrown_and_another_kind_is_replaced() {
        let hnsw = Organization::of_kind(IndexKind::Hnsw);
        let graph = IndexState { organization: hnsw, ..state(Presence::Valid(IndexKind::Hnsw), Some(10)) };
        assert_eq!(graph.index_due_at(1), None);
        let other = IndexState { organization: hnsw, ..state(Presence::Valid(IndexKind::Ivf), Some(10)) };
        assert_eq!(other.index_due_at(1), Some(1));
        let none = IndexState { organization: Organization::None, ..state(Presence::Missing, None) };
        assert_eq!(none.index_due_at(1), None);
    }

    #[test]
    fn a_failed_build_is_not_tried_again_for_an_hour() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let failed = |minutes: u64| IndexState {
            now,
            failure: Some(Failure { at: now - Duration::from_secs(minutes * 60), reason: String::new() }),
            ..state(Presence::Missing, None)
        };
        assert_eq!(failed(59).index_due_at(5), None);
        assert_eq!(failed(60).index_due_at(5), Some(5));
    }

    #[test]
    fn a_long_count_is_repeated_less_often_than_a_short_one() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let counted = |ago: u64| IndexState {
            now,
            counted_at: Some(now - Duration::from_secs(ago)),
            ..state(Presence::Missing, None)
        };
        assert!(counted(0).may_count(10_000, Occasion::Regular));
        assert!(!counted(3_999).may_count(40_000_000, Occasion::Regular));
        assert!(counted(4_000).may_count(40_000_000, Occasion::Regular));
        assert!(counted(0).may_count(40_000_000, Occasion::AfterBulkWork));
    }
}
