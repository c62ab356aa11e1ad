//! The organization of a vector index, in types whose values the database accepts.
//!
//! The ranges are those of the AI Vector Search User's Guide, "Inverted File Flat CREATE INDEX" and "Hierarchical
//! Navigable Small World Index Syntax and Parameters", and of the SQL Language Reference, "CREATE VECTOR INDEX".

use std::fmt;
use std::str::FromStr;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

/// The number of partitions of an inverted file.
pub type Partitions = Bounded<1, 10_000_000>;

/// The number of neighbours of a vector in a graph.
pub type Neighbors = Bounded<2, 2_048>;

/// The number of candidates that are considered when a vector is put into a graph.
pub type EfConstruction = Bounded<1, 65_535>;

/// The degree of parallelism with which an index is built. The guide names no upper end.
pub type Parallel = Bounded<1, 1_024>;

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// Returns the value that is nearest to a number.
    #[must_use]
    pub fn nearest(number: u64) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX).clamp(MIN, MAX))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<u32> for Bounded<MIN, MAX> {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if (MIN..=MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("it is {number}, and must be a whole number from {MIN} to {MAX}"))
        }
    }
}

impl<const MIN: u32, const MAX: u32> FromStr for Bounded<MIN, MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: u32 =
            text.parse().map_err(|_| format!("it is `{text}`, and must be a whole number from {MIN} to {MAX}"))?;
        Self::try_from(number)
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Bounded<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// An inverted file on disk (NEIGHBOR PARTITIONS).
    Ivf,
    /// A graph in memory (INMEMORY NEIGHBOR GRAPH).
    Hnsw,
    /// No index: every search compares all embeddings.
    None,
}

impl IndexKind {
    /// The names, in the order of the kinds.
    pub const NAMES: [&str; 3] = ["ivf", "hnsw", "none"];

    /// Returns the name, which settings, commands and EMBEDDING_MODELS use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ivf => "ivf",
            Self::Hnsw => "hnsw",
            Self::None => "none",
        }
    }
}

impl FromStr for IndexKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [Self::Ivf, Self::Hnsw, Self::None];
        kinds
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("it is `{text}`, and may be ivf, hnsw or none"))
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The number format to which a graph reduces the components of the embeddings, which have 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantization {
    /// Floats of 16 bits: half the memory.
    Float16,
    /// Whole numbers of 8 bits: a quarter of the memory.
    Int8,
}

impl Quantization {
    /// The names, in the order of the formats.
    pub const NAMES: [&str; 2] = ["float16", "int8"];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Float16 => "float16",
            Self::Int8 => "int8",
        }
    }

    /// Returns the compression ratio that makes this format out of FLOAT32.
    #[must_use]
    pub fn ratio(self) -> u32 {
        match self {
            Self::Float16 => 2,
            Self::Int8 => 4,
        }
    }
}

impl FromStr for Quantization {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Float16, Self::Int8];
        all.into_iter()
            .find(|one| one.name() == text)
            .ok_or_else(|| format!("it is `{text}`, and may be float16 or int8"))
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The shape of a graph. The two numbers come together, as the syntax has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graph {
    /// The number of neighbours of a vector.
    pub neighbors: Neighbors,
    /// The number of candidates that are considered when a vector is added.
    pub efconstruction: EfConstruction,
}

/// The organization of a model's vector index. What is left out is chosen for the number of rows, or by the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Organization {
    /// An inverted file on disk.
    Ivf {
        /// The number of partitions; `None` for the square root of the number of rows.
        partitions: Option<Partitions>,
        /// The degree of parallelism of a build.
        parallel: Option<Parallel>,
        /// Whether the index holds the facts that filters compare; `None` for what suits the release.
        include_facts: Option<bool>,
    },
    /// A graph in memory.
    Hnsw {
        /// The shape; `None` for that which the database derives from the target accuracy.
        graph: Option<Graph>,
        /// The reduced number format, if any.
        quantization: Option<Quantization>,
        /// The degree of parallelism of a build.
        parallel: Option<Parallel>,
        /// Whether the index holds the facts that filters compare; `None` for what suits the release.
        include_facts: Option<bool>,
    },
    /// No index.
    None,
}

impl Organization {
    /// Returns the organization of a kind with nothing chosen by hand.
    #[must_use]
    pub fn of_kind(kind: IndexKind) -> Self {
        match kind {
            IndexKind::Ivf => Self::Ivf { partitions: None, parallel: None, include_facts: None },
            IndexKind::Hnsw => Self::Hnsw { graph: None, quantization: None, parallel: None, include_facts: None },
            IndexKind::None => Self::None,
        }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> IndexKind {
        match self {
            Self::Ivf { .. } => IndexKind::Ivf,
            Self::Hnsw { .. } => IndexKind::Hnsw,
            Self::None => IndexKind::None,
        }
    }
}

/// A change of a model's organization. A kind begins with nothing chosen by hand; without a kind, what is not given
/// stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrganizationChange {
    /// The kind.
    pub kind: Option<IndexKind>,
    /// The number of partitions of an inverted file.
    pub partitions: Option<Partitions>,
    /// The shape of a graph.
    pub graph: Option<Graph>,
    /// The reduced number format of a graph.
    pub quantization: Option<Quantization>,
    /// The degree of parallelism of a build.
    pub parallel: Option<Parallel>,
    /// Whether the index holds the facts that filters compare.
    pub include_facts: Option<bool>,
}

impl OrganizationChange {
    /// Returns whether nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the changed organization.
    ///
    /// # Errors
    /// A sentence about a part of the change that the organization does not have.
    pub fn apply(&self, before: Organization) -> Result<Organization, String> {
        let refused = |option: &str, kind: IndexKind| {
            Err(format!("--{option} is not for the organization {kind}; leave it out, or give another --organization"))
        };
        let kind = self.kind.unwrap_or(before.kind());
        match self.kind.map_or(before, Organization::of_kind) {
            Organization::Ivf { .. } | Organization::None if self.graph.is_some() => refused("neighbors", kind),
            Organization::Ivf { .. } | Organization::None if self.quantization.is_some() => {
                refused("quantization", kind)
            }
            Organization::Hnsw { .. } | Organization::None if self.partitions.is_some() => refused("partitions", kind),
            Organization::None if self.parallel.is_some() => refused("parallel", kind),
            Organization::None if self.include_facts.is_some() => refused("include-facts", kind),
            Organization::Ivf { partitions, parallel, include_facts } => Ok(Organization::Ivf {
                partitions: self.partitions.or(partitions),
                parallel: self.parallel.or(parallel),
                include_facts: self.include_facts.or(include_facts),
            }),
            Organization::Hnsw { graph, quantization, parallel, include_facts } => Ok(Organization::Hnsw {
                graph: self.graph.or(graph),
                quantization: self.quantization.or(quantization),
                parallel: self.parallel.or(parallel),
                include_facts: self.include_facts.or(include_facts),
            }),
            Organization::None => Ok(Organization::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_their_range_are_refused_with_the_range() {
        assert_eq!("2".parse::<Neighbors>().map(Neighbors::get), Ok(2));
        for text in ["1", "2049", "-1", "two"] {
            assert!(
                text.parse::<Neighbors>().unwrap_err().ends_with("must be a whole number from 2 to 2048"),
                "{text}"
            );
        }
        assert_eq!(Partitions::nearest(0).get(), 1);
        assert_eq!(Partitions::nearest(u64::MAX).get(), 10_000_000);
    }

    #[test]
    fn every_name_is_read_as_what_it_names() {
        for name in IndexKind::NAMES {
            assert_eq!(name.parse::<IndexKind>().unwrap().name(), name);
        }
        for name in Quantization::NAMES {
            assert_eq!(name.parse::<Quantization>().unwrap().name(), name);
        }
        assert!("flat".parse::<IndexKind>().is_err() && "int4".parse::<Quantization>().is_err());
    }

    #[test]
    fn a_kind_begins_anew_and_a_single_option_changes_that_option() {
        let partitions = Partitions::nearest(64);
        let chosen = Organization::Ivf { partitions: Some(partitions), parallel: None, include_facts: Some(true) };
        let parallel = OrganizationChange { parallel: Some(Parallel::nearest(4)), ..OrganizationChange::default() };
        assert_eq!(
            parallel.apply(chosen),
            Ok(Organization::Ivf {
                partitions: Some(partitions),
                parallel: Some(Parallel::nearest(4)),
                include_facts: Some(true)
            })
        );
        let anew = OrganizationChange { kind: Some(IndexKind::Ivf), ..OrganizationChange::default() };
        assert_eq!(anew.apply(chosen), Ok(Organization::of_kind(IndexKind::Ivf)));
        assert_eq!(OrganizationChange::default().apply(chosen), Ok(chosen));
    }

    #[test]
    fn an_option_of_another_organization_is_refused() {
        let partitions =
            OrganizationChange { partitions: Some(Partitions::nearest(4)), ..OrganizationChange::default() };
        assert!(partitions.apply(Organization::of_kind(IndexKind::Hnsw)).unwrap_err().contains("--partitions"));
        let int8 = OrganizationChange { quantization: Some(Quantization::Int8), ..OrganizationChange::default() };
        assert!(int8.apply(Organization::of_kind(IndexKind::Ivf)).unwrap_err().contains("--quantization"));
        let none = OrganizationChange { kind: Some(IndexKind::None), ..int8 };
        assert!(none.apply(Organization::of_kind(IndexKind::Hnsw)).is_err());
    }
}
