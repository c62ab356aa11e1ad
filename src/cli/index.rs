//! `mitsuke index`.

use std::error::Error;

use clap::{Args, Subcommand};
use mitsuke::config::{Flags, Settings};
use mitsuke::stores::StoreChoice;
use mitsuke_store::ModelId;
use mitsuke_store::oracle::{
    EfConstruction, Graph, IndexKind, IndexPlan, Neighbors, OrganizationChange, Parallel, Partitions, Quantization,
};

/// The actions on the vector indexes of an Oracle database.
#[derive(Subcommand)]
pub enum IndexCommand {
    /// Build or rebuild the vector index of a model now, or change how it is organized.
    Build(Build),
    /// Print what each kind of vector index costs, and its statements; needs no database.
    Plan(Plan),
}

/// The arguments of `mitsuke index build`.
#[derive(Args)]
#[command(after_long_help = "\
A server builds the index by itself once a model has MITSUKE_DB_INDEX_AFTER embeddings, and rebuilds it when there are \
four times as many as before. This command does it at once, and stores the choice for all servers.

Examples:
  mitsuke index build
  mitsuke index build --model 2 --organization ivf --partitions 500 --parallel 4
  mitsuke index build --organization hnsw --quantization int8
  mitsuke index build --organization none")]
pub struct Build {
    /// Id of the model; the current one unless given.
    #[arg(long, value_name = "ID")]
    model: Option<ModelId>,
    /// Kind of index: ivf, hnsw or none. A kind begins anew: options that are not given are automatic.
    #[arg(long, value_name = "KIND")]
    organization: Option<IndexKind>,
    /// Partitions of an inverted file (ivf).
    #[arg(long, value_name = "N")]
    partitions: Option<Partitions>,
    /// Degree of parallelism of the build.
    #[arg(long, value_name = "N")]
    parallel: Option<Parallel>,
    /// Neighbours of each embedding in a graph (hnsw).
    #[arg(long, value_name = "N", requires = "efconstruction")]
    neighbors: Option<Neighbors>,
    /// Candidates that are considered for each embedding of a graph (hnsw).
    #[arg(long, value_name = "N", requires = "neighbors")]
    efconstruction: Option<EfConstruction>,
    /// Number format of a graph (hnsw, 26ai): float16 or int8.
    #[arg(long, value_name = "FORMAT")]
    quantization: Option<Quantization>,
    /// Whether the index holds the facts that filters compare, true or false. An inverted file of 26ai with them is not
    /// rebuilt online; without a choice it goes without them.
    #[arg(long, value_name = "BOOL")]
    include_facts: Option<bool>,
    #[command(flatten)]
    pub flags: Flags,
}

/// The arguments of `mitsuke index plan`.
#[derive(Args)]
pub struct Plan {
    /// Images of the collection.
    #[arg(long, value_name = "N")]
    images: u64,
    /// Components of an embedding.
    #[arg(long, value_name = "N", default_value_t = 768, value_parser = clap::value_parser!(u16).range(1..))]
    dimension: u16,
    /// Id of the model, for the statements.
    #[arg(long, value_name = "ID", default_value_t = 1)]
    model: ModelId,
    /// Percent of the true nearest images that searches aim at.
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    accuracy: u8,
}

impl IndexCommand {
    /// Returns the settings on the command line.
    pub fn flags(&self) -> Option<&Flags> {
        match self {
            Self::Build(build) => Some(&build.flags),
            Self::Plan(_) => None,
        }
    }

    /// Runs the action to its end.
    ///
    /// # Errors
    /// The reason why it stopped, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Build(build) => build.run(),
            Self::Plan(plan) => {
                print!("{}", IndexPlan::new(plan.images, plan.dimension.into(), plan.model, plan.accuracy));
                Ok(())
            }
        }
    }
}

impl Build {
    fn run(self) -> Result<(), Box<dyn Error>> {
        let graph = self.neighbors.zip(self.efconstruction);
        let change = OrganizationChange {
            kind: self.organization,
            partitions: self.partitions,
            graph: graph.map(|(neighbors, efconstruction)| Graph { neighbors, efconstruction }),
            quantization: self.quantization,
            parallel: self.parallel,
            include_facts: self.include_facts,
        };
        let settings = Settings::from_flags(&self.flags)?;
        StoreChoice::new(&settings).build_index(self.model, &change, &mut |sentence| println!("{sentence}"))?;
        Ok(())
    }
}
