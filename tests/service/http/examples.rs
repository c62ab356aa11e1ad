//! The examples of the OpenAPI document work: Swagger UI sends them as they are.

use std::path::Path;

use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, file, spawn_with};
use crate::pictures::png;

/// The operation that refuses its example, because the only model of a new server is its current one.
const REFUSED: &str = "retire_model";

/// The lists of answers that an example must fill.
const FILLED: [&str; 9] =
    ["hits", "images", "image_ids", "embeddings", "known", "facets", "suggestions", "items", "queries"];

struct Operation<'a> {
    path: &'a str,
    method: Method,
    described: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |pair| (path, pair)));
    let mut operations: Vec<_> = all
        .map(|(path, (method, described))| Operation {
            path,
            method: method.to_uppercase().parse().unwrap(),
            described,
        })
        .collect();
    // The example that deletes comes last, because the others name the same images.
    operations.sort_by_key(|operation| operation.path.contains("delete") || operation.method == Method::DELETE);
    operations
}

/// Returns the schema that a reference leads to. A body that may be left out has the schema beside null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let schema = choices.into_iter().find(|choice| choice["$ref"].is_string()).unwrap_or(schema);
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Returns the example of a parameter; null without one.
fn example(parameter: &Value) -> &Value {
    if parameter["example"].is_null() { &parameter["schema"]["example"] } else { &parameter["example"] }
}

fn request(app: &TestApp, document: &Value, operation: &Operation<'_>) -> RequestBuilder {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parameters = operation.described["parameters"].as_array().cloned().unwrap_or_default();
    let mut path = operation.path.to_owned();
    let mut query = Vec::new();
    for parameter in &parameters {
        let (name, value) = (parameter["name"].as_str().unwrap(), example(parameter));
        match parameter["in"].as_str().unwrap() {
            "path" => path = path.replace(&format!("{{{name}}}"), &text(value)),
            "query" if !value.is_null() => query.push((name.to_owned(), text(value))),
            _ => {}
        }
    }
    let request = app.request(operation.method.clone(), &path).query(&query);
    let content = &operation.described["requestBody"]["content"];
    if let Some(json) = content.get("application/json") {
        let example = &resolved(document, &json["schema"])["example"];
        assert!(example.is_object(), "{path}: the body has no example");
        return request.json(example);
    }
    if content.get("multipart/form-data").is_some() {
        return request.multipart(Form::new().part("file", file("new.png", png(77))));
    }
    request
}

#[tokio::test]
async fn every_operation_answers_its_example_and_finds_something() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    let backup = tempfile::tempdir().unwrap();
    let app = spawn_with(&[
        ("MITSUKE_IMAGES_DIR", images.to_str().unwrap()),
        ("MITSUKE_BACKUP_DIR", backup.path().to_str().unwrap()),
    ]);
    let document = app.get("/openapi.json").await.json;
    for operation in operations(&document) {
        let name = operation.described["operationId"].as_str().unwrap();
        let answer = Answer::read(request(&app, &document, &operation).send().await.unwrap()).await;
        if name == REFUSED {
            answer.assert_problem(409, "model_is_current");
            continue;
        }
        assert!((200..300).contains(&answer.status), "{name}: {} {}", answer.status, answer.json);
        for list in FILLED {
            assert_ne!(answer.json[list], json!([]), "{name} finds nothing");
        }
    }
}

#[tokio::test]
async fn no_optional_field_of_a_request_is_filled_in() {
    let app = spawn_with(&[]);
    let document = app.get("/openapi.json").await.json;
    for operation in operations(&document) {
        for parameter in operation.described["parameters"].as_array().into_iter().flatten() {
            let optional = parameter["required"] != true && parameter["name"] != "q" && parameter["name"] != "size";
            assert!(!optional || example(parameter).is_null(), "{} {}", operation.path, parameter["name"]);
        }
        for (media_type, body) in operation.described["requestBody"]["content"].as_object().into_iter().flatten() {
            let schema = resolved(&document, &body["schema"]);
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (field, described) in schema["properties"].as_object().unwrap() {
                let filled_in = media_type == "multipart/form-data" && !described["example"].is_null();
                assert!(!filled_in || required.contains(&json!(field)), "{} {field}", operation.path);
            }
        }
    }
}

#[tokio::test]
async fn files_of_a_form_are_binary_one_by_one() {
    let app = spawn_with(&[]);
    let document = app.get("/openapi.json").await.json;
    for form in ["UploadForm", "ImageSearchForm"] {
        let files = &document["components"]["schemas"][form]["properties"]["file"];
        assert_eq!(resolved(&document, &files["items"])["format"], "binary", "{form}: {files}");
        assert!(files["format"].is_null(), "{form}: {files}");
    }
}
