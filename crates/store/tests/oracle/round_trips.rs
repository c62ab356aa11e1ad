//! The round trips of the calls that a request makes, counted by the stand-in. docs/oracle.md shows these numbers.

use mitsuke_index::UnitVector;
use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{
    Filter, HybridSearch, ImageId, ImageStore as _, Model, ModelStore as _, NewModel, SearchStore as _, Sha256,
    VectorSearch,
};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, RoundTrips};

use crate::store;

/// The dimension of the vectors: that of the models which Mitsuke is made for.
const DIMENSION: usize = 768;

/// The number of images: more than the legs of a hybrid search are deep.
const IMAGES: usize = 1_100;

/// The depth of the legs of a hybrid search, as the service asks for it.
const DEPTH: usize = 1_000;

/// The size of a page.
const PAGE: usize = 16;

/// The width of every tenth image, which a filter asks for.
const WIDE: u32 = 1_024;

/// A store with a collection, in which every prompt holds the word "cat".
struct Collection {
    database: Database,
    store: OracleStore,
    model: Model,
}

fn vector(angle: f32) -> UnitVector {
    let mut components: Vec<f32> = (0..DIMENSION).map(|n| 1e-3 * (n as f32).sin()).collect();
    (components[0], components[1]) = (angle.cos(), angle.sin());
    UnitVector::normalize(components).unwrap()
}

impl Collection {
    fn new(images: usize) -> Self {
        let database = Database::temporary();
        let store = store(&database);
        let new = NewModel { model_name: "clip".into(), model_version: "1".into(), vector_dimension: DIMENSION };
        let model = store.register_model(&new).unwrap();
        for n in 0..images {
            let angle = 0.5 * (n as f32) / IMAGES as f32;
            let width = if n % 10 == 0 { WIDE } else { 640 };
            let picture =
                picture(&n.to_string()).at(n as i64).sized(width, 480).prompt("a cat, masterpiece").caption("猫");
            picture.generation(r#"{"prompt": "a cat"}"#).embedded(&model, vector(angle)).insert(&store);
        }
        Self { database, store, model }
    }

    /// Runs `work` a second time, when no table has to be looked up any more, and returns the round trips of it.
    fn count(&self, what: &str, work: impl Fn()) -> RoundTrips {
        work();
        self.database.start_count();
        work();
        let trips = self.database.round_trips();
        println!("{what}: {trips}");
        trips
    }

    fn vector_search(&self, filter: &Filter, exact: bool) -> Vec<ImageId> {
        let model = self.store.current_model().unwrap().unwrap();
        let query = vector(0.1);
        let search = VectorSearch {
            exact,
            model_id: model.model_id,
            query: &query,
            filter,
            exclude: &[],
            offset: 0,
            limit: PAGE,
        };
        let ids: Vec<_> = self.store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(self.store.images(&ids).unwrap().len(), PAGE);
        ids
    }

    fn hybrid_search(&self, filter: &Filter) {
        let model = self.store.current_model().unwrap().unwrap();
        let (query, terms) = (vector(0.1), ["cat".to_owned()]);
        let search = HybridSearch {
            exact: false,
            model_id: model.model_id,
            query: &query,
            terms: &terms,
            filter,
            exclude: &[],
            depth: DEPTH,
            vector_weight: 1.0,
            keyword_weight: 1.0,
            min_similarity: None,
            offset: 0,
            limit: PAGE,
        };
        let ids: Vec<_> = self.store.search_hybrid(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(self.store.images(&ids).unwrap().len(), PAGE);
    }

    /// The calls of an upload: look the hash up, read the models, insert, read back.
    fn upload(&self, picture: &Picture) {
        assert!(self.store.image_by_sha256(&Sha256::of(&picture.bytes)).unwrap().is_none());
        assert_eq!(self.store.models().unwrap().len(), 1);
        let image_id = picture.insert(&self.store);
        let image = self.store.image(image_id).unwrap().unwrap();
        assert_eq!((image.caption, image.generation_prompt), (picture.caption.clone(), picture.prompt.clone()));
    }
}

/// A filter that every tenth image passes.
fn wide() -> Filter {
    Filter { min_width: Some(WIDE), ..Filter::default() }
}

#[test]
fn a_search_takes_few_round_trips() {
    let all = Collection::new(IMAGES);
    all.count("vector search of 16", || _ = all.vector_search(&Filter::default(), false));
    all.count("filtered vector search", || _ = all.vector_search(&wide(), false));
    all.count("exact vector search", || _ = all.vector_search(&Filter::default(), true));
    all.count("hybrid search", || all.hybrid_search(&Filter::default()));
    all.count("filtered hybrid search", || all.hybrid_search(&wide()));
    all.count("list page of 50", || assert_eq!(all.store.newest(&Filter::default(), None, 51).unwrap().len(), 51));
}

#[test]
fn an_upload_takes_few_round_trips() {
    let collection = Collection::new(1);
    let next = std::cell::Cell::new(0);
    let fresh = || {
        next.set(next.get() + 1);
        picture(&format!("upload {}", next.get()))
    };
    let model = &collection.model;
    collection.count("upload with caption, prompt and one model", || {
        let generated = fresh().prompt("a cat, masterpiece").generation(r#"{"prompt": "a cat"}"#);
        collection.upload(&generated.caption("猫").embedded(model, vector(0.2)));
    });
    collection.count("upload with caption and one model", || {
        collection.upload(&fresh().caption("猫").embedded(model, vector(0.2)));
    });
    collection.count("bare upload", || collection.upload(&fresh()));
}
