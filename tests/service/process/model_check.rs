//! `mitsuke model check` on model folders that `scripts/export_model.py` wrote
//! (`python/mitsuke_fixtures/exported_models.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
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
fn the_check_command_describes_a_sound_folder_and_succeeds() {
    let path = folder("exported_models/clip");
    let cases = path.join("cases.json");
    let output = check(&[path.to_str().unwrap(), "--precision", "bfloat16", "--cases", cases.to_str().unwrap()]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    for line in [
        "model       exported-clip 1",
        "dimension   24",
        "precision   pictures bfloat16, texts bfloat16",
        "runs on     the CPU",
        "cases       6 pictures, lowest cosine 0.999",
    ] {
        assert!(printed.contains(line), "{line:?} is missing in\n{printed}");
    }
}

#[test]
fn the_check_command_fails_on_a_damaged_folder_and_names_the_file() {
    let copy = tempfile::tempdir().unwrap();
    for name in ["model.json", "image.pt", "image.bf16.pt", "text.pt", "text.bf16.pt", "tokenizer.json"] {
        fs::copy(folder("exported_models/clip").join(name), copy.path().join(name)).unwrap();
    }
    fs::create_dir(copy.path().join("reference")).unwrap();
    for name in ["reference/landscape.png", "reference/portrait.png"] {
        fs::copy(folder("exported_models/clip").join(name), copy.path().join(name)).unwrap();
    }
    assert!(check(&[copy.path().to_str().unwrap()]).status.success());
    // The command checks the variant that it does not load, too.
    let path = copy.path().join("text.bf16.pt");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = check(&[copy.path().to_str().unwrap(), "--precision", "float32"]);
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("text.bf16.pt has the SHA-256"), "{printed}");
}

#[test]
fn the_check_command_fails_on_cases_that_are_not_reproduced() {
    let path = folder("exported_models/japanese");
    let scratch = tempfile::tempdir().unwrap();
    let cases = scratch.path().join("cases.json");
    let vector: Vec<f32> = (0..16).map(|i| i as f32).collect();
    let wrong = serde_json::json!({"images": [], "texts": [{"text": "猫", "ids": [1, 2], "vector": vector}]});
    fs::write(&cases, wrong.to_string()).unwrap();
    let output = check(&[path.to_str().unwrap(), "--cases", cases.to_str().unwrap()]);
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("differs     \"猫\": its ids are") && printed.contains("differs     \"猫\": cosine"),
        "{printed}"
    );
}
