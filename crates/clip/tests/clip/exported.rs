//! Tests that load folders written by `scripts/export_model.py` and compare them with their originals from end to end.
//!
//! The models are tiny and random (`python/mitsuke_fixtures/exported_models.py`); `python/tests/test_families.py` checks
//! every family that the exporter knows.

use std::fs;
use std::path::{Path, PathBuf};

use mitsuke_clip::{
    CleaningStep, Crop, DeviceChoice, Encoder, EncoderOptions, Manifest, Padding, Precision, PrecisionChoice,
    TestCases, TextInput,
};

use crate::{data, repository};

fn folder(name: &str) -> PathBuf {
    repository("tests").join(name)
}

fn load(folder: &Path, precision: PrecisionChoice) -> Encoder {
    let options = EncoderOptions { device: DeviceChoice::Cpu, precision, ..EncoderOptions::default() };
    Encoder::load(folder, &options).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

async fn assert_reproduced(name: &str, precision: Precision, minimum: f32) {
    let encoder = load(&folder(name), PrecisionChoice::Only(precision));
    assert_eq!(encoder.precision(), (precision, precision));
    let (images, texts) = encoder.agreement();
    assert!(images >= minimum && texts >= minimum, "{name}: references {images} and {texts}");
    let report = TestCases::read(&folder(name).join("cases.json")).unwrap().compare(&encoder).await;
    assert!(report.images >= 6 && report.texts >= 12, "{report:?}");
    assert_eq!(report.failures, [""; 0], "{name}");
    assert!(report.image_agreement >= minimum && report.text_agreement >= minimum, "{name}: {report:?}");
}

#[tokio::test]
async fn a_model_like_japanese_stable_clip_is_reproduced_from_text_and_pixels_on() {
    assert_reproduced("exported_models/japanese", Precision::Float32, 0.9995).await;
}

#[tokio::test]
async fn a_model_like_openai_clip_is_reproduced_from_text_and_pixels_on() {
    assert_reproduced("exported_models/clip", Precision::Float32, 0.9995).await;
}

#[tokio::test]
async fn the_bf16_variant_agrees_with_the_original_as_well() {
    assert_reproduced("exported_models/clip", Precision::Bfloat16, 0.999).await;
}

#[test]
fn a_model_without_variants_runs_as_it_is_whatever_is_asked_for() {
    for name in ["other_models/wide", "exported_models/japanese"] {
        for choice in PrecisionChoice::ALL {
            assert_eq!(load(&folder(name), choice).precision(), (Precision::Float32, Precision::Float32), "{name}");
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
    for variants in [&clip.image.variants, &clip.text.variants] {
        let [variant] = variants.as_slice() else { panic!("{variants:?}") };
        assert_eq!(variant.precision, Precision::Bfloat16);
        assert!(variant.agreement.unwrap() >= 0.999, "{variant:?}");
    }
    for manifest in [japanese, clip] {
        assert_eq!(manifest.text.padding, Padding::Longest);
        let export = manifest.export.unwrap();
        assert!(export.image_agreement >= 0.9999 && export.text_agreement >= 0.9999, "{export:?}");
    }
}

/// Copies every file of a folder into another folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn a_folder_of_version_0_1_runs_its_bf16_files() {
    let (new, old) = (folder("exported_models/clip"), tempfile::tempdir().unwrap());
    copy(&new, old.path());
    fs::copy(data("exported_clip_0.1.json"), old.path().join(Manifest::FILE_NAME)).unwrap();
    assert_eq!(Manifest::read(old.path()).unwrap(), Manifest::read(&new).unwrap());
    let encoder = load(old.path(), PrecisionChoice::Only(Precision::Bfloat16));
    assert_eq!(encoder.precision(), (Precision::Bfloat16, Precision::Bfloat16));
}

#[test]
fn the_weights_in_memory_are_those_of_the_variant_that_runs() {
    let clip = folder("exported_models/clip");
    let size = |name: &str| fs::metadata(clip.join(name)).unwrap().len();
    for (precision, files) in
        [(Precision::Float32, ["image.pt", "text.pt"]), (Precision::Bfloat16, ["image.bf16.pt", "text.bf16.pt"])]
    {
        let encoder = load(&clip, PrecisionChoice::Only(precision));
        assert_eq!(encoder.weight_bytes(), files.map(size).iter().sum::<u64>(), "{precision}");
    }
}
