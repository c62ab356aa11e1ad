//! The statements that make, rebuild and drop a vector index.
//!
//! Their syntax is that of the AI Vector Search User's Guide: "Inverted File Flat CREATE INDEX", "Create IVF Index
//! Online", "Inverted File Flat ALTER INDEX", "Included Columns", "Hierarchical Navigable Small World Index Syntax and
//! Parameters" and "REBUILD_INDEX".

use oracle::Connection;

use super::organization::{Organization, Parallel, Partitions};
use super::plan;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::rows::models::VectorTable;

/// The largest number of columns that an index may include.
const MAX_INCLUDED: usize = 31;

/// The release of the database, as far as vector indexes depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Release {
    major: i32,
    minor: i32,
}

impl Release {
    /// The first release with vectors.
    pub(crate) const FIRST: Self = Self { major: 23, minor: 0 };

    /// The first release with the name 26ai.
    pub(crate) const FIRST_26AI: Self = Self { major: 23, minor: 26 };

    /// Asks a database.
    pub(crate) fn of(connection: &Connection) -> Result<Self, OracleError> {
        let (version, _) = connection.server_version().map_err(DriverError::from)?;
        Ok(Self { major: version.major(), minor: version.minor() })
    }

    /// Returns whether the release is 26ai or newer.
    pub(crate) fn is_26ai(self) -> bool {
        (self.major, self.minor) >= (Self::FIRST_26AI.major, Self::FIRST_26AI.minor)
    }
}

/// The way in which an index is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebuild {
    /// By a statement that lets rows of the table change meanwhile.
    Online(String),
    /// By a statement that keeps rows of the table from changing.
    Blocking(String),
    /// By dropping the index and making it again.
    Anew,
}

/// An index that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexDdl<'a> {
    pub(crate) table: &'a VectorTable,
    pub(crate) organization: Organization,
    /// The number of rows that the table holds.
    pub(crate) rows: u64,
    /// The percentage of the true nearest rows that the index is made for.
    pub(crate) accuracy: u8,
    /// The columns whose values the index may hold too, so that filters need not read the table.
    pub(crate) facts: &'a [&'a str],
    pub(crate) release: Release,
}

impl IndexDdl<'_> {
    /// Returns the name of the index.
    pub(crate) fn name(&self) -> String {
        index_name(self.table)
    }

    /// Returns the number of partitions of an inverted file. The number is always given, because the database's own
    /// choice may not fit into the space of the Free edition.
    pub(crate) fn partitions(&self) -> Partitions {
        match self.organization {
            Organization::Ivf { partitions: Some(chosen), .. } => chosen,
            _ => plan::partitions(self.rows),
        }
    }

    /// Returns the same inverted file with a quarter of the partitions.
    pub(crate) fn with_fewer_partitions(self) -> Self {
        let Organization::Ivf { parallel, include_facts, .. } = self.organization else { return self };
        let partitions = Some(Partitions::nearest(u64::from(self.partitions().get() / 4)));
        Self { organization: Organization::Ivf { partitions, parallel, include_facts }, ..self }
    }

    /// Returns the statements that make the index, the best first. A later one lacks a clause that a release may
    /// refuse.
    pub(crate) fn create(&self) -> Vec<String> {
        match self.organization {
            Organization::Ivf { parallel, .. } => {
                let mut statements = Vec::new();
                // An index with included columns cannot be made online.
                if !self.included().is_empty() {
                    statements.push(self.ivf(self.included(), parallel, ""));
                }
                if self.release.is_26ai() {
                    statements.push(self.ivf(&[], parallel, " ONLINE"));
                }
                statements.push(self.ivf(&[], parallel, ""));
                statements
            }
            Organization::Hnsw { .. } => {
                let mut statements = Vec::new();
                if !self.included().is_empty() {
                    statements.push(self.hnsw(self.included()));
                }
                statements.push(self.hnsw(&[]));
                statements
            }
            Organization::None => Vec::new(),
        }
    }

    /// Returns the columns whose values the index holds. Without a choice these are the facts where the index keeps
    /// uploads waiting while it is made anyway; an inverted file of 26ai goes without them, because it could not be made
    /// and rebuilt online otherwise. Graphs take included columns from 26ai on.
    fn included(&self) -> &[&str] {
        let (chosen, suitable) = match self.organization {
            Organization::Ivf { include_facts, .. } => (include_facts, !self.release.is_26ai()),
            Organization::Hnsw { include_facts, .. } => (include_facts, self.release.is_26ai()),
            Organization::None => (None, false),
        };
        if chosen.unwrap_or(suitable) { self.facts.get(..MAX_INCLUDED).unwrap_or(self.facts) } else { &[] }
    }

    /// Returns whether rows of the table may change while the index is made.
    pub(crate) fn is_created_online(&self) -> bool {
        self.release.is_26ai() && self.included().is_empty() && matches!(self.organization, Organization::Ivf { .. })
    }

    fn start(&self, included: &[&str]) -> String {
        let include = if included.is_empty() { String::new() } else { format!(" INCLUDE ({})", included.join(", ")) };
        format!("CREATE VECTOR INDEX {} ON {} (embedding){include}", self.name(), self.table.name)
    }

    fn ivf(&self, included: &[&str], parallel: Option<Parallel>, online: &str) -> String {
        format!(
            "{} ORGANIZATION NEIGHBOR PARTITIONS DISTANCE DOT WITH TARGET ACCURACY {} \
             PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS {}){}{online}",
            self.start(included),
            self.accuracy,
            self.partitions(),
            parallel_clause(parallel)
        )
    }

    fn hnsw(&self, included: &[&str]) -> String {
        let Organization::Hnsw { graph, quantization, parallel, .. } = self.organization else { return String::new() };
        let quantization =
            quantization.map_or_else(String::new, |q| format!(" QUANTIZATION SCALAR COMPRESSION RATIO {}", q.ratio()));
        let graph = graph.map_or_else(String::new, |graph| {
            format!(" PARAMETERS (TYPE HNSW, NEIGHBORS {}, EFCONSTRUCTION {})", graph.neighbors, graph.efconstruction)
        });
        format!(
            "{} ORGANIZATION INMEMORY NEIGHBOR GRAPH DISTANCE DOT WITH TARGET ACCURACY {}{quantization}{graph}{}",
            self.start(included),
            self.accuracy,
            parallel_clause(parallel)
        )
    }

    /// Returns the way in which an index of this organization is rebuilt.
    ///
    /// ALTER INDEX calculates the number of partitions anew, so it is not for a number that somebody has chosen.
    /// REBUILD_INDEX gets every parameter, because by its name alone it would keep the number of partitions, and the
    /// default of its metric is not the metric of the searches.
    pub(crate) fn rebuild(&self) -> Rebuild {
        match self.organization {
            // A rebuild online is not for an index with included columns (error help of ORA-51926).
            Organization::Ivf { partitions: None, parallel, .. } if self.is_created_online() => {
                Rebuild::Online(format!("ALTER INDEX {} REBUILD ONLINE{}", self.name(), parallel_clause(parallel)))
            }
            Organization::Ivf { parallel, .. } if !self.release.is_26ai() => {
                let included = self.included();
                let include = if included.is_empty() { "NULL".to_owned() } else { format!("'{}'", included.join(",")) };
                Rebuild::Blocking(format!(
                    "BEGIN DBMS_VECTOR.REBUILD_INDEX(idx_name => '{}', table_name => '{}', \
                     idx_vector_col => 'EMBEDDING', idx_include_cols => {include}, idx_partitioning_scheme => 'GLOBAL', \
                     idx_organization => 'NEIGHBOR PARTITIONS', idx_distance_metric => 'DOT', idx_accuracy => {}, \
                     idx_parameters => '{{\"type\" : \"IVF\", \"partitions\" : {}}}', idx_parallel_creation => {}); END;",
                    self.name().to_uppercase(),
                    self.table.name.to_uppercase(),
                    self.accuracy,
                    self.partitions(),
                    parallel.map_or(1, Parallel::get)
                ))
            }
            _ => Rebuild::Anew,
        }
    }
}

/// Returns the name of the vector index of a table.
pub(crate) fn index_name(table: &VectorTable) -> String {
    format!("{}_vec", table.name)
}

/// Returns the statement that drops the vector index of a table.
pub(crate) fn drop_index(table: &VectorTable) -> String {
    format!("DROP INDEX {}", index_name(table))
}

fn parallel_clause(parallel: Option<Parallel>) -> String {
    parallel.map_or_else(String::new, |degree| format!(" PARALLEL {degree}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::vector_index::organization::{EfConstruction, Graph, IndexKind, Neighbors, Quantization};

    fn ddl(table: &VectorTable, organization: Organization, release: Release) -> IndexDdl<'_> {
        IndexDdl { table, organization, rows: 1_000_000, accuracy: 95, facts: &[], release }
    }

    #[test]
    fn an_inverted_file_always_says_how_many_partitions_it_has() {
        let table = VectorTable::new(7, 768);
        let automatic = ddl(&table, Organization::of_kind(IndexKind::Ivf), Release::FIRST);
        assert_eq!(
            automatic.create(),
            ["CREATE VECTOR INDEX image_embeddings_7_vec ON image_embeddings_7 (embedding) ORGANIZATION NEIGHBOR \
              PARTITIONS DISTANCE DOT WITH TARGET ACCURACY 95 PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS 1000)"]
        );
        assert!(automatic.with_fewer_partitions().create()[0].contains("NEIGHBOR PARTITIONS 250)"));
        let empty = IndexDdl { rows: 0, ..automatic };
        assert!(empty.with_fewer_partitions().create()[0].contains("NEIGHBOR PARTITIONS 1)"));
    }

    #[test]
    fn a_clause_that_a_release_may_refuse_is_left_out_at_last() {
        let table = VectorTable::new(7, 768);
        let parallel = Some(Parallel::nearest(4));
        let organization = Organization::Ivf { partitions: None, parallel, include_facts: Some(true) };
        let with_columns =
            IndexDdl { facts: &["file_type", "width"], ..ddl(&table, organization, Release::FIRST_26AI) };
        let create = with_columns.create();
        assert!(create[0].contains("(embedding) INCLUDE (file_type, width) ORGANIZATION"), "{}", create[0]);
        assert!(create[0].ends_with("PARALLEL 4") && create[1].ends_with("PARALLEL 4 ONLINE"), "{create:?}");
        assert!(create[2].ends_with("PARALLEL 4") && !create[2].contains("INCLUDE"), "{create:?}");
        let many: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let most = IndexDdl { facts: &many, ..with_columns };
        assert!(most.create()[0].contains("c30)"), "31 columns are the most that the database takes");
    }

    #[test]
    fn an_index_holds_the_facts_unless_that_would_keep_uploads_waiting() {
        let table = VectorTable::new(7, 768);
        let holds_facts = |kind, release, chosen: Option<bool>| {
            let organization = match Organization::of_kind(kind) {
                Organization::Ivf { partitions, parallel, .. } => {
                    Organization::Ivf { partitions, parallel, include_facts: chosen }
                }
                other => other,
            };
            let ddl = IndexDdl { facts: &["width"], ..ddl(&table, organization, release) };
            ddl.create()[0].contains(" INCLUDE (width)")
        };
        assert!(holds_facts(IndexKind::Ivf, Release::FIRST, None));
        assert!(!holds_facts(IndexKind::Ivf, Release::FIRST_26AI, None));
        assert!(holds_facts(IndexKind::Ivf, Release::FIRST_26AI, Some(true)));
        assert!(!holds_facts(IndexKind::Ivf, Release::FIRST, Some(false)));
        assert!(!holds_facts(IndexKind::Hnsw, Release::FIRST, None));
        assert!(holds_facts(IndexKind::Hnsw, Release::FIRST_26AI, None));
    }

    #[test]
    fn a_graph_says_what_was_chosen() {
        let table = VectorTable::new(1, 768);
        let chosen = Organization::Hnsw {
            graph: Some(Graph { neighbors: Neighbors::nearest(40), efconstruction: EfConstruction::nearest(500) }),
            quantization: Some(Quantization::Int8),
            parallel: Some(Parallel::nearest(2)),
            include_facts: None,
        };
        assert_eq!(
            ddl(&table, chosen, Release::FIRST_26AI).create(),
            ["CREATE VECTOR INDEX image_embeddings_1_vec ON image_embeddings_1 (embedding) ORGANIZATION INMEMORY \
              NEIGHBOR GRAPH DISTANCE DOT WITH TARGET ACCURACY 95 QUANTIZATION SCALAR COMPRESSION RATIO 4 PARAMETERS \
              (TYPE HNSW, NEIGHBORS 40, EFCONSTRUCTION 500) PARALLEL 2"]
        );
        let plain = ddl(&table, Organization::of_kind(IndexKind::Hnsw), Release::FIRST).create();
        assert!(plain[0].ends_with("NEIGHBOR GRAPH DISTANCE DOT WITH TARGET ACCURACY 95"), "{plain:?}");
    }

    #[test]
    fn each_release_rebuilds_in_its_own_way() {
        let table = VectorTable::new(1, 8);
        let automatic = Organization::of_kind(IndexKind::Ivf);
        assert_eq!(
            ddl(&table, automatic, Release::FIRST_26AI).rebuild(),
            Rebuild::Online("ALTER INDEX image_embeddings_1_vec REBUILD ONLINE".to_owned())
        );
        let Rebuild::Blocking(block) = ddl(&table, automatic, Release::FIRST).rebuild() else { panic!("no block") };
        assert!(block.contains("idx_distance_metric => 'DOT', idx_accuracy => 95"), "{block}");
        assert!(block.contains(r#"'{"type" : "IVF", "partitions" : 1000}'"#), "{block}");
        let chosen =
            Organization::Ivf { partitions: Some(Partitions::nearest(64)), parallel: None, include_facts: None };
        assert_eq!(ddl(&table, chosen, Release::FIRST_26AI).rebuild(), Rebuild::Anew);
        assert_eq!(ddl(&table, Organization::of_kind(IndexKind::Hnsw), Release::FIRST).rebuild(), Rebuild::Anew);
    }
}
