//! `mitsuke reindex --server`.
#![cfg(unix)]

use crate::app::spawn;
use crate::pictures;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::{Output, Workspace, finish};

fn reindex(workspace: &Workspace, server: &str, code: i32) -> Output {
    let output = finish(workspace.subcommand("reindex", &["--server", server]).spawn().unwrap());
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

/// The state of a reindex that takes long, as it would be with many images.
const RUNNING: &str = r#"{"reader_version":1,"outdated":2,"run":{"state":"running","reason":null,"total":3,"read":1,
    "captions":1,"generation_prompts":0,"tags":0,"unchanged":0,"failed":0,"changed_images":[1],"failures":[],
    "per_second":null}}"#;

#[tokio::test]
async fn the_server_reads_its_files_again_and_the_command_sums_up() {
    let (app, workspace) = (spawn(), Workspace::new());
    app.add("a.png", pictures::png(1)).await;
    reindex(&workspace, &app.url, 0).assert_prints("0 of 0 files read again: 0 captions");
}

#[tokio::test]
async fn a_server_that_is_restarted_meanwhile_is_asked_to_go_on() {
    let (app, workspace) = (spawn(), Workspace::new());
    let proxy = Proxy::before(&app.url, |request, before| match (request.line.as_str(), before) {
        ("POST /reindex", 0) => proxy::json("202 Accepted", RUNNING),
        ("GET /reindex", 0) => Action::Drop,
        _ => Action::Forward,
    });
    reindex(&workspace, &proxy.url, 0).assert_prints("0 failed");
    assert_eq!(proxy.count("POST /reindex"), 2);
}

#[tokio::test]
async fn what_ends_a_reindex_is_told() {
    let (app, workspace) = (spawn(), Workspace::new());
    let failed = RUNNING
        .replace(r#""state":"running","reason":null"#, r#""state":"failed","reason":"no room""#)
        .replace(r#""failures":[]"#, r#""failures":[{"image_id":7,"reason":"it is damaged"}]"#);
    let answer = failed.clone();
    let proxy = Proxy::before(&app.url, move |request, _| match request.line.as_str() {
        "POST /reindex" => proxy::json("202 Accepted", &answer),
        _ => Action::Forward,
    });
    let output = reindex(&workspace, &proxy.url, 1);
    output.assert_prints("1 of 3 files read again: 1 captions");
    output.assert_prints("first changed images: 1");
    output.assert_prints("image 7 keeps its texts: it is damaged");
    output.assert_prints("not finished: no room. The same command continues from here.");
}
