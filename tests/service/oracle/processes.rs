//! Several server processes on one Oracle database (the stand-in's). No process holds anything that the others lack.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oracle_standin::testing;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, TIMEOUT, mitsuke};

/// Makes the folder that holds the database of the processes, and both test models.
pub fn shared() -> TempDir {
    let shared = tempfile::tempdir().unwrap();
    let models = shared.path().join("models");
    std::fs::create_dir(&models).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        std::os::unix::fs::symlink(root.join(from), models.join(name)).unwrap();
    }
    shared
}

/// A command of the program over the shared database, with a data directory of its own. It lacks the client library.
pub(super) fn command_without_client(subcommand: &str, shared: &TempDir) -> Command {
    let data_dir = tempfile::tempdir_in(shared.path()).unwrap().keep();
    let mut command = mitsuke(subcommand, &data_dir);
    command
        .envs(testing::settings_below(shared.path()))
        .env("MITSUKE_MODELS_DIR", shared.path().join("models"))
        .env_remove("ORACLE_HOME");
    command
}

/// A command of the program over the shared database.
pub fn command(subcommand: &str, shared: &TempDir) -> Command {
    // The dynamic linker finds the library of the driver, libclntsh.so, in this folder.
    let mut library_path = testing::client_dir().as_os_str().to_owned();
    if let Some(more) = std::env::var_os("LD_LIBRARY_PATH") {
        library_path.push(":");
        library_path.push(more);
    }
    let mut command = command_without_client(subcommand, shared);
    command.env("LD_LIBRARY_PATH", library_path);
    command
}

/// Starts a server on the shared database.
fn start(shared: &TempDir) -> Server {
    Server::start(&mut command("serve", shared))
}

impl Server {
    /// Uploads a picture, and returns the status and the id of its image.
    pub(super) async fn upload(&self, seed: u8) -> (u16, i64) {
        let part = Part::bytes(png(seed)).file_name(format!("{seed}.png"));
        let form = Form::new().part("file", part).text("caption", format!("picture number {seed}"));
        let (status, json) = self.send(self.client.post(self.url("/images")).multipart(form)).await;
        let image_id = json["images"][0]["image"]["image_id"].as_i64();
        (status, image_id.unwrap_or_else(|| panic!("{status} {json}")))
    }

    /// Searches, and returns the id of the model and those of the hits.
    async fn search(&self, query: &str, mode: &str) -> (i64, Vec<i64>) {
        let body = json!({"query": query, "mode": mode, "limit": 100});
        let (status, json) = self.send(self.client.post(self.url("/search/text")).json(&body)).await;
        assert_eq!(status, 200, "{json}");
        let hits = json["hits"].as_array().expect("hits").iter().map(|hit| hit["image_id"].as_i64().unwrap());
        (json["model"]["model_id"].as_i64().unwrap(), hits.collect())
    }

    async fn switch(&self, model_id: i64) -> (u16, Value) {
        self.send(self.client.put(self.url("/models/current")).json(&json!({"model_id": model_id}))).await
    }
}

fn png(seed: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(24, 24, |x, y| {
        image::Rgb([seed.wrapping_mul(37), (x * 10) as u8 ^ seed, (y * 10) as u8])
    });
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn without_the_client_library_the_doctor_says_what_to_install_and_the_server_why_it_is_not_ready() {
    let shared = shared();
    let doctor = command_without_client("doctor", &shared).stdout(Stdio::piped()).output().unwrap();
    let printed = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success(), "{printed}");
    let line = printed.lines().find(|line| line.contains("client library")).expect("a finding about the library");
    assert!(line.starts_with("problem") && line.contains("DPI-1047"), "{printed}");
    assert!(printed.contains("Instant Client"), "{printed}");

    let server = Server::start(&mut command_without_client("serve", &shared)).listening().await;
    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, problem) = server.get("/readyz").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("store_misconfigured")), "{problem}");
    assert!(problem["reason"].as_str().is_some_and(|reason| reason.contains("DPI-1047")), "{problem}");
}

#[tokio::test]
async fn two_processes_share_uploads_searches_and_the_current_model() {
    let shared = shared();
    // Both start at once on an empty database: one migrates it, the other waits.
    let (a, b) = (start(&shared), start(&shared));
    let (a, b) = (a.ready().await, b.ready().await);

    // Interleaved uploads are seen by the other process at once.
    let mut ids = Vec::new();
    for seed in 0..8 {
        let (here, there) = if seed % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let (status, image_id) = here.upload(seed).await;
        assert_eq!(status, 201);
        ids.push(image_id);
        assert_eq!(there.search(&format!("\"number {seed}\""), "keyword").await.1, [image_id]);
        assert!(there.search("picture", "vector").await.1.contains(&image_id));
        assert_eq!(there.get(&format!("/images/{image_id}")).await.0, 200);
    }
    // One image results from uploading a picture through both at once.
    let ((first, x), (second, y)) = tokio::join!(a.upload(100), b.upload(100));
    assert_eq!(x, y);
    assert_eq!([first, second].iter().filter(|status| **status == 201).count(), 1, "{first} {second}");
    ids.push(x);

    // One process fills the other model's embeddings, the other one switches.
    let (_, models) = b.get("/models").await;
    let models = models["models"].as_array().unwrap().clone();
    assert_eq!(models.len(), 2, "{models:?}");
    let id_where =
        |current: bool| models.iter().find(|m| m["is_current"] == current).unwrap()["model_id"].as_i64().unwrap();
    let (old, new) = (id_where(true), id_where(false));
    assert_eq!(a.switch(new).await.1["code"], "coverage_incomplete");
    let (status, _) = a.send(a.client.post(a.url(&format!("/models/{new}/backfill")))).await;
    assert!((200..300).contains(&status), "{status}");
    let started = Instant::now();
    loop {
        let (_, model) = b.get(&format!("/models/{new}")).await;
        if model["embedded"] == model["total"] {
            break;
        }
        assert!(started.elapsed() < TIMEOUT, "{model}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Searches go on through both while B switches back and forth: each answer is of one model.
    for model_id in [new, old, new] {
        let (searched, (status, answer)) = tokio::join!(a.search("picture", "vector"), b.switch(model_id));
        assert_eq!(status, 200, "{answer}");
        assert!([old, new].contains(&searched.0));
        assert_eq!(searched.1.len(), ids.len());
        for server in [&a, &b] {
            let (current, hits) = server.search("picture", "vector").await;
            assert_eq!(current, model_id, "the next request sees the switch");
            assert_eq!(hits.len(), ids.len());
        }
    }
    // New pictures get embeddings of both models, whichever process takes them.
    let (_, image_id) = a.upload(101).await;
    for model_id in [old, new] {
        assert_eq!(b.switch(model_id).await.0, 200);
        assert!(a.search("picture", "vector").await.1.contains(&image_id));
    }

    // The other process has every image that the killed one has confirmed.
    drop(a);
    for image_id in ids {
        assert_eq!(b.get(&format!("/images/{image_id}")).await.0, 200);
    }
    assert_eq!(b.upload(102).await.0, 201);
    let a = start(&shared).ready().await;
    assert_eq!(a.search("picture", "vector").await, b.search("picture", "vector").await);
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_uploads_loses_nothing_that_it_answered() {
    let shared = shared();
    let a = start(&shared).ready().await;
    let mut answered = Vec::new();
    for seed in 0..4 {
        answered.push(a.upload(seed).await.1);
    }
    // These uploads are under way when the process dies.
    let under_way: Vec<_> = (10..20)
        .map(|seed| {
            let part = Part::bytes(png(seed)).file_name(format!("{seed}.png"));
            tokio::spawn(a.client.post(a.url("/images")).multipart(Form::new().part("file", part)).send())
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(30)).await;
    drop(a);
    for upload in under_way {
        if let Ok(Ok(response)) = upload.await
            && let Ok(json) = response.json::<Value>().await
            && let Some(image_id) = json["images"][0]["image"]["image_id"].as_i64()
        {
            answered.push(image_id);
        }
    }
    let b = start(&shared).ready().await;
    for image_id in &answered {
        assert_eq!(b.get(&format!("/images/{image_id}")).await.0, 200);
        assert_eq!(b.get(&format!("/images/{image_id}/content")).await.0, 200);
    }
    // Every image that is there has its embedding, so a search finds it.
    let (_, json) = b.get("/images?limit=100").await;
    let count = json["images"].as_array().unwrap().len();
    assert!(count >= answered.len());
    assert_eq!(b.search("picture", "vector").await.1.len(), count);
}
