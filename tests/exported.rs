//! Folders that `scripts/export_model.py` wrote: loaded, proven, and held against their originals from end to end.
//!
//! The models are tiny and random (`python/mitsuke_fixtures/exported_models.py`); `python/tests/test_families.py` checks
//! every family that the exporter knows.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mitsuke::clip::{
    Cases, CleaningStep, Crop, DeviceChoice, Encoder, EncoderOptions, Manifest, Padding, Precision, PrecisionChoice,
    TextInput,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn load(name: &str, precision: PrecisionChoice) -> Encoder {
    let options = EncoderOptions { device: DeviceChoice::Cpu, precision, ..EncoderOptions::default() };
    Encoder::load(&folder(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn assert_reproduced(name: &str, choice: PrecisionChoice, precision: Precision, minimum: f32) {
    let encoder = load(name, choice);
    assert_eq!(encoder.precision(), (precision, precision));
    let (images, texts) = encoder.agreement();
    assert!(images >= minimum && texts >= minimum, "{name}: references {images} and {texts}");
    let report = Cases::read(&folder(name).join("cases.json")).unwrap().compare(&encoder).await;
    assert!(report.images >= 6 && report.texts >= 12, "{report:?}");
    assert_eq!(report.failures, [""; 0], "{name}");
    assert!(report.image_agreement >= minimum && report.text_agreement >= minimum, "{name}: {report:?}");
}

#[tokio::test]
async fn a_model_like_japanese_stable_clip_is_reproduced_from_text_and_pixels_on() {
    assert_reproduced("exported_models/japanese", PrecisionChoice::Float32, Precision::Float32, 0.9995).await;
}

#[tokio::test]
async fn a_model_like_openai_clip_is_reproduced_from_text_and_pixels_on() {
    assert_reproduced("exported_models/clip", PrecisionChoice::Float32, Precision::Float32, 0.9995).await;
}

#[tokio::test]
async fn the_bf16_variant_agrees_with_the_original_as_well() {
    assert_reproduced("exported_models/clip", PrecisionChoice::Bfloat16, Precision::Bfloat16, 0.999).await;
}

#[test]
fn a_model_without_variants_runs_as_it_is_whatever_is_asked_for() {
    for name in ["models/tiny", "exported_models/japanese"] {
        for choice in [PrecisionChoice::Auto, PrecisionChoice::Bfloat16] {
            assert_eq!(load(name, choice).precision(), (Precision::Float32, Precision::Float32), "{name}");
        }
    }
}

#[test]
fn manifests_say_what_each_family_needs() {
    let japanese = Manifest::read(&folder("exported_models/japanese")).unwrap();
    assert_eq!(japanese.text.inputs, [TextInput::InputIds, TextInput::AttentionMask, TextInput::PositionIds]);
    assert_eq!(
        (japanese.text.prefix_ids.as_slice(), japanese.text.pad_id, japanese.text.context_length),
        (&[1][..], 3, 77)
    );
    assert!(japanese.text.cleaning.contains(&CleaningStep::Ftfy));
    assert_eq!(japanese.image.preprocessing.crop, Crop::CenterFloor);
    assert_eq!(japanese.image.preprocessing.mean, [0.5; 3]);
    let clip = Manifest::read(&folder("exported_models/clip")).unwrap();
    assert_eq!(clip.text.inputs, [TextInput::InputIds]);
    assert!(clip.image.bf16.as_ref().unwrap().agreement >= 0.999);
    assert!(clip.text.bf16.as_ref().unwrap().agreement >= 0.999);
    for manifest in [japanese, clip] {
        assert_eq!(manifest.text.padding, Padding::Longest);
        let export = manifest.export.unwrap();
        assert!(export.image_agreement >= 0.9999 && export.text_agreement >= 0.9999, "{export:?}");
    }
}

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mitsuke"))
        .args(["model", "check", "--device", "cpu"])
        .args(arguments)
        .env("RUST_LOG", "error")
        .output()
        .unwrap()
}

#[test]
fn the_check_command_tells_what_a_folder_is_and_ends_well() {
    let path = folder("exported_models/clip");
    let cases = path.join("cases.json");
    let output = check(&[path.to_str().unwrap(), "--precision", "bfloat16", "--cases", cases.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for line in [
        "model       exported-clip 1",
        "dimension   24",
        "precision   pictures bfloat16, texts bfloat16",
        "runs on     the CPU",
        "cases       6 pictures, lowest cosine 0.999",
    ] {
        assert!(said.contains(line), "{line:?} is missing in\n{said}");
    }
}

#[test]
fn the_check_command_fails_on_a_damaged_folder_and_names_the_file() {
    let copy = tempfile::tempdir().unwrap();
    for name in ["model.json", "image.pt", "image.bf16.pt", "text.pt", "text.bf16.pt", "tokenizer.json"] {
        std::fs::copy(folder("exported_models/clip").join(name), copy.path().join(name)).unwrap();
    }
    std::fs::create_dir(copy.path().join("reference")).unwrap();
    for name in ["reference/landscape.png", "reference/portrait.png"] {
        std::fs::copy(folder("exported_models/clip").join(name), copy.path().join(name)).unwrap();
    }
    assert!(check(&[copy.path().to_str().unwrap()]).status.success());
    // Not even the variant that is not loaded may differ.
    let path = copy.path().join("text.bf16.pt");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = check(&[copy.path().to_str().unwrap(), "--precision", "float32"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("text.bf16.pt has the SHA-256"), "{said}");
}

#[test]
fn the_check_command_fails_on_cases_that_are_not_reproduced() {
    let path = folder("exported_models/japanese");
    let scratch = tempfile::tempdir().unwrap();
    let cases = scratch.path().join("cases.json");
    let vector: Vec<f32> = (0..16).map(|i| i as f32).collect();
    let wrong = serde_json::json!({"images": [], "texts": [{"text": "猫", "ids": [1, 2], "vector": vector}]});
    std::fs::write(&cases, wrong.to_string()).unwrap();
    let output = check(&[path.to_str().unwrap(), "--cases", cases.to_str().unwrap()]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("differs     \"猫\": its ids are") && said.contains("differs     \"猫\": cosine"), "{said}");
}
