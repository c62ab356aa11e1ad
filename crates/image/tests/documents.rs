//! Tests that the documents, scripts and settings of this repository that list the types of pictures agree with
//! [`FileType`].

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mitsuke_image::FileType;
use serde_json::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn media_types() -> BTreeSet<&'static str> {
    FileType::ALL.map(FileType::media_type).into()
}

/// Returns the words of `text` that begin with `prefix`. A word ends before the next character that `is_part` does not
/// take.
fn words<'t>(text: &'t str, prefix: &str, is_part: fn(char) -> bool) -> BTreeSet<&'t str> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            let word = &text[at..];
            let length = prefix.len() + word[prefix.len()..].find(|c| !is_part(c)).unwrap_or(word.len() - prefix.len());
            &word[..length]
        })
        .collect()
}

fn is_lower_case(c: char) -> bool {
    c.is_ascii_lowercase()
}

#[test]
fn the_openapi_document_lists_every_media_type() {
    let document: Value = serde_json::from_str(&read("openapi/openapi.json")).unwrap();
    let content = &document["paths"]["/images/{image_id}/content"]["get"]["responses"]["200"]["content"];
    assert_eq!(content.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), media_types());
    let filter = &document["components"]["schemas"]["FileType"]["enum"];
    assert_eq!(filter.as_array().unwrap().iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), media_types());
}

#[test]
fn the_page_on_searching_lists_every_media_type() {
    let page = read("docs/search.md");
    let row = page.lines().find(|line| line.starts_with("| `file_types` |")).expect("a row for file_types");
    assert_eq!(words(row, "image/", is_lower_case), media_types());
}

#[test]
fn the_page_on_the_api_shows_the_message_with_every_name() {
    let sentence = format!("Send a {} picture.", FileType::all_names());
    assert!(read("docs/api.md").contains(&sentence), "{sentence}");
}

#[test]
fn the_generator_of_the_python_client_takes_every_media_type_for_bytes() {
    assert_eq!(words(&read("clients/python/config.yaml"), "image/", is_lower_case), media_types());
}

#[test]
fn the_bulk_upload_script_finds_every_extension() {
    let script = read("scripts/bulk_upload.sh");
    let found: BTreeSet<_> = words(&script, "-iname '*.", is_lower_case)
        .into_iter()
        .map(|word| word.trim_start_matches("-iname '*."))
        .collect();
    assert_eq!(found, FileType::ALL.iter().flat_map(|t| t.extensions()).copied().collect());
}
