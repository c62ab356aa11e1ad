//! The clauses of CREATE VECTOR INDEX, as the AI Vector Search User's Guide has them: "Inverted File Flat CREATE
//! INDEX", "Create IVF Index Online", "Included Columns", and "Hierarchical Navigable Small World Index Syntax and
//! Parameters".

use super::ast::VectorIndex;
use super::parser::Parser;
use crate::errors::{OraError, Result};

const DISTANCES: [&str; 7] = ["COSINE", "DOT", "EUCLIDEAN", "EUCLIDEAN_SQUARED", "L2_SQUARED", "MANHATTAN", "HAMMING"];

impl Parser<'_> {
    /// The clauses after the column.
    pub(super) fn vector_clauses(&mut self, index: &mut VectorIndex) -> Result<()> {
        if self.take("INCLUDE") {
            index.included = self.name_list()?;
        }
        self.take("GLOBAL");
        if self.take("ORGANIZATION") {
            index.in_memory = self.take("INMEMORY");
            let graph = self.take("NEIGHBOR GRAPH");
            if !graph && !self.take("NEIGHBOR PARTITIONS") {
                return Err(self.error(905, "missing keyword: NEIGHBOR PARTITIONS or NEIGHBOR GRAPH expected"));
            }
            if graph != index.in_memory {
                return Err(self.error(905, "missing keyword: a graph is INMEMORY, partitions are not"));
            }
        }
        if self.take("WITH DISTANCE") || self.take("DISTANCE") {
            index.distance = self.name()?;
            if !DISTANCES.contains(&index.distance.as_str()) {
                return Err(self.error(51817, "unknown distance"));
            }
        }
        if self.take("WITH TARGET ACCURACY") {
            self.number_within("ACCURACY", 1, 100)?;
        }
        if self.take("QUANTIZATION SCALAR COMPRESSION RATIO") {
            if !index.in_memory {
                return Err(self.error(905, "missing keyword: only a graph is quantized"));
            }
            let ratio = self.integer()?;
            // FLOAT32, which all vectors here are, becomes FLOAT16 or INT8.
            if ratio != 2 && ratio != 4 {
                return Err(OraError::unsupported("a compression ratio of FLOAT32 other than 2 and 4"));
            }
            index.quantized = true;
        }
        if self.take("PARAMETERS") {
            self.vector_parameters(index)?;
        }
        if self.take("PARALLEL") {
            self.number_within("PARALLEL", 1, i64::from(u16::MAX))?;
        }
        index.online = self.take("ONLINE");
        Ok(())
    }

    fn vector_parameters(&mut self, index: &mut VectorIndex) -> Result<()> {
        self.expect_symbol("(")?;
        self.expect("TYPE")?;
        self.expect(if index.in_memory { "HNSW" } else { "IVF" })?;
        while self.take_symbol(",") {
            if index.in_memory {
                if self.take("NEIGHBORS") || self.take("M") {
                    self.number_within("NEIGHBORS", 2, 2_048)?;
                } else {
                    self.expect("EFCONSTRUCTION")?;
                    self.number_within("EFCONSTRUCTION", 1, 65_535)?;
                }
            } else {
                self.expect("NEIGHBOR PARTITIONS")?;
                index.partitions = Some(self.number_within("NEIGHBOR PARTITIONS", 1, 10_000_000)?);
            }
        }
        self.expect_symbol(")")
    }

    fn number_within(&mut self, what: &str, min: i64, max: i64) -> Result<i64> {
        let number = self.integer()?;
        if (min..=max).contains(&number) {
            return Ok(number);
        }
        Err(OraError::unsupported(format_args!("{what} {number}; the guide's range is {min} to {max}")))
    }
}
