//! The program as a process: `mitsuke serve` on the embedded store (its flags, its first start, and how signals stop it),
//! and `mitsuke model check`.

mod model_check;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes, even on a machine with too much to do.
const PATIENCE: Duration = Duration::from_secs(180);

struct Server {
    child: Child,
    address: String,
    client: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(data: &Path, images: &str, settings: &[(&str, &str)]) -> Self {
        let address = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
        command
            .arg("serve")
            .current_dir(data)
            .env("MITSUKE_BIND", &address)
            .env("MITSUKE_DATA_DIR", data)
            .env("MITSUKE_MODELS_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models"))
            .env("MITSUKE_IMAGES_DIR", images)
            .env("MITSUKE_DEVICE", "cpu")
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for name in ["DB_USER", "DB_PASSWORD", "DB_DSN", "MITSUKE_API_KEYS"] {
            command.env(name, "");
        }
        mitsuke::tls::choose_provider();
        Self { child: command.spawn().unwrap(), address, client: reqwest::Client::new() }
    }

    /// The answer of a path, once there is one.
    async fn get(&self, path: &str) -> Value {
        let started = Instant::now();
        loop {
            if let Ok(response) = self.client.get(format!("http://{}{path}", self.address)).send().await
                && let Ok(bytes) = response.bytes().await
            {
                return serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            }
            assert!(started.elapsed() < PATIENCE, "no answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn names(&self) -> Vec<String> {
        let listed = self.get("/images?limit=200").await;
        let mut names: Vec<_> = listed["images"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|image| image["file_name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it ended by itself and said so, within the patience of these tests.
    fn ended(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A run of the program that ends by itself: its exit status, and what it printed.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mitsuke"))
        .args(arguments)
        .current_dir(folder.path())
        .envs(settings.iter().copied())
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn flags_win_over_the_environment() {
    let (data, address) = (tempfile::tempdir().unwrap(), free_address());
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
    command
        .args(["serve", "--bind", &address, "--max-page=3", "--images-dir=", "--device=cpu", "--log=warn"])
        .args([Path::new("--data-dir"), &data.path().join("mine"), Path::new("--models-dir"), &models])
        .current_dir(data.path())
        .envs([("MITSUKE_BIND", "0.0.0.0:1"), ("MITSUKE_MAX_PAGE", "none"), ("MITSUKE_MAX_FILES", " ")])
        .envs(["DB_USER", "DB_PASSWORD", "DB_DSN", "MITSUKE_API_KEYS"].map(|name| (name, "")))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    mitsuke::tls::choose_provider();
    let server = Server { child: command.spawn().unwrap(), address, client: reqwest::Client::new() };
    let refused = server.get("/images?limit=4").await;
    assert_eq!(refused["status"], 400, "{refused}");
    assert!(server.get("/images?limit=3").await["images"].is_array());
    assert!(data.path().join("mine").is_dir());
}

#[test]
fn settings_that_are_wrong_stop_the_start_and_are_named() {
    let (status, text) = run(&["serve", "--max-files", "many"], &[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("--max-files <N>") && text.contains("a whole number from 1 to 10000"), "{text}");
    let (status, text) = run(&["serve"], &[("MITSUKE_MAX_FILES", "many")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("MITSUKE_MAX_FILES") && text.contains("a whole number from 1 to 10000"), "{text}");
    let (status, text) = run(&["serve", "--bind=0.0.0.0:0"], &[("MITSUKE_API_KEYS", "")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("--bind") && text.contains("MITSUKE_API_KEYS"), "{text}");
    let (status, text) = run(&["serve", "--db-password", "hush"], &[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("--db-password-file") && !text.contains("hush"), "{text}");
}

/// Pictures that take a while to decode, and a file that is none.
fn folder(count: u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..count {
        let picture = RgbImage::from_pixel(1500, 1500, Rgb([n, 255 - n, 9]));
        picture.save_with_format(folder.path().join(format!("{n:03}.png")), ImageFormat::Png).unwrap();
    }
    fs::write(folder.path().join("050-broken.png"), b"\x89PNG\r\n\x1a\nand no more").unwrap();
    folder
}

#[tokio::test]
async fn a_first_start_that_is_interrupted_goes_on_at_the_next() {
    const COUNT: u8 = 100;
    let (data, images) = (tempfile::tempdir().unwrap(), folder(COUNT));
    let images = images.path().to_str().unwrap();
    let mut first = Server::start(data.path(), images, &[]);
    while first.names().await.len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.interrupt();
    assert!(first.ended());

    let mut second = Server::start(data.path(), "", &[]);
    let there = second.names().await.len();
    assert!((3..usize::from(COUNT)).contains(&there), "{there}");
    second.interrupt();
    assert!(second.ended());

    let third = Server::start(data.path(), images, &[]);
    let started = Instant::now();
    while third.names().await.len() < usize::from(COUNT) {
        assert!(started.elapsed() < PATIENCE, "{:?}", third.names().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let marker = data.path().join("registering-images");
    while marker.exists() {
        assert!(started.elapsed() < PATIENCE, "the broken file is dealt with, too");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_requests_that_never_end() {
    let data = tempfile::tempdir().unwrap();
    let mut server =
        Server::start(data.path(), "", &[("MITSUKE_SHUTDOWN_TIMEOUT_S", "3600"), ("MITSUKE_BODY_TIMEOUT_S", "3600")]);
    server.get("/healthz").await;
    let mut half = TcpStream::connect(&server.address).unwrap();
    let head = "POST /search/text HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
                content-length: 99\r\n\r\n";
    half.write_all(head.as_bytes()).unwrap();
    // It has been taken up, and waits for its body.
    let mut go_on = [0; 12];
    half.set_read_timeout(Some(PATIENCE)).unwrap();
    half.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    server.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.child.try_wait().unwrap().is_none(), "the first signal waits");
    server.interrupt();
    assert!(server.ended());
    drop(half);
}
