//! The Rust pipeline against the Python one, over the cases that `scripts/make_golden.py` wrote.

use std::fs;
use std::path::{Path, PathBuf};

use mitsuke::clip::{DeviceChoice, Encoder, EncoderOptions, Priority};
use mitsuke::image::{DecodeLimits, decode};
use mitsuke::vector::UnitVector;
use serde::Deserialize;

/// Smallest cosine between a vector of ours and Python's.
const MINIMUM_COSINE: f32 = 0.9995;
/// One level of 255 after division by the usual standard deviations, and a little for rounding in the file.
const ONE_LEVEL: f32 = 1.0 / 255.0 / 0.25 + 1e-4;

#[derive(Deserialize)]
struct Golden {
    images: Vec<GoldenImage>,
    texts: Vec<GoldenText>,
}

#[derive(Deserialize)]
struct GoldenImage {
    file: String,
    size: (u32, u32),
    sampled: Vec<Sample>,
    vector: Vec<f32>,
}

#[derive(Deserialize)]
struct Sample {
    index: usize,
    value: f32,
}

#[derive(Deserialize)]
struct GoldenText {
    text: String,
    ids: Vec<i64>,
    vector: Vec<f32>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn golden() -> Golden {
    serde_json::from_slice(&fs::read(folder("tests/golden/golden.json")).unwrap()).unwrap()
}

fn demo() -> Encoder {
    let options = EncoderOptions { device: DeviceChoice::Cpu, ..EncoderOptions::default() };
    Encoder::load(&folder("models/demo"), &options).unwrap()
}

#[tokio::test]
async fn texts_get_the_same_ids_and_vectors() {
    let encoder = demo();
    let mut failures = Vec::new();
    let mut lowest = 1.0_f32;
    for case in golden().texts {
        let ids = encoder.token_ids(&case.text).unwrap();
        if ids != case.ids {
            failures.push(format!("{:?}: ids {ids:?} instead of {:?}", case.text, case.ids));
            continue;
        }
        let vector = encoder.encode_text(&case.text, Priority::Search).await.unwrap();
        let cosine = vector.similarity(&UnitVector::normalize(case.vector).unwrap());
        lowest = lowest.min(cosine);
        if cosine < MINIMUM_COSINE {
            failures.push(format!("{:?}: cosine {cosine}", case.text));
        }
    }
    println!("lowest cosine over all texts: {lowest}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn pictures_get_the_same_pixels_and_vectors() {
    let encoder = demo();
    let mut failures = Vec::new();
    let mut lowest = 1.0_f32;
    for case in golden().images {
        let decoded = decode(&fs::read(folder("tests/golden").join(&case.file)).unwrap(), &DecodeLimits::default());
        let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error}", case.file));
        if decoded.pixels.dimensions() != case.size {
            failures.push(format!("{}: {:?} instead of {:?}", case.file, decoded.pixels.dimensions(), case.size));
            continue;
        }
        let prepared = encoder.preprocess(&decoded.pixels);
        let tensor = encoder.tensor(&prepared);
        let worst = case.sampled.iter().map(|s| (tensor[s.index] - s.value).abs()).fold(0.0, f32::max);
        // Decoders of JPEG and WebP may differ by a few levels; lossless formats and the scaling may not.
        let lossy = [".jpg", ".webp"].iter().any(|ending| case.file.ends_with(ending));
        if worst > if lossy { 4.0 * ONE_LEVEL } else { ONE_LEVEL } {
            failures.push(format!("{}: the tensor differs by {worst}", case.file));
        }
        let vector = encoder.encode_image(prepared, Priority::Search).await.unwrap();
        let cosine = vector.similarity(&UnitVector::normalize(case.vector).unwrap());
        println!("{}: tensor differs by at most {worst}, cosine {cosine}", case.file);
        lowest = lowest.min(cosine);
        if cosine < MINIMUM_COSINE {
            failures.push(format!("{}: cosine {cosine}", case.file));
        }
    }
    println!("lowest cosine over all pictures: {lowest}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
