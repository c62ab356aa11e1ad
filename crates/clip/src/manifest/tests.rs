//! Tests of the manifest: which values are accepted, and that every error names its field.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::{Precision, TINY_MODEL};

/// Returns the tiny manifest without its variants.
fn tiny() -> Value {
    let bytes = fs::read(Path::new(TINY_MODEL).join(Manifest::FILE_NAME)).unwrap();
    let mut json: Value = serde_json::from_slice(&bytes).unwrap();
    json["image"].as_object_mut().unwrap().remove("variants");
    json
}

/// Makes an item of `variants`.
fn bfloat16_variant(file: &str) -> Value {
    json!({"file": file, "sha256": "ab".repeat(32), "precision": "bfloat16", "agreement": 0.9998})
}

/// Makes a calibration of 32 dimensions, with `value` at the JSON pointer `at`.
fn relevance(at: &str, value: Value) -> Value {
    let right = json!({"intercept": 2.0, "similarity": 6.5, "gap": -19.0});
    let text = json!({"direction": vec![0.5; 32], "answered": {"intercept": -2.5, "best": 28.0}, "right": right});
    let mut json = json!({"deviation": 0.06, "text": text, "image": right});
    let (parent, name) = at.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[name] = value;
    json
}

/// Returns the field and the reason of the error about the tiny manifest with `value` at the JSON pointer `at`.
fn complaint(at: &str, value: Value) -> (String, String) {
    let mut json = tiny();
    let (parent, name) = at.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{at}"),
    }
    match Manifest::from_json(json) {
        Err(ClipError::Manifest { field, reason }) => (field, reason),
        other => panic!("{at}: {other:?}"),
    }
}

#[test]
fn the_tiny_manifest_is_read_as_it_stands() {
    let manifest = Manifest::read(Path::new(TINY_MODEL)).unwrap();
    assert_eq!((manifest.model_name.as_str(), manifest.vector_dimension), ("tiny", 32));
    assert_eq!(manifest.image.full.precision, Precision::Float16);
    assert_eq!(manifest.image.preprocessing.resize, Resize::ShortestEdge { size: 36 });
    assert_eq!(manifest.text.inputs, [TextInput::InputIds, TextInput::AttentionMask, TextInput::PositionIds]);
    assert_eq!((manifest.text.prefix_ids, manifest.text.suffix_ids), (vec![1], vec![2]));
    let [int8] = manifest.image.variants.as_slice() else { panic!("the tower has one variant") };
    assert_eq!((int8.precision, int8.quantization.method), (Precision::Int8, Some(QuantizationMethod::Plain)));
    assert_eq!(manifest.reference.images[0].file.name.as_str(), "reference/disc.png");
}

#[test]
fn every_complaint_names_its_field() {
    let bfloat16 = bfloat16_variant("x.pt");
    let mut wrong_cosine = bfloat16.clone();
    wrong_cosine["agreement"] = json!(1.5);
    let mut misspelt = bfloat16.clone();
    misspelt["agrement"] = json!(1.0);
    let mut misplaced = bfloat16.clone();
    misplaced["method"] = json!("plain");
    let mut wrong_method = misplaced.clone();
    wrong_method["precision"] = json!("int8");
    wrong_method["method"] = json!("rounded");
    let mut wrong_error = wrong_method.clone();
    wrong_error["method"] = json!("mixed");
    wrong_error["centred_error"] = json!(-0.01);
    for (at, value, field, reason) in [
        ("/format", json!(2), "format", "this version reads format 1"),
        ("/format", json!("1"), "format", "invalid type"),
        ("/vector_dimension", json!(0), "vector_dimension", "from 1 to 65533"),
        ("/vector_dimension", json!(-1), "vector_dimension", "invalid value"),
        ("/vector_dimension", json!(31), "reference.texts[0].vector", "it has 32 numbers, `vector_dimension` is 31"),
        ("/model_name", json!(" "), "model_name", "1 to 200 characters"),
        ("/model_version", json!("1\n2"), "model_version", "control character"),
        ("/image", json!([]), "image", "must be an object"),
        ("/image/file", json!("../image.pt"), "image.file", "relative path below the model folder"),
        ("/image/file", json!("/etc/passwd"), "image.file", "relative path"),
        ("/image/file", json!("a/../../b"), "image.file", "relative path"),
        ("/image/file", json!("..\\image.pt"), "image.file", "relative path"),
        ("/image/file", json!(""), "image.file", "relative path"),
        ("/image/sha256", json!("abc"), "image.sha256", "64 hex digits"),
        ("/image/sha256", json!("g".repeat(64)), "image.sha256", "64 hex digits"),
        ("/image/stored_precision", json!("int4"), "image.stored_precision", "unknown variant `int4`"),
        ("/image/stored_precision", json!("int8"), "image.stored_precision", "belongs in `variants`"),
        ("/image/interpolation", json!("nearest"), "image.interpolation", "expected one of `bicubic`"),
        ("/image/crop", json!("top"), "image.crop", "unknown variant"),
        ("/image/crop", json!("none"), "image.crop", "always gives 32 × 32"),
        ("/image/resize", json!({"mode": "fit", "size": 3}), "image.resize", "unknown variant `fit`"),
        ("/image/resize", json!({"mode": "exact"}), "image.resize", "missing field `size`"),
        ("/image/resize", json!({"mode": "exact", "size": 31}), "image.resize", "smaller than the crop"),
        ("/image/resize", json!({"mode": "exact", "size": 1_000_000}), "image.resize", "from 1 to 4096"),
        ("/image/size/height", json!(0), "image.size.height", "from 1 to 4096"),
        ("/image/size/depth", json!(3), "image.size.depth", "no such field"),
        ("/image/mean", json!([0.5, 0.5]), "image.mean", "invalid length 2"),
        ("/image/std", json!([0.5, 0.0, 0.5]), "image.std", "above 0"),
        ("/image/colour", json!(1), "image.colour", "no such field"),
        ("/image/variants", json!({}), "image.variants", "invalid type"),
        ("/image/variants", json!([1]), "image.variants[0]", "must be an object"),
        ("/image/variants", json!([{"file": "x.pt"}]), "image.variants[0].precision", "missing"),
        ("/image/variants", json!([{"precision": "int4"}]), "image.variants[0].precision", "unknown variant `int4`"),
        ("/image/variants", json!([wrong_method]), "image.variants[0].method", "unknown variant `rounded`"),
        ("/image/variants", json!([wrong_error]), "image.variants[0].centred_error", "a number from 0 on"),
        ("/text/variants", json!([misplaced]), "text.variants[0].method", "no such field"),
        (
            "/image/variants",
            json!([{"precision": "float16"}]),
            "image.variants[0].precision",
            "another file in float16",
        ),
        ("/text/variants", json!([bfloat16, bfloat16]), "text.variants[1].precision", "another file in bfloat16"),
        ("/text/variants", json!([wrong_cosine]), "text.variants[0].agreement", "must be a cosine"),
        ("/text/variants", json!([misspelt]), "text.variants[0].agrement", "no such field"),
        ("/image/bf16", json!({"file": "x.pt", "sha256": "ab"}), "image.bf16.sha256", "64 hex digits"),
        ("/text/bf16", json!(null), "text.bf16", "must be an object"),
        ("/text/bf16", json!({"file": "x.pt", "sha256": "ab".repeat(32)}), "text.bf16.agreement", "missing"),
        ("/relevance", json!(1), "relevance", "must be an object"),
        ("/relevance", relevance("/deviation", json!(0)), "relevance.deviation", "above 0"),
        ("/relevance", relevance("/text", Value::Null), "relevance.text", "must be an object"),
        ("/relevance", relevance("/text/direction", json!([1])), "relevance.text.direction", "it has 1 numbers"),
        (
            "/relevance",
            relevance("/text/direction", json!(vec![1e39; 32])),
            "relevance.text.direction",
            "32-bit floats",
        ),
        ("/relevance", relevance("/text/answered/best", json!(-1)), "relevance.text.answered.best", "at least 0"),
        ("/relevance", relevance("/text/right/similarity", json!(-1)), "relevance.text.right.similarity", "at least 0"),
        ("/relevance", relevance("/text/right/intercept", json!(-1e39)), "relevance.text.right.intercept", "32-bit"),
        ("/relevance", relevance("/image/gap", json!(1)), "relevance.image.gap", "at most 0"),
        ("/relevance", relevance("/image/best", json!(1)), "relevance.image.best", "no such field"),
        ("/export", json!({"source": "a"}), "export.revision", "missing"),
        ("/image/resize", json!({"mode": "exact", "size": 36, "fill": [0, 0, 0]}), "image.resize", "unknown field"),
        ("/text/tokenizer/file", json!(".."), "text.tokenizer.file", "relative path"),
        ("/text/cleaning", json!(["nfkc", "stem"]), "text.cleaning", "unknown variant `stem`"),
        ("/text/context_length", json!(2), "text.context_length", "no room beside 2 prefix and suffix ids"),
        ("/text/context_length", json!(0), "text.context_length", "from 1 to 32768"),
        ("/text/prefix_ids", json!([-1]), "text.prefix_ids", "invalid value"),
        ("/text/inputs", json!(["attention_mask"]), "text.inputs", "`input_ids` must be among them"),
        ("/text/inputs", json!(["input_ids", "input_ids"]), "text.inputs", "named twice"),
        ("/text/inputs", json!(["token_type_ids"]), "text.inputs", "unknown variant"),
        ("/text/padding", json!("none"), "text.padding", "unknown variant"),
        ("/reference/texts", json!([]), "reference.texts", "at least one text"),
        ("/reference/images", json!([]), "reference.images", "at least one picture"),
        ("/reference/texts/1/vector", json!(vec![0.0; 32]), "reference.texts[1].vector", "no direction"),
        ("/reference/images/0/file", json!("../x.png"), "reference.images[0].file", "relative path"),
    ] {
        let (found_field, found_reason) = complaint(at, value);
        assert_eq!(found_field, field, "{at}: {found_reason}");
        assert!(found_reason.contains(reason), "{at}: {found_reason}");
    }
}

#[test]
fn optional_fields_are_read_where_they_are() {
    let mut json = tiny();
    let manifest = Manifest::from_json(json.clone()).unwrap();
    assert_eq!((manifest.image.variants, manifest.text.variants), (vec![], vec![]));
    assert_eq!((manifest.relevance, manifest.export), (None, None));
    json["image"]["variants"] = json!([bfloat16_variant("image.bf16.pt")]);
    json["image"]["resize"] = json!({"mode": "longest_edge_pad", "size": 36, "fill": [0, 1, 2]});
    json["image"]["crop"] = json!("center_floor");
    json["text"]["cleaning"] = json!(["underscores_to_spaces", "remove_punctuation"]);
    json["relevance"] = relevance("/image", json!({"intercept": -3.5, "similarity": 6.0, "gap": 0.0}));
    json["export"] = json!({"source": "a/b", "revision": null, "image_agreement": 1.0, "text_agreement": 0.99999});
    let manifest = Manifest::from_json(json).unwrap();
    let [variant] = manifest.image.variants.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((variant.file.name.as_str(), variant.precision), ("image.bf16.pt", Precision::Bfloat16));
    assert_eq!(variant.agreement, Some(0.9998));
    assert_eq!(manifest.image.preprocessing.resize, Resize::LongestEdgePad { size: 36, fill: [0, 1, 2] });
    assert_eq!(manifest.image.preprocessing.crop, Crop::CenterFloor);
    assert_eq!(manifest.export.as_ref().unwrap().revision, None);
    let relevance = manifest.relevance.as_ref().unwrap();
    assert_eq!(relevance.text.direction, [0.5; 32]);
    assert_eq!(relevance.text.answered, Answered { intercept: -2.5, best: 28.0 });
    assert_eq!(relevance.image, Some(RightHit { intercept: -3.5, similarity: 6.0, gap: 0.0 }));
    let files: Vec<&str> = manifest.files().iter().map(|(field, _)| *field).collect();
    assert!(files.contains(&"image.variants.file"), "{files:?}");
}

#[test]
fn a_tower_keeps_its_variants_in_their_order() {
    let mut json = tiny();
    let float32 = json!({"file": "t.pt", "sha256": "cd".repeat(32), "precision": "float32", "agreement": 1});
    json["image"]["variants"] = json!([bfloat16_variant("image.bf16.pt"), float32]);
    let manifest = Manifest::from_json(json).unwrap();
    let precisions: Vec<Precision> = manifest.image.variants.iter().map(|variant| variant.precision).collect();
    assert_eq!(precisions, [Precision::Bfloat16, Precision::Float32]);
}

#[test]
fn an_int8_variant_may_say_how_it_was_made() {
    let mut json = tiny();
    let mut variant = bfloat16_variant("image.int8.pt");
    variant["precision"] = json!("int8");
    json["text"]["variants"] = json!([variant]);
    variant["method"] = json!("mixed");
    variant["centred_error"] = json!(0.021);
    variant["kept_float32"] = json!(3);
    json["image"]["variants"] = json!([variant]);
    let manifest = Manifest::from_json(json).unwrap();
    assert_eq!(manifest.text.variants[0].quantization, Quantization::default());
    let Quantization { method, centred_error, kept_float32 } = manifest.image.variants[0].quantization;
    assert_eq!((method, centred_error, kept_float32), (Some(QuantizationMethod::Mixed), Some(0.021), Some(3)));
}

#[test]
fn the_bf16_object_of_version_0_1_means_a_list_of_one_variant() {
    let (mut old, mut new) = (tiny(), tiny());
    for (tower, file) in [("image", "image.bf16.pt"), ("text", "text.bf16.pt")] {
        let mut variant = bfloat16_variant(file);
        new[tower]["variants"] = json!([variant]);
        variant.as_object_mut().unwrap().remove("precision");
        old[tower]["bf16"] = variant;
    }
    let mut both = old.clone();
    assert_eq!(Manifest::from_json(old).unwrap(), Manifest::from_json(new).unwrap());

    both["image"]["variants"] = json!([]);
    let error = Manifest::from_json(both).unwrap_err().to_string();
    assert!(error.contains("`image.bf16`: the list `variants` takes its place"), "{error}");
}

#[test]
fn no_field_may_be_missing() {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            found.push(format!("{at}/{name}"));
            pointers(value, &format!("{at}/{name}"), found);
        }
    }
    let mut all = Vec::new();
    pointers(&tiny(), "", &mut all);
    assert!(all.len() > 30);
    for at in all {
        let mut json = tiny();
        let (parent, name) = at.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        let error = Manifest::from_json(json).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("missing"), "{at}: {error}");
    }
}

#[test]
fn a_missing_or_changed_file_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(Path::new(TINY_MODEL).join(name), to).unwrap();
    };
    let error = Manifest::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("model.json cannot be read"), "{error}");
    ["model.json", "image.pt", "image.int8.pt", "text.pt", "tokenizer.json"].into_iter().for_each(copy);
    let error = Manifest::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("reference.images.file") && error.contains("no file `reference/disc.png`"), "{error}");
    copy("reference/disc.png");
    let manifest = Manifest::read(folder.path()).unwrap();
    manifest.verify_files(folder.path()).unwrap();

    let mut bytes = fs::read(folder.path().join("text.pt")).unwrap();
    bytes[1_000] ^= 1;
    fs::write(folder.path().join("text.pt"), bytes).unwrap();
    let error = manifest.verify_files(folder.path()).unwrap_err().to_string();
    assert!(error.contains("text.pt has the SHA-256"), "{error}");

    fs::write(folder.path().join("model.json"), "{").unwrap();
    let error = Manifest::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("model.json is not JSON"), "{error}");
}
