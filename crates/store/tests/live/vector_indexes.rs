//! Vector indexes: whether each kind is built, rebuilt, and finds what a comparison of all embeddings finds.

use std::collections::HashSet;

use mitsuke_store::oracle::{IndexKind, OracleStore, OrganizationChange};
use mitsuke_store::{ImageId, Page, SearchStore as _, VectorSearch};
use mitsuke_store_testing::fixtures::*;

use super::{Answer, Live};

/// The number of images. Partitions of √400 rows are few, which is hard on an inverted file.
const IMAGES: usize = 400;

/// The number of nearest images that are compared.
const NEAREST: usize = 10;

/// The smallest percentage of the nearest that an index finds.
const FOUND: usize = 80;

/// An inverted file.
pub fn inverted_file(live: &Live) -> Answer {
    answers_like_all_embeddings(&live.store(), IndexKind::Ivf)
}

/// A graph, which needs room in the Vector Pool (VECTOR_MEMORY_SIZE).
pub fn graph(live: &Live) -> Answer {
    answers_like_all_embeddings(&live.store(), IndexKind::Hnsw)
}

/// Builds an index of a kind, rebuilds it, and compares its answers with those of an exact search.
pub fn answers_like_all_embeddings(store: &OracleStore, kind: IndexKind) -> Answer {
    let model = model(store, "indexed");
    for (n, vector) in scattered(IMAGES, 7).into_iter().enumerate() {
        picture(&n.to_string()).embedded(&model, vector).insert(store);
    }
    let chosen = OrganizationChange { kind: Some(kind), ..OrganizationChange::default() };
    let mut remarks = Vec::new();
    for (step, change) in [("built", chosen), ("rebuilt", OrganizationChange::default())] {
        let built = store.build_index(Some(model.model_id), &change, &mut |sentence| println!("{sentence}"));
        if let Err(error) = built {
            return Answer::Refuted(format!("not {step}: {error}"));
        }
        let found = percentage_found(store, model.model_id);
        if found < FOUND {
            return Answer::Refuted(format!("{step}: {found} % of the nearest were found"));
        }
        remarks.push(format!("{step}: {found} % of the nearest"));
    }
    Answer::Confirmed(remarks.join(", "))
}

fn percentage_found(store: &OracleStore, model_id: mitsuke_store::ModelId) -> usize {
    let queries = scattered(20, 11);
    let common: usize = queries
        .iter()
        .map(|query| {
            let ids = |exact| -> HashSet<ImageId> {
                let page = Page { exact, ..Page::first(NEAREST) };
                let search = VectorSearch { model_id, query, exclude: &[], page: &page };
                store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
            };
            ids(true).intersection(&ids(false)).count()
        })
        .sum();
    100 * common / (queries.len() * NEAREST)
}
