//! `model.json`: a manifest that is accepted names files below its folder only, and has every number in its range.

use std::path::{Component, Path};

use mitsuke_clip::Manifest;

/// Reads an input as a manifest.
///
/// # Panics
/// When a manifest is accepted whose files lie elsewhere or whose digests are none.
pub fn model_json(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let read = Manifest::from_json(json.clone());
    let Ok(manifest) = read else {
        let told = read.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(!told.is_empty());
        return;
    };
    assert!((1..=65_533).contains(&manifest.vector_dimension));
    assert!(!manifest.model_name.is_empty() && !manifest.model_version.is_empty());
    for (field, file) in manifest.files() {
        let is_below = |name: &Path| name.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(is_below(file.name.as_path()), "{field}: {}", file.name.as_str());
        let is_digest = file.sha256.len() == 64 && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_digest, "{field}: {}", file.sha256);
    }
    assert_eq!(Manifest::from_json(json).ok(), Some(manifest), "the same text is the same manifest");
}
