//! `mitsuke export`.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn, spawn_with};
use crate::pictures::{jpeg, png};
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::{Output, Workspace, finish, signal};

fn start(workspace: &Workspace, server: &str, more: &[&str]) -> Child {
    workspace.subcommand("export", &[&["out", "--server", server], more].concat()).spawn().unwrap()
}

/// Exports into the folder `out` and asserts the exit status.
fn export(workspace: &Workspace, server: &str, more: &[&str], code: i32) -> Output {
    let output = finish(start(workspace, server, more));
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

/// Returns the lines of the JSON Lines file.
fn document(workspace: &Workspace) -> Vec<Value> {
    let text = fs::read_to_string(workspace.path("out/mitsuke-export.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the paths of all files below a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect()
}

/// Returns an app with this number of pictures `0.png` and so on, whose ids begin with 1.
async fn filled(count: u32) -> TestApp {
    let app = spawn();
    for seed in 0..count {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
    app
}

/// Returns whether a request asks for the original of this image.
fn asks_for(request: &proxy::Request, image_id: i64) -> bool {
    request.line == format!("GET /images/{image_id}/content")
}

fn content_requests(proxy: &Proxy, images: i64) -> usize {
    (1..=images).map(|id| proxy.count(&format!("GET /images/{id}/content"))).sum()
}

#[tokio::test]
async fn the_originals_and_everything_that_is_known_of_them_are_exported_and_a_second_run_fetches_nothing() {
    let (app, workspace) = (spawn(), Workspace::new());
    let form = Form::new().text("source_path", "2024/京都/海.jpg").text("caption", "夕焼けの海").text("tags", "海");
    app.post_form("/images", form.part("file", file("海.jpg", jpeg(1)))).await;
    app.add("b.png", png(2)).await;
    let proxy = Proxy::before(&app.url, |_, _| Action::Forward);

    export(&workspace, &proxy.url, &[], 0).assert_row(2, "fetched");
    assert_eq!(fs::read(workspace.path("out/pictures/2024/京都/海.jpg")).unwrap(), jpeg(1));
    assert_eq!(fs::read(workspace.path("out/pictures/b.png")).unwrap(), png(2));
    let lines = document(&workspace);
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["version"], &lines[0]["images"]),
        (&json!("export"), &json!(1), &json!(2))
    );
    for (line, file) in lines[1..3].iter().zip(["pictures/2024/京都/海.jpg", "pictures/b.png"]) {
        let mut image = app.get(&format!("/images/{}", line["image_id"])).await.json;
        let facts = image.as_object_mut().unwrap();
        for name in ["links", "upload_date", "texts_shortened"] {
            facts.remove(name).unwrap();
        }
        facts.extend([("kind".to_owned(), json!("image")), ("file".to_owned(), json!(file))]);
        assert_eq!(line, &image);
    }
    assert_eq!(lines[3], json!({"kind": "end", "images": 2, "left_out": 0}));

    let fetched = content_requests(&proxy, 2);
    let again = export(&workspace, &proxy.url, &[], 0);
    again.assert_row(2, "there already, with the right bytes");
    assert_eq!((content_requests(&proxy, 2), document(&workspace).len()), (fetched, 4));
    assert_eq!(files(&workspace.path("out")), ["mitsuke-export.jsonl", "pictures/2024/京都/海.jpg", "pictures/b.png"]);
}

#[tokio::test]
async fn after_a_kill_the_next_run_continues_and_everything_is_whole() {
    let (app, workspace) = (filled(30).await, Workspace::new());
    let proxy = Proxy::before(&app.url, |request, _| {
        if request.line.ends_with("/content") {
            std::thread::sleep(Duration::from_millis(20));
        }
        Action::Forward
    });
    let mut child = start(&workspace, &proxy.url, &["--jobs", "2"]);
    while content_requests(&proxy, 30) < 10 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-KILL");
    assert_eq!(finish(child).code, None);
    assert!(!workspace.path("out/mitsuke-export.jsonl").exists(), "an unfinished export has no such file");

    let before = files(&workspace.path("out/pictures")).len();
    let output = export(&workspace, &proxy.url, &[], 0);
    output.assert_row(u32::try_from(before).unwrap(), "there already");
    for seed in 0..30 {
        assert_eq!(fs::read(workspace.path(&format!("out/pictures/{seed}.png"))).unwrap(), png(seed));
    }
    assert_eq!(document(&workspace).len(), 32);
    assert_eq!(files(&workspace.path("out")).len(), 31, "nothing unfinished is left");
}

#[tokio::test]
async fn ctrl_c_ends_the_run_and_the_next_one_continues() {
    let (app, workspace) = (filled(3).await, Workspace::new());
    let proxy = Proxy::before(&app.url, |request, _| if asks_for(request, 3) { Action::Hang } else { Action::Forward });
    let child = start(&workspace, &proxy.url, &["--jobs", "1"]);
    while proxy.count("GET /images/3/content") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-INT");
    let output = finish(child);
    assert_eq!(output.code, Some(130), "{output:#?}");
    output.assert_prints("interrupted; the same command continues from here");
    let output = export(&workspace, &app.url, &[], 0);
    output.assert_row(2, "there already");
    output.assert_row(1, "fetched");
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_ended() {
    let (app, workspace) = (filled(1).await, Workspace::new());
    let proxy = Proxy::before(&app.url, |request, before| match before {
        0 if asks_for(request, 1) => Action::Cut(40),
        1 if asks_for(request, 1) => {
            assert!(request.head.to_lowercase().contains("range: bytes=40-"), "{}", request.head);
            Action::Forward
        }
        _ => Action::Forward,
    });
    export(&workspace, &proxy.url, &[], 0).assert_row(1, "fetched");
    assert_eq!(fs::read(workspace.path("out/pictures/0.png")).unwrap(), png(0));
    assert_eq!(proxy.count("GET /images/1/content"), 2);
}

#[tokio::test]
async fn a_beginning_with_other_bytes_is_fetched_again() {
    let (app, workspace) = (filled(1).await, Workspace::new());
    workspace.write("out/.unfinished/1", [7; 40]);
    export(&workspace, &app.url, &[], 0).assert_row(1, "fetched");
    assert_eq!(fs::read(workspace.path("out/pictures/0.png")).unwrap(), png(0));
}

#[tokio::test]
async fn files_that_have_changed_are_fetched_again() {
    let (app, workspace) = (filled(3).await, Workspace::new());
    export(&workspace, &app.url, &[], 0);
    let mut flipped = png(0);
    flipped[50] ^= 1;
    workspace.write("out/pictures/0.png", flipped);
    workspace.write("out/pictures/1.png", "short");
    let output = export(&workspace, &app.url, &[], 0);
    output.assert_row(2, "fetched");
    output.assert_row(1, "there already");
    for seed in 0..3 {
        assert_eq!(fs::read(workspace.path(&format!("out/pictures/{seed}.png"))).unwrap(), png(seed));
    }
}

#[tokio::test]
async fn pictures_of_one_name_get_their_ids_and_a_name_has_no_character_that_a_file_system_refuses() {
    let (app, workspace) = (spawn(), Workspace::new());
    for (seed, name) in [(1, "a.png"), (2, "A.png"), (3, "a.png"), (4, "b?.png")] {
        app.add(name, png(seed)).await;
    }
    export(&workspace, &app.url, &[], 0);
    let mut names = files(&workspace.path("out/pictures"));
    names.sort_unstable();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(fs::read(workspace.path("out/pictures/a.png")).unwrap(), png(1));
    assert_eq!(fs::read(workspace.path("out/pictures/A ~2.png")).unwrap(), png(2));
    assert_eq!(fs::read(workspace.path("out/pictures/a ~3.png")).unwrap(), png(3));
    assert_eq!(fs::read(workspace.path("out/pictures/b_.png")).unwrap(), png(4));
    export(&workspace, &app.url, &[], 0).assert_row(4, "there already");
}

#[tokio::test]
async fn a_picture_that_is_damaged_on_the_server_is_named_and_does_not_stop_the_others() {
    let (app, workspace) = (filled(3).await, Workspace::new());
    let damaged = r#"{"code":"image_damaged","detail":"The stored bytes are not those that were uploaded."}"#;
    let proxy = Proxy::before(&app.url, |request, _| match asks_for(request, 2) {
        true => proxy::json("500 Internal Server Error", damaged),
        false => Action::Forward,
    });
    let output = export(&workspace, &proxy.url, &[], 1);
    output.assert_row(2, "fetched");
    output.assert_row(1, "LEFT OUT");
    output.assert_prints("pictures/1.png (#2): The stored bytes are not those that were uploaded. (image_damaged)");
    let lines = document(&workspace);
    assert_eq!((&lines[2]["file"], &lines[2]["problem"]["code"]), (&Value::Null, &json!("image_damaged")));
    assert_eq!(lines[4], json!({"kind": "end", "images": 3, "left_out": 1}));
    assert_eq!(files(&workspace.path("out/pictures")), ["0.png", "2.png"]);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_image_are_never_kept() {
    let (app, workspace) = (filled(1).await, Workspace::new());
    let length = png(0).len();
    let proxy = Proxy::before(&app.url, move |request, _| match asks_for(request, 1) {
        true => proxy::json("200 OK", &"x".repeat(length)),
        false => Action::Forward,
    });
    export(&workspace, &proxy.url, &[], 1).assert_prints("the bytes that arrived are not those of the image");
    assert_eq!(files(&workspace.path("out")), ["mitsuke-export.jsonl"]);
}

#[tokio::test]
async fn an_image_that_is_deleted_meanwhile_is_not_in_the_export() {
    let (app, workspace) = (filled(3).await, Workspace::new());
    let proxy = Proxy::before(&app.url, |request, _| match asks_for(request, 2) {
        true => proxy::json("404 Not Found", r#"{"code":"image_not_found","detail":"It is gone."}"#),
        false => Action::Forward,
    });
    export(&workspace, &proxy.url, &[], 0).assert_row(1, "deleted from the server meanwhile");
    assert_eq!(document(&workspace).last().unwrap(), &json!({"kind": "end", "images": 2, "left_out": 0}));
}

#[tokio::test]
async fn texts_that_lists_cut_are_exported_whole() {
    let (app, workspace) = (spawn_with(&[("MITSUKE_MAX_LISTED_TEXT_CHARS", "5")]), Workspace::new());
    app.add_with_caption(png(1), "a caption of more than five characters").await;
    export(&workspace, &app.url, &["--no-pictures"], 0);
    let lines = document(&workspace);
    assert_eq!(lines[1]["caption"], "a caption of more than five characters");
    assert_eq!(lines[1]["file"], Value::Null);
    assert!(files(&workspace.path("out/pictures")).is_empty());
}

#[tokio::test]
async fn facts_choose_what_is_exported() {
    let (app, workspace) = (filled(3).await, Workspace::new());
    app.send_json(Method::PATCH, "/images/2", &json!({"tags": ["海"]})).await;
    export(&workspace, &app.url, &["--tag", "海"], 0).assert_row(1, "fetched");
    let lines = document(&workspace);
    assert_eq!((&lines[0]["filter"], &lines[1]["image_id"]), (&json!({"tags": ["海"]}), &json!(2)));
    assert_eq!(files(&workspace.path("out/pictures")), ["1.png"]);
    export(&workspace, &app.url, &["--query", "-tag:海 type:png"], 0);
    let lines = document(&workspace);
    assert_eq!((&lines[0]["query"], &lines[0]["images"]), (&json!("-tag:海 type:png"), &json!(2)));
    assert_eq!([&lines[1]["image_id"], &lines[2]["image_id"]], [&json!(1), &json!(3)]);
    export(&workspace, &app.url, &["--query", "none such"], 0);
    assert_eq!(document(&workspace).len(), 2);
}

#[tokio::test]
async fn embeddings_are_exported_on_request_with_their_model() {
    let (app, workspace) = (filled(2).await, Workspace::new());
    export(&workspace, &app.url, &["--embeddings", "--no-pictures"], 0);
    let lines = document(&workspace);
    let model = app.get("/models/1").await.json;
    for fact in ["model_name", "model_version", "vector_dimension"] {
        assert_eq!(lines[0]["models"][0][fact], model[fact], "{fact}");
    }
    let answer = app.get("/models/1/embeddings?image_ids=1,2").await;
    for (line, embedding) in lines[1..3].iter().zip(answer.json["embeddings"].as_array().unwrap()) {
        assert_eq!(line["image_id"], embedding["image_id"]);
        assert_eq!(line["embeddings"], json!([{"model": 0, "vector": embedding["vector"]}]));
    }
    export(&workspace, &app.url, &["--no-pictures"], 0);
    let lines = document(&workspace);
    assert_eq!((&lines[0]["models"], lines[1].get("embeddings")), (&json!([]), None));
}

#[tokio::test]
async fn an_export_that_cannot_begin_or_go_on_says_why() {
    let workspace = Workspace::new();
    let app = spawn_with(&[("MITSUKE_API_KEYS", "0123456789abcdef")]);
    export(&workspace, &app.url, &[], 2).assert_prints("requires an API key, or a different one");
    assert!(!workspace.path("out").exists());

    let app = filled(2).await;
    let proxy = Proxy::before(&app.url, |request, _| if asks_for(request, 2) { Action::Drop } else { Action::Forward });
    let output = export(&workspace, &proxy.url, &["--patience", "0"], 2);
    output.assert_prints("The same command again continues from here.");

    let used = fs::File::create(workspace.path("out/mitsuke-export.jsonl.part")).unwrap();
    used.lock().unwrap();
    export(&workspace, &app.url, &[], 2).assert_prints("another `mitsuke export` writes into out");
    drop(used);
    export(&workspace, &app.url, &[], 0).assert_row(1, "there already");
}
