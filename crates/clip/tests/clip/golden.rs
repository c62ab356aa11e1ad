//! Tests that compare the Rust pipeline with the Python pipeline, over the cases that
//! `python/mitsuke_fixtures/golden.py` wrote.

use std::fs;

use mitsuke_clip::{DeviceChoice, Encoder, EncoderOptions, Priority};
use mitsuke_image::{DecodeLimits, decode};
use mitsuke_index::UnitVector;
use serde::Deserialize;

use crate::{data, repository};

/// The smallest cosine between a vector of Mitsuke and the vector of Python.
const MINIMUM_COSINE: f32 = 0.9995;
/// The size of one level of 255 in the tensor of the demo model, whose standard deviations are about a half.
const ONE_LEVEL: f32 = 2.0 / 255.0;
/// The difference up to which two values count as one level, because the file has five decimals.
const SAME_LEVEL: f32 = 1e-5;

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

fn golden() -> Golden {
    serde_json::from_slice(&fs::read(data("golden/golden.json")).unwrap()).unwrap()
}

fn demo() -> Encoder {
    let options = EncoderOptions { device: DeviceChoice::Cpu, ..EncoderOptions::default() };
    Encoder::load(&repository("models/demo"), &options).unwrap()
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
        let decoded = decode(&fs::read(data("golden").join(&case.file)).unwrap(), &DecodeLimits::default());
        let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error}", case.file));
        // `size` is the size of the picture in the file, before the EXIF orientation turns it. The tensor shows that
        // the picture was turned.
        let (width, height) = decoded.pixels.dimensions();
        if (width, height) != case.size && (height, width) != case.size {
            failures.push(format!("{}: {width} × {height} instead of {:?}", case.file, case.size));
            continue;
        }
        let prepared = encoder.preprocess(&decoded.pixels);
        let tensor = encoder.tensor(&prepared);
        let worst = case.sampled.iter().map(|s| (tensor[s.index] - s.value).abs()).fold(0.0, f32::max);
        let same_pixels = !case.file.ends_with(".jpg") && case.file != "png_rgb16.png";
        if worst > if same_pixels { SAME_LEVEL } else { 3.0 * ONE_LEVEL } {
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
