//! Several server processes on one Oracle database (the stand-in's): none holds any truth of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use oracle_standin::testing;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes, even on a machine with too much to do.
const PATIENCE: Duration = Duration::from_secs(180);

/// The folder that the processes share a database in, with both test models.
fn shared() -> TempDir {
    let shared = tempfile::tempdir().unwrap();
    let models = shared.path().join("models");
    std::fs::create_dir(&models).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        std::os::unix::fs::symlink(root.join(from), models.join(name)).unwrap();
    }
    shared
}

/// `mitsuke serve` in a process of its own, killed when dropped.
struct Server {
    child: Child,
    url: String,
    client: reqwest::Client,
    _data: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server; [`Starting::ready`] waits for it.
struct Starting {
    child: Option<Child>,
    url: mpsc::Receiver<String>,
    data: Option<TempDir>,
}

/// A command of the program over the shared database, without a client library.
fn command(name: &str, data: &Path, shared: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
    command
        .arg(name)
        .current_dir(data)
        .envs(testing::settings_below(shared))
        .env("MITSUKE_BIND", "127.0.0.1:0")
        .env("MITSUKE_DATA_DIR", data)
        .env("MITSUKE_MODELS_DIR", shared.join("models"))
        .env("MITSUKE_IMAGES_DIR", "")
        .env("MITSUKE_DEVICE", "cpu")
        .env("RUST_LOG", "info")
        .env_remove("ORACLE_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Starting {
    fn new(shared: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = command("serve", data.path(), shared);
        // The dynamic linker looks here for what the driver asks for: libclntsh.so.
        let mut search = testing::client_dir().as_os_str().to_owned();
        if let Some(more) = std::env::var_os("LD_LIBRARY_PATH") {
            search.push(":");
            search.push(more);
        }
        command.env("LD_LIBRARY_PATH", search);
        Self::of(command, data)
    }

    /// Without Oracle's client library.
    fn without_client(shared: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::of(command("serve", data.path(), shared), data)
    }

    fn of(mut command: Command, data: TempDir) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, url) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                println!("{line}");
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let url = rest.split([' ', ',']).next().unwrap_or_default();
                    let _ = sender.send(url.to_owned());
                }
            }
        });
        Self { child: Some(child), url, data: Some(data) }
    }

    /// Once it listens, ready or not.
    fn listening(mut self) -> Server {
        let url = self.url.recv_timeout(PATIENCE).expect("it listens");
        mitsuke::tls::choose_provider();
        Server {
            child: self.child.take().expect("once"),
            url,
            client: reqwest::Client::new(),
            _data: self.data.take().expect("once"),
        }
    }

    async fn ready(self) -> Server {
        let server = self.listening();
        let started = Instant::now();
        while server.get("/readyz").await.0 != 200 {
            assert!(started.elapsed() < PATIENCE, "it does not become ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.answer(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn upload(&self, seed: u8) -> (u16, i64) {
        let part = Part::bytes(png(seed)).file_name(format!("{seed}.png"));
        let form = Form::new().part("file", part).text("caption", format!("picture number {seed}"));
        let request = self.client.post(format!("{}/images", self.url)).multipart(form);
        let (status, json) = self.answer(request).await;
        let image_id = json["images"][0]["image"]["image_id"].as_i64();
        (status, image_id.unwrap_or_else(|| panic!("{status} {json}")))
    }

    /// The model of the answer, and the hits.
    async fn search(&self, query: &str, mode: &str) -> (i64, Vec<i64>) {
        let body = json!({"query": query, "mode": mode, "limit": 100});
        let (status, json) = self.answer(self.client.post(format!("{}/search/text", self.url)).json(&body)).await;
        assert_eq!(status, 200, "{json}");
        let hits = json["hits"].as_array().expect("hits").iter().map(|hit| hit["image_id"].as_i64().unwrap());
        (json["model"]["model_id"].as_i64().unwrap(), hits.collect())
    }

    async fn switch(&self, model_id: i64) -> (u16, Value) {
        let body = json!({"model_id": model_id});
        self.answer(self.client.put(format!("{}/models/current", self.url)).json(&body)).await
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

/// Where the client library is missing, everything says so, and the server stays up to say it.
#[tokio::test]
async fn a_server_without_the_client_library_says_what_to_install() {
    let shared = shared();
    let data = tempfile::tempdir().unwrap();
    let doctor = command("doctor", data.path(), shared.path()).stdout(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("client library")).expect("a finding about the library");
    assert!(line.starts_with("problem") && line.contains("DPI-1047"), "{said}");
    assert!(said.contains("Instant Client"), "{said}");

    let server = Starting::without_client(shared.path()).listening();
    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, problem) = server.get("/readyz").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("store_misconfigured")), "{problem}");
    assert!(problem["reason"].as_str().is_some_and(|reason| reason.contains("DPI-1047")), "{problem}");
}

#[tokio::test]
async fn two_processes_share_uploads_searches_and_the_current_model() {
    let shared = shared();
    // At the same moment on an empty database: one migrates, the other waits for it.
    let (a, b) = (Starting::new(shared.path()), Starting::new(shared.path()));
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
    let (status, _) = a.answer(a.client.post(format!("{}/models/{new}/backfill", a.url))).await;
    assert!((200..300).contains(&status), "{status}");
    let started = Instant::now();
    loop {
        let (_, model) = b.get(&format!("/models/{new}")).await;
        if model["embedded"] == model["total"] {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{model}");
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

    // The other process has everything that the killed one answered.
    drop(a);
    for image_id in ids {
        assert_eq!(b.get(&format!("/images/{image_id}")).await.0, 200);
    }
    assert_eq!(b.upload(102).await.0, 201);
    let a = Starting::new(shared.path()).ready().await;
    assert_eq!(a.search("picture", "vector").await, b.search("picture", "vector").await);
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_uploads_loses_nothing_that_it_answered() {
    let shared = shared();
    let a = Starting::new(shared.path()).ready().await;
    let mut answered = Vec::new();
    for seed in 0..4 {
        answered.push(a.upload(seed).await.1);
    }
    let url = a.url.clone();
    let client = a.client.clone();
    // These are under way when the process dies.
    let under_way: Vec<_> = (10..20)
        .map(|seed| {
            let part = Part::bytes(png(seed)).file_name(format!("{seed}.png"));
            tokio::spawn(client.post(format!("{url}/images")).multipart(Form::new().part("file", part)).send())
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
    let b = Starting::new(shared.path()).ready().await;
    for image_id in &answered {
        assert_eq!(b.get(&format!("/images/{image_id}")).await.0, 200);
        assert_eq!(b.get(&format!("/images/{image_id}/content")).await.0, 200);
    }
    // Every image that is there is whole: it is found by its embedding.
    let (_, json) = b.get("/images?limit=100").await;
    let there = json["images"].as_array().unwrap().len();
    assert!(there >= answered.len());
    assert_eq!(b.search("picture", "vector").await.1.len(), there);
}
