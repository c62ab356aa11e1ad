//! A check of vector indexes that runs over the stand-in and on a real database.

use std::collections::HashSet;

use mitsuke_store::oracle::{IndexKind, OracleStore, OrganizationChange};
use mitsuke_store::{ImageId, Page, SearchStore as _, VectorSearch};
use mitsuke_store_testing::fixtures::*;

/// The number of images. Partitions of √400 rows are few, which is hard on an inverted file.
const IMAGES: usize = 400;

/// The number of nearest images that are compared.
const NEAREST: usize = 10;

/// Builds an index of a kind, rebuilds it, and requires that searches find nearly all of what a comparison of all
/// embeddings finds.
pub fn an_index_answers_like_all_embeddings(store: &OracleStore, kind: IndexKind) {
    let model = model(store, "indexed");
    for (n, vector) in scattered(IMAGES, 7).into_iter().enumerate() {
        picture(&n.to_string()).embedded(&model, vector).insert(store);
    }
    let chosen = OrganizationChange { kind: Some(kind), ..OrganizationChange::default() };
    for (step, change) in [("built", chosen), ("rebuilt", OrganizationChange::default())] {
        store.build_index(Some(model.model_id), &change, &mut |sentence| println!("{sentence}")).unwrap();
        let mut common = 0;
        let queries = scattered(20, 11);
        for query in &queries {
            let ids = |exact| -> HashSet<ImageId> {
                let page = Page { exact, ..Page::first(NEAREST) };
                let search = VectorSearch { model_id: model.model_id, query, exclude: &[], page: &page };
                store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
            };
            let (exact, approximate) = (ids(true), ids(false));
            assert_eq!((exact.len(), approximate.len()), (NEAREST, NEAREST));
            common += exact.intersection(&approximate).count();
        }
        let found = 100 * common / (queries.len() * NEAREST);
        assert!(found >= 80, "{kind}, {step}: {found} % of the nearest were found");
    }
}
