//! Tests of a whole model, with the tiny model.

use std::fs;
use std::path::PathBuf;

use image::Rgb;
use serde_json::{Value, json};

use super::*;
use crate::TINY_MODEL;

fn options() -> EncoderOptions {
    let precision = PrecisionChoice::Only(Precision::Float32);
    EncoderOptions { device: DeviceChoice::Cpu, precision, ..EncoderOptions::default() }
}

fn tiny() -> Encoder {
    Encoder::load(Path::new(TINY_MODEL), &options()).unwrap()
}

fn plain(color: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(50, 40, Rgb(color))
}

/// Copies the tiny model with one field of its manifest changed.
fn changed(at: &str, value: Value) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny");
    fs::create_dir_all(path.join("reference")).unwrap();
    for name in ["model.json", "image.pt", "image.int8.pt", "text.pt", "tokenizer.json", "reference/disc.png"] {
        fs::copy(Path::new(TINY_MODEL).join(name), path.join(name)).unwrap();
    }
    let mut json: Value = serde_json::from_slice(&fs::read(path.join("model.json")).unwrap()).unwrap();
    *json.pointer_mut(at).unwrap() = value;
    fs::write(path.join("model.json"), json.to_string()).unwrap();
    (folder, path)
}

fn refusal(at: &str, value: Value) -> String {
    let (_folder, path) = changed(at, value);
    Encoder::load(&path, &options()).err().unwrap().to_string()
}

#[tokio::test]
async fn texts_and_pictures_meet_in_one_space() {
    let encoder = tiny();
    let red = encoder.encode_image(encoder.preprocess(&plain([255, 0, 0])), Priority::Upload).await.unwrap();
    let blue = encoder.encode_image(encoder.preprocess(&plain([0, 0, 255])), Priority::Upload).await.unwrap();
    let query = encoder.encode_text("赤い車", Priority::Search).await.unwrap();
    assert_eq!(query.dimension(), encoder.manifest().vector_dimension);
    assert!(query.similarity(&red) > query.similarity(&blue) + 0.5);
    assert_eq!((encoder.text_stats().items, encoder.image_stats().items), (1, 2));
    assert_eq!((encoder.device(), encoder.precision()), (Device::Cpu, (Precision::Float32, Precision::Float32)));
}

#[tokio::test]
async fn a_vector_does_not_depend_on_its_batch() {
    let encoder = tiny();
    let words = ["赤", "青い海と空", "", "とても長い説明文がここにありますので切られます"];
    let mut alone = Vec::new();
    for text in words {
        alone.push(encoder.encode_text(text, Priority::Search).await.unwrap());
    }
    let [a, b, c, d] = words.map(|text| encoder.encode_text(text, Priority::Search));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    for (together, alone) in [a, b, c, d].into_iter().zip(alone) {
        assert!(together.unwrap().similarity(&alone) > 0.999_99);
    }
}

#[tokio::test]
async fn an_int8_tower_gives_the_vectors_of_the_full_tower() {
    let options = EncoderOptions { precision: PrecisionChoice::Only(Precision::Int8), ..options() };
    let (full, int8) = (tiny(), Encoder::load(Path::new(TINY_MODEL), &options).unwrap());
    // The tiny model has no text tower in int8, so that the full one runs.
    assert_eq!(int8.precision(), (Precision::Int8, Precision::Float32));
    assert!(int8.weight_bytes() > 0);
    for color in [[255, 0, 0], [0, 200, 90], [10, 10, 10]] {
        let image = full.preprocess(&plain(color));
        let found = int8.encode_image(image.clone(), Priority::Upload).await.unwrap();
        let expected = full.encode_image(image, Priority::Upload).await.unwrap();
        assert!(found.similarity(&expected) > Precision::Int8.minimum_cosine(), "{color:?}");
    }
}

#[tokio::test]
async fn auto_takes_int8_where_the_cpu_multiplies_it() {
    let options = EncoderOptions { precision: PrecisionChoice::Auto, ..options() };
    let encoder = Encoder::load(Path::new(TINY_MODEL), &options).unwrap();
    let fast = Device::Cpu.is_faster_with(Precision::Int8);
    assert_eq!(encoder.precision().0, if fast { Precision::Int8 } else { Precision::Float32 });
    assert_eq!(encoder.variant_times(), (&[][..], &[][..]));
}

#[test]
fn of_two_variants_that_the_cpu_is_fast_with_the_faster_runs() {
    let json: Value = serde_json::from_slice(&fs::read(Path::new(TINY_MODEL).join("model.json")).unwrap()).unwrap();
    let int8 = json["image"]["variants"][0].clone();
    // The second variant is the same file under another name, so that any of the two may be the faster one.
    let bfloat16 = json!({"file": int8["file"], "sha256": int8["sha256"], "precision": "bfloat16", "agreement": 1});
    let (_folder, path) = changed("/image/variants", json!([bfloat16, int8]));
    let encoder = Encoder::load(&path, &EncoderOptions { precision: PrecisionChoice::Auto, ..options() }).unwrap();
    let fast = |precision: &Precision| Device::Cpu.is_faster_with(*precision);
    let candidates: Vec<_> = [Precision::Bfloat16, Precision::Int8].into_iter().filter(fast).collect();
    let times = encoder.variant_times().0;
    match candidates.as_slice() {
        [] => assert_eq!((encoder.precision().0, times), (Precision::Float32, &[][..])),
        [only] => assert_eq!((encoder.precision().0, times), (*only, &[][..])),
        several => {
            let timed: Vec<_> = times.iter().map(|measured| measured.precision).collect();
            assert_eq!(timed, several);
            let fastest = times.iter().min_by_key(|measured| measured.time).unwrap();
            assert_eq!(encoder.precision().0, fastest.precision);
        }
    }
}

#[tokio::test]
async fn workers_share_the_weights_and_give_the_same_vectors() {
    let several = Encoder::load(Path::new(TINY_MODEL), &EncoderOptions { workers: WorkerCount::Fixed(3), ..options() });
    let (one, several) = (tiny(), several.unwrap());
    assert_eq!(several.workers(), 3);
    let colors: Vec<[u8; 3]> = (0..40).map(|i| [i * 6, 255 - i * 5, 90]).collect();
    let images = || colors.iter().map(|color| one.preprocess(&plain(*color)));
    for priority in Priority::ALL {
        let together: Vec<_> = images().map(|image| several.images.submit(image, priority).unwrap()).collect();
        for (image, answered) in images().zip(together) {
            let expected = one.encode_image(image, priority).await.unwrap();
            assert!(answered.await.unwrap().unwrap().similarity(&expected) > 0.999_99);
        }
    }
    assert_eq!(several.image_stats().items, 3 * 40);
}

#[tokio::test]
async fn a_text_that_is_searched_for_again_is_encoded_once() {
    let encoder = tiny();
    let search = |text| encoder.encode_text(text, Priority::Search);
    // Both texts have the same ids after cleaning.
    let (first, again) = tokio::join!(search("赤い車"), search(" 赤い車 "));
    assert_eq!(first, again);
    assert_eq!(search("赤い車").await, first);
    assert_ne!(search("青い海").await, first);
    assert_eq!(encoder.query_cache_stats(), CacheStats { hits: 2, misses: 2 });
    assert_eq!(encoder.text_stats().items, 2);
}

#[tokio::test]
async fn a_text_that_could_not_be_encoded_is_tried_again() {
    let encoder = Encoder::load(Path::new(TINY_MODEL), &EncoderOptions { queue_capacity: 1, ..options() }).unwrap();
    encoder.close();
    for _ in 0..2 {
        assert_eq!(encoder.encode_text("赤", Priority::Search).await, Err(EncodeError::Closed));
    }
    assert_eq!(encoder.query_cache_stats(), CacheStats { hits: 0, misses: 2 });
}

#[tokio::test]
async fn without_a_cache_every_text_is_encoded() {
    let encoder = Encoder::load(Path::new(TINY_MODEL), &EncoderOptions { query_cache: 0, ..options() }).unwrap();
    for _ in 0..2 {
        encoder.encode_text("赤", Priority::Search).await.unwrap();
    }
    assert_eq!((encoder.text_stats().items, encoder.query_cache_stats()), (2, CacheStats::default()));
}

#[tokio::test]
async fn an_image_prepared_for_another_model_is_refused() {
    let encoder = tiny();
    let mut other = encoder.manifest().image.preprocessing;
    other.height -= 1;
    let prepared = Preprocessor::new(&other).prepare(&plain([1, 2, 3]));
    let error = encoder.encode_image(prepared, Priority::Search).await.unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
}

#[tokio::test]
async fn a_closed_encoder_says_so() {
    let encoder = tiny();
    encoder.close();
    assert_eq!(encoder.encode_text("赤", Priority::Search).await, Err(EncodeError::Closed));
}

#[tokio::test]
async fn several_encoders_live_side_by_side() {
    let (one, other) = (tiny(), tiny());
    let (a, b) = tokio::join!(one.encode_text("青", Priority::Search), other.encode_text("青", Priority::Search));
    assert!(a.unwrap().similarity(&b.unwrap()) > 0.999_99);
}

#[test]
fn a_model_that_does_not_reproduce_its_references_is_refused_by_item_and_cosine() {
    let mut vector = vec![0.0; 32];
    vector[3] = 1.0;
    let error = refusal("/reference/texts/1/vector", json!(vector));
    assert!(error.contains("reference text \"青い海\" is not reproduced: cosine"), "{error}");
    let error = refusal("/reference/images/0/vector", json!(vector));
    assert!(error.contains("reference image reference/disc.png is not reproduced: cosine"), "{error}");
    // Wrong preprocessing is found as well.
    let error = refusal("/image/mean", json!([0.1, 0.5, 0.9]));
    assert!(error.contains("disc.png is not reproduced"), "{error}");
}

#[test]
fn a_model_of_another_shape_is_refused() {
    let error = refusal("/image/size", json!({"height": 20, "width": 20}));
    assert!(error.contains("the encoder fails on image reference/disc.png"), "{error}");
    let error = refusal("/text/inputs", json!(["input_ids"]));
    assert!(error.contains("the encoder fails on text \"赤い車\""), "{error}");
}

#[test]
fn a_file_that_is_no_module_is_refused_without_a_crash() {
    let (_folder, path) = changed("/text/file", json!("tokenizer.json"));
    let digest = Manifest::read(&path).unwrap().text.tokenizer.sha256;
    let mut json: Value = serde_json::from_slice(&fs::read(path.join("model.json")).unwrap()).unwrap();
    *json.pointer_mut("/text/sha256").unwrap() = json!(digest);
    fs::write(path.join("model.json"), json.to_string()).unwrap();
    let error = Encoder::load(&path, &options()).err().unwrap().to_string();
    assert!(error.contains("tokenizer.json cannot be used"), "{error}");
}

#[test]
fn cuda_is_used_where_it_is_and_named_where_it_is_missing() {
    let loaded = Encoder::load(Path::new(TINY_MODEL), &EncoderOptions { device: DeviceChoice::Cuda, ..options() });
    match loaded {
        Ok(encoder) => {
            assert_eq!((encoder.device(), encoder.precision().0), (Device::Cuda, Precision::Float16));
        }
        Err(error) => assert!(error.to_string().contains("CUDA was asked for"), "{error}"),
    }
}
