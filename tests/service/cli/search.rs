//! `mitsuke search`.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn, spawn_with};
use crate::pictures::{BLUE, GREEN, RED, colour, png};
use crate::upload::runner::{Output, Workspace, finish};

fn search(workspace: &Workspace, server: &str, arguments: &[&str], code: i32) -> Output {
    let output = finish(workspace.subcommand("search", &[arguments, &["--server", server]].concat()).spawn().unwrap());
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

/// Starts an app with pictures of three colours, which the tiny model sees. Their ids are 1, 2 and 3.
async fn colours() -> TestApp {
    let app = spawn();
    for (name, rgb) in [("red.png", RED), ("green.png", GREEN), ("blue.png", BLUE)] {
        let form = Form::new().text("source_path", format!("2024/{name}")).part("file", file(name, colour(rgb, 0)));
        assert_eq!(app.post_form("/images", form).await.status, 201);
    }
    app
}

fn lines(output: &Output) -> Vec<&str> {
    output.stdout.lines().collect()
}

#[tokio::test]
async fn a_text_finds_pictures_with_a_bar_relative_to_the_best_an_id_and_a_path() {
    let (app, workspace) = (colours().await, Workspace::new());
    let output = search(&workspace, &app.url, &["red", "--mode", "vector"], 0);
    assert!(output.stdout.contains("██████████  #1  2024/red.png\n"), "{output:#?}");
    assert!(output.stdout.contains("#2  2024/green.png\n") && output.stdout.contains("#3  2024/blue.png\n"));
}

#[tokio::test]
async fn json_has_the_hits_of_the_api_one_a_line() {
    let (app, workspace) = (colours().await, Workspace::new());
    let output = search(&workspace, &app.url, &["blue", "2024", "--json"], 0);
    let hits: Vec<Value> = lines(&output).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = app.get("/search?q=blue%202024").await;
    assert_eq!(Value::from(hits), answer.json["hits"], "several texts count as one line");
}

#[tokio::test]
async fn paths_are_those_of_the_uploaded_folder_and_may_end_in_nul() {
    let (app, workspace) = (colours().await, Workspace::new());
    app.add("no folder.png", png(1)).await;
    let output = search(&workspace, &app.url, &["--paths"], 0);
    assert_eq!(lines(&output), ["no folder.png", "2024/blue.png", "2024/green.png", "2024/red.png"]);
    let output = search(&workspace, &app.url, &["--paths", "-0", "--limit", "2"], 0);
    assert_eq!(output.stdout, "no folder.png\x002024/blue.png\0");
}

#[tokio::test]
async fn pictures_are_found_by_a_file_and_by_stored_ones() {
    let (app, workspace) = (colours().await, Workspace::new());
    workspace.write("photo.jpg", colour(GREEN, 3));
    let by_file = search(&workspace, &app.url, &["--image", "photo.jpg", "--paths"], 0);
    assert_eq!(lines(&by_file)[0], "2024/green.png");
    let by_stored = search(&workspace, &app.url, &["--like", "1", "--paths"], 0);
    assert_eq!(lines(&by_stored).len(), 2, "the picture itself is left out: {by_stored:#?}");
    let with_text = search(&workspace, &app.url, &["--image", "photo.jpg", "--type", "jpg", "red"], 1);
    with_text.assert_prints("nothing found");
}

#[tokio::test]
async fn facts_narrow_every_search_and_lists_have_an_order() {
    let (app, workspace) = (colours().await, Workspace::new());
    let change = json!({"tags": ["海, 空"], "taken_at": "2024-05-01"});
    assert_eq!(app.send_json(Method::PATCH, "/images/2", &change).await.status, 200);
    for narrowed in [
        &["--tag", "海, 空"][..],
        &["red", "--tag", "海, 空"],
        &["--like", "1", "--tag", "海, 空"],
        &["red tag:\"海, 空\""],
        &["--taken", "2024-05"],
    ] {
        let output = search(&workspace, &app.url, &[narrowed, &["--paths"]].concat(), 0);
        assert_eq!(lines(&output), ["2024/green.png"], "{narrowed:?}");
    }
    let by_name = search(&workspace, &app.url, &["--sort", "name", "--paths"], 0);
    assert_eq!(lines(&by_name), ["2024/blue.png", "2024/green.png", "2024/red.png"]);
    search(&workspace, &app.url, &["--folder", "2023"], 1).assert_prints("nothing found");
}

#[tokio::test]
async fn all_pages_are_read_however_short_the_server_keeps_them() {
    let (app, workspace) = (spawn_with(&[("MITSUKE_MAX_PAGE", "3")]), Workspace::new());
    for seed in 0..8 {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
    for (limit, count) in [("7", 7), ("0", 8), ("2", 2)] {
        let output = search(&workspace, &app.url, &["colour", "--mode", "vector", "--limit", limit, "--paths"], 0);
        let mut names = lines(&output);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "--limit {limit}");
    }
    search(&workspace, &app.url, &["--limit", "2"], 0).assert_prints("top 2 of 8");
}

#[tokio::test]
async fn a_search_that_cannot_be_made_says_why() {
    let (app, workspace) = (spawn_with(&[("MITSUKE_API_KEYS", "0123456789abcdef")]), Workspace::new());
    workspace.write("photo.jpg", png(1));
    let key = ["--api-key", "0123456789abcdef"];
    for (arguments, words) in [
        (&["cat"][..], "requires an API key, or a different one"),
        (&["--image", "none.jpg", key[0], key[1]], "none.jpg: No such file"),
        (
            &["--image", "photo.jpg", "sea -people", key[0], key[1]],
            "`-people` has no meaning beside --image and --like",
        ),
        (&["--like", "77", key[0], key[1]], "image_not_found"),
        (&[" ", key[0], key[1]], "there is no text to search for"),
        (&["cat", "--sort", "name", key[0], key[1]], "cannot be used with"),
        (&["cat", "--taken", "soon", key[0], key[1]], "give a year, a month, a day"),
    ] {
        search(&workspace, &app.url, arguments, 2).assert_prints(words);
    }
    // The port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    search(&workspace, &format!("http://127.0.0.1:{port}"), &["cat"], 2)
        .assert_prints("no Mitsuke server can be reached at http://127.0.0.1:");
}
