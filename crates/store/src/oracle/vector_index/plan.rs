//! The costs of each organization of a vector index: pure arithmetic, for the command `mitsuke index plan` and the
//! doctor.
//!
//! The formulas are those of the AI Vector Search User's Guide. "Understand Inverted File Flat Vector Indexes": as many
//! partitions as the square root of the number of rows, of which a query reads the square root. "Inverted File Flat
//! Vector Indexes Partitioning Schemes": the partitions hold a copy of the vectors. "Size the Vector Pool": a graph
//! takes 1.3 × rows × components × bytes of a component, and the pool caches the centroids of an inverted file. "Scalar
//! Quantized HNSW Indexes": the memory of a quantized graph follows from its number format.

use std::fmt;

use super::ddl::{IndexDdl, Rebuild, Release};
use super::organization::{IndexKind, Organization, Partitions, Quantization};
use crate::ModelId;
use crate::oracle::rows::facts::FILTER_COLUMNS;
use crate::oracle::rows::models::VectorTable;

/// The bytes of a component: FLOAT32.
const COMPONENT_BYTES: u64 = 4;

/// Returns the number of partitions of an inverted file over this many rows.
pub(crate) fn partitions(rows: u64) -> Partitions {
    Partitions::nearest(rows.isqrt())
}

/// Returns the number of partitions that a query reads.
fn probes(partitions: u64) -> u64 {
    partitions.isqrt().max(1)
}

/// Returns the bytes of this many vectors.
pub(crate) fn vector_bytes(rows: u64, dimension: usize) -> u64 {
    rows.saturating_mul(dimension as u64).saturating_mul(COMPONENT_BYTES)
}

/// Returns the bytes of the Vector Pool that a graph takes.
pub(crate) fn graph_bytes(rows: u64, dimension: usize, quantization: Option<Quantization>) -> u64 {
    let ratio = u64::from(quantization.map_or(1, Quantization::ratio));
    (vector_bytes(rows, dimension) / ratio).saturating_mul(13) / 10
}

/// The cost of every organization for a number of images.
#[derive(Debug, Clone)]
pub struct IndexPlan {
    images: u64,
    accuracy: u8,
    table: VectorTable,
}

impl IndexPlan {
    /// Makes the plan for the table of a model with this many images.
    #[must_use]
    pub fn new(images: u64, dimension: usize, model_id: ModelId, accuracy: u8) -> Self {
        Self { images, accuracy: accuracy.min(99), table: VectorTable::new(model_id, dimension) }
    }

    fn ddl(&self, kind: IndexKind, release: Release) -> IndexDdl<'_> {
        IndexDdl {
            table: &self.table,
            organization: Organization::of_kind(kind),
            rows: self.images,
            accuracy: self.accuracy,
            facts: &FILTER_COLUMNS,
            release,
        }
    }

    fn bytes(&self, vectors: u64) -> String {
        bytes_text(vector_bytes(vectors, self.table.dimension))
    }

    fn ivf(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = u64::from(partitions(self.images).get());
        let (probes, size) = (probes(partitions), self.images.div_ceil(partitions));
        let compared = partitions + probes * size;
        writeln!(f, "ivf: an inverted file on disk")?;
        line(f, "partitions", &format!("{}, of {} rows each", grouped(partitions), grouped(size)))?;
        line(
            f,
            "read per query",
            &format!(
                "{} rows, {}: {} centroids and {} partitions",
                grouped(compared),
                self.bytes(compared),
                grouped(partitions),
                grouped(probes)
            ),
        )?;
        line(f, "memory", &format!("{} of the Vector Pool for the centroids, if it has room", self.bytes(partitions)))?;
        line(f, "disk", &format!("{}: a copy of the embeddings", self.bytes(self.images)))?;
        self.create(f, IndexKind::Ivf)?;
        for (label, release) in [("rebuild, 26ai", Release::FIRST_26AI), ("rebuild, 23ai", Release::FIRST)] {
            match self.ddl(IndexKind::Ivf, release).rebuild() {
                Rebuild::Online(sql) | Rebuild::Blocking(sql) => statement(f, label, &sql)?,
                Rebuild::Anew => {}
            }
        }
        Ok(())
    }

    fn hnsw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |quantization| bytes_text(graph_bytes(self.images, self.table.dimension, quantization));
        writeln!(f, "hnsw: a graph in memory")?;
        line(f, "read per query", "a small part of the graph; Oracle's documentation has no formula")?;
        line(
            f,
            "memory",
            &format!(
                "{} of the Vector Pool; quantized (26ai) {} as float16, {} as int8",
                bytes(None),
                bytes(Some(Quantization::Float16)),
                bytes(Some(Quantization::Int8))
            ),
        )?;
        line(f, "disk", "the edges of the graph, without embeddings; Oracle's documentation has no formula")?;
        self.create(f, IndexKind::Hnsw)?;
        line(f, "rebuild", "none: the database refreshes the graph by itself")
    }

    fn none(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "none: no index")?;
        line(f, "read per query", &format!("{} rows, {}: all", grouped(self.images), self.bytes(self.images)))?;
        line(f, "memory", "none")?;
        line(f, "disk", "none")
    }

    fn create(&self, f: &mut fmt::Formatter<'_>, kind: IndexKind) -> fmt::Result {
        for (label, release) in [("create, 26ai", Release::FIRST_26AI), ("create, 23ai", Release::FIRST)] {
            if let Some(sql) = self.ddl(kind, release).create().first() {
                statement(f, label, sql)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for IndexPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} embeddings of {} components take {} in {}.\n",
            grouped(self.images),
            self.table.dimension,
            self.bytes(self.images),
            self.table.name
        )?;
        self.ivf(f)?;
        writeln!(f)?;
        self.hnsw(f)?;
        writeln!(f)?;
        self.none(f)
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {label:<15} {text}")
}

fn statement(f: &mut fmt::Formatter<'_>, label: &str, sql: &str) -> fmt::Result {
    // A block ends with a semicolon of its own.
    line(f, label, &format!("{};", sql.trim_end_matches(';')))
}

/// Returns a number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of bytes in the unit that keeps it short.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
            if tenths >= 1_000 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_the_root_of_the_partitions() {
        let plan = IndexPlan::new(1_000_000, 768, 1, 95).to_string();
        assert!(plan.contains("1,000, of 1,000 rows each"), "{plan}");
        assert!(plan.contains("32,000 rows, 98.3 MB: 1,000 centroids and 31 partitions"), "{plan}");
        assert!(
            plan.contains("4.0 GB of the Vector Pool; quantized (26ai) 2.0 GB as float16, 998 MB as int8"),
            "{plan}"
        );
        assert!(plan.contains("1,000,000 rows, 3.1 GB: all"), "{plan}");
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_have_a_plan() {
        for images in [0, 1, u64::MAX] {
            assert!(IndexPlan::new(images, usize::MAX, 1, 100).to_string().contains("WITH TARGET ACCURACY 99"));
        }
    }

    #[test]
    fn numbers_are_grouped_and_bytes_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let bytes = [12, 1_500, 3_072_000_000, 399_360_000_000, u64::MAX].map(bytes_text);
        assert_eq!(bytes, ["12 bytes", "1.5 kB", "3.1 GB", "399 GB", "18446744 TB"]);
    }
}
