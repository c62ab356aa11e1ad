//! The round trips of the calls that a request makes, counted by the stand-in. docs/oracle.md shows these numbers.

use std::cell::Cell;

use mitsuke_index::UnitVector;
use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{
    EmbeddingStore as _, Facet, FacetStore as _, Filter, HybridSearch, ImageId, ImageStore as _, Inserted, Model,
    ModelStore as _, NewImage, NewModel, Page, SearchStore as _, Sha256, Sort, SortKey, SuggestionKind, VectorSearch,
    Weights,
};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure, RoundTrips};

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

    /// Runs `work` a second time, when no table has to be looked up any more, and returns the round trips of that run.
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
        let page = Page { filter: filter.clone(), exact, ..Page::first(PAGE) };
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
        let ids: Vec<_> = self.store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(self.store.images(&ids).unwrap().len(), PAGE);
        ids
    }

    fn hybrid_search(&self, filter: &Filter) {
        let model = self.store.current_model().unwrap().unwrap();
        let (query, terms) = (vector(0.1), ["cat".to_owned()]);
        let page = Page { filter: filter.clone(), ..Page::first(PAGE) };
        let search = HybridSearch {
            model_id: model.model_id,
            query: &query,
            terms: &terms,
            least: usize::MAX,
            exclude: &[],
            depth: DEPTH,
            weights: Weights::default(),
            min_similarity: None,
            page: &page,
        };
        let ids: Vec<_> = self.store.search_hybrid(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(self.store.images(&ids).unwrap().len(), PAGE);
    }

    fn vector_ids(&self) -> Vec<ImageId> {
        self.store.embeddings(self.model.model_id, None, PAGE).unwrap().into_iter().map(|(id, _)| id).collect()
    }

    /// Makes the calls of an upload: look the hash up, read the models, insert, read back.
    fn upload(&self, picture: &Picture) {
        assert!(self.store.image_by_sha256(&Sha256::of(&picture.bytes)).unwrap().is_none());
        assert_eq!(self.store.models().unwrap().len(), 1);
        let image_id = picture.insert(&self.store);
        let image = self.store.image(image_id).unwrap().unwrap();
        assert_eq!((image.caption, image.generation_prompt), (picture.caption.clone(), picture.prompt.clone()));
    }
}

/// Returns a filter that every tenth image passes.
fn wide() -> Filter {
    Filter { min_width: Some(WIDE), ..Filter::default() }
}

#[test]
fn a_search_takes_few_round_trips() {
    let all = Collection::new(IMAGES);
    let none = Filter::default();
    // The round trips are one for the current model, one for the search, and one for the images.
    assert_eq!(all.count("vector search of 16", || _ = all.vector_search(&none, false)).total(), 3);
    assert_eq!(all.count("filtered vector search", || _ = all.vector_search(&wide(), false)).total(), 3);
    assert_eq!(all.count("exact vector search", || _ = all.vector_search(&none, true)).total(), 3);
    // A hybrid search has one statement for each leg. Every image has the same score, so another statement settles which
    // of them the keyword leg holds.
    assert_eq!(all.count("hybrid search for a word of every image", || all.hybrid_search(&none)).total(), 5);
    // Fewer images pass than the legs are deep, so an exact search follows the approximate one.
    assert_eq!(all.count("filtered hybrid search", || all.hybrid_search(&wide())).total(), 5);
    let list = || assert_eq!(all.store.newest(&none, None, 51).unwrap().len(), 51);
    assert_eq!(all.count("list page of 50", list).total(), 2);
    let by_name = Sort { key: SortKey::Name, descending: false };
    let named = || assert_eq!(all.store.list(&none, by_name, None, 51).unwrap().len(), 51);
    assert_eq!(all.count("list page of 50 by name", named).total(), 2);
    let shapes = || assert_eq!(all.store.shapes(&none, by_name, None, 51).unwrap().len(), 51);
    assert_eq!(all.count("shapes of a list by name", shapes).total(), 1);
    assert_eq!(all.count("total", || _ = all.store.count(&wide()).unwrap()).total(), 1);
    let facets = || assert_eq!(all.store.facets(&wide(), &Facet::ALL, 20).unwrap().len(), 8);
    assert_eq!(all.count("all eight facets", facets).total(), 9);
    let suggest = || _ = all.store.suggestions("ca", &SuggestionKind::ALL, 10).unwrap();
    assert_eq!(all.count("suggestions of the three kinds", suggest).total(), 3);
}

#[test]
fn an_upload_takes_few_round_trips() {
    let collection = Collection::new(1);
    let next = Cell::new(0);
    let fresh = || {
        next.set(next.get() + 1);
        picture(&format!("upload {}", next.get()))
    };
    let model = &collection.model;
    // The round trips are for the hash, the models, the image, the caption, the embedding, the commit, the stored
    // image, and the words of a readable prompt.
    let whole = collection.count("upload with prompt, caption and one model", || {
        let generated = fresh().prompt("a cat, masterpiece").generation(r#"{"prompt": "a cat"}"#);
        collection.upload(&generated.caption("猫").embedded(model, vector(0.2)));
    });
    let captioned = collection.count("upload with caption and one model", || {
        collection.upload(&fresh().caption("猫").embedded(model, vector(0.2)));
    });
    let bare = collection.count("upload without texts and models", || collection.upload(&fresh()));
    assert_eq!((whole.total(), captioned.total(), bare.total()), (8, 7, 5));
    assert_eq!(whole.of("lob"), 0, "no temporary LOB is made");
}

#[test]
fn images_at_once_take_few_round_trips_each() {
    const AT_ONCE: usize = 100;
    let collection = Collection::new(1);
    let first = Cell::new(0);
    let trips = collection.count("100 images at once with prompt, caption, two tags and one model", || {
        first.set(first.get() + AT_ONCE);
        let pictures: Vec<_> = (first.get()..first.get() + AT_ONCE)
            .map(|n| {
                let generated = picture(&format!("import {n}")).prompt("a cat").generation(r#"{"prompt": "a cat"}"#);
                generated.caption("猫").tagged(&["cat", "動物"]).embedded(&collection.model, vector(0.2))
            })
            .collect();
        let images: Vec<NewImage<'_>> = pictures.iter().map(Picture::as_new).collect();
        let answers = collection.store.insert_images(&images).unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Inserted::Created(_)))));
    });
    // Each image has a statement for its row, its caption and its embedding; all of them share those for the hashes, the
    // tags, the words, and the commit.
    assert!((300..=320).contains(&trips.total()), "{trips}");
}

/// No live server has confirmed yet that it takes values for LOB columns as LONG beside RETURNING. A server that
/// refuses such values still stores every upload.
#[test]
fn a_database_that_refuses_long_values_gets_temporary_lobs() {
    let collection = Collection::new(1);
    let refusal = Failure::error("execute", 22816, "unsupported feature with RETURNING clause");
    collection.database.fail(&refusal.when("INSERT INTO IMAGES (").times(1));
    let first = ("refused", "20: 7 execute, 12 lob, 1 commit");
    let next = ("known to be refused", "19: 6 execute, 12 lob, 1 commit");
    for (name, trips) in [first, next] {
        let picture = picture(name).prompt("a cat").caption("猫").embedded(&collection.model, vector(0.2));
        collection.database.start_count();
        collection.upload(&picture);
        assert_eq!(collection.database.round_trips().to_string(), trips, "{name}");
    }
    assert_eq!(collection.store.count_images().unwrap(), 3);
}

/// Long texts are read as LOBs, which come with a fetch of their own.
#[test]
fn long_texts_take_one_round_trip_more() {
    let collection = Collection::new(2);
    let store = &collection.store;
    // 1,000 characters are short, and characters outside of the basic plane take the most bytes.
    let texts = [1, 999, 1_000, 1_001, 4_001, 70_000].map(|chars| "😀".repeat(chars));
    let ids: Vec<ImageId> = texts
        .iter()
        .map(|text| picture(&text.len().to_string()).caption(text).prompt(&text.replace('😀', "猫")).insert(store))
        .collect();
    let read = |ids: &[ImageId]| {
        for (image, image_id) in store.images(ids).unwrap().iter().zip(ids) {
            let text = &texts[ids.iter().position(|id| id == image_id).unwrap()];
            assert_eq!((image.image_id, image.caption.as_ref()), (*image_id, Some(text)));
            assert_eq!(image.generation_prompt.as_deref(), Some(text.replace('😀', "猫").as_str()));
        }
    };
    collection.database.start_count();
    read(&ids[..3]);
    assert_eq!(collection.database.round_trips().to_string(), "1: 1 execute");
    // The first long text is not expected and costs a second read. The store then expects long texts until a short one
    // comes.
    for (long, expected) in [(true, 3), (true, 2), (false, 2), (false, 1)] {
        collection.database.start_count();
        read(if long { &ids } else { &ids[..3] });
        assert_eq!(collection.database.round_trips().total(), expected, "long: {long}");
    }
}

#[test]
fn what_is_read_alone_takes_two_round_trips() {
    let collection = Collection::new(2);
    let (store, model_id) = (&collection.store, collection.model.model_id);
    let image_id = collection.vector_ids()[0];
    let content = collection.count("original", || _ = store.content(image_id).unwrap().unwrap());
    let embedding = collection.count("embedding", || _ = store.embedding(model_id, image_id).unwrap().unwrap());
    let embeddings = collection.count("embeddings", || _ = store.embeddings(model_id, None, 100).unwrap());
    assert_eq!([content.total(), embedding.total(), embeddings.total()], [2, 2, 2]);
}

#[test]
fn a_backfill_takes_few_round_trips() {
    let collection = Collection::new(IMAGES);
    let (store, database) = (&collection.store, &collection.database);
    let new = NewModel { model_name: "next".into(), model_version: "1".into(), vector_dimension: DIMENSION };
    let next = store.register_model(&new).unwrap().model_id;
    let missing = |model_id, after| store.images_without_embedding(model_id, after, true, 256).unwrap();
    let trips = |model_id, after| collection.count("missing", || _ = missing(model_id, after)).total();

    // A new model lacks every embedding: the first range holds a page.
    assert_eq!(missing(next, None).len(), 256);
    assert_eq!(trips(next, None), 2);
    // Where nothing is missing, two ranges cover the collection, and behind them there is no image.
    assert!(missing(collection.model.model_id, None).is_empty());
    assert_eq!(trips(collection.model.model_id, None), 5);
    // A gap is skipped, however wide it is.
    let last = collection.vector_ids()[0] + ImageId::try_from(IMAGES).unwrap() - 1;
    let other = database.connect();
    other.execute("DELETE FROM images WHERE image_id > 3 AND image_id < :1", &[&last]).unwrap();
    other.commit().unwrap();
    assert_eq!(missing(next, None), [1, 2, 3, last]);
    assert_eq!(missing(next, Some(3)), [last]);
    assert!(missing(next, Some(last)).is_empty());

    // The row's lock, the embedding, a recorded failure, the commit.
    store.put_embedding(next, 1, &vector(0.1)).unwrap();
    database.start_count();
    assert!(store.put_embedding(next, 2, &vector(0.1)).unwrap());
    assert_eq!(database.round_trips().to_string(), "4: 3 execute, 1 commit");
}
