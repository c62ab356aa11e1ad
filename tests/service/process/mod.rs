//! The program as a process: `mitsuke serve` on the embedded store (flags, the first start, signals), `mitsuke bench`,
//! `mitsuke model add` and `mitsuke model check`, packages, homes of originals, backups, damage, and the upgrade of earlier data directories.

mod backup;
mod bench;
mod first_words;
mod log_format;
mod model_add;
mod model_check;
mod originals;
mod package;
mod rot;
mod signals;
mod upgrade;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use crate::server::{Server, TIMEOUT, free_address, mitsuke};

impl Server {
    /// Starts a server that registers the pictures of a folder.
    async fn start_with_pictures(data_dir: &TempDir, images_dir: &str) -> Self {
        let mut command = mitsuke("serve", data_dir.path());
        Self::start(command.env("MITSUKE_IMAGES_DIR", images_dir)).listening().await
    }

    /// Returns the number of images.
    async fn count(&self) -> usize {
        let (_, page) = self.get("/images?limit=200").await;
        page["images"].as_array().map_or(0, Vec::len)
    }
}

/// Runs the program to its end, and returns its exit status and everything that it printed.
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

#[test]
fn a_command_ends_quietly_when_nobody_reads_its_output() {
    for arguments in [&["openapi"][..], &["settings", "--markdown"], &["index", "plan", "--images", "9"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            Command::new(env!("CARGO_BIN_EXE_mitsuke")).args(arguments).stdout(writer).stderr(Stdio::piped()).output();
        let output = output.unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), printed), (Some(141), String::new()), "{arguments:?}");
    }
}

#[tokio::test]
async fn flags_win_over_the_environment() {
    let (data, address) = (tempfile::tempdir().unwrap(), free_address());
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut command = mitsuke("serve", data.path());
    command
        .args(["--bind", &address, "--max-page=3", "--images-dir=", "--device=cpu", "--log=warn"])
        .args([Path::new("--data-dir"), &data.path().join("mine"), Path::new("--models-dir"), &models])
        .envs([("MITSUKE_BIND", "0.0.0.0:1"), ("MITSUKE_MAX_PAGE", "none"), ("MITSUKE_MAX_FILES", " ")])
        .envs([("MITSUKE_MODELS_DIR", "/no/such/folder"), ("MITSUKE_IMAGES_DIR", "/no/such/folder")])
        .env("MITSUKE_DEVICE", "none");
    let server = Server::start_at(address, &mut command).listening().await;
    let (status, refused) = server.get("/images?limit=4").await;
    assert_eq!(status, 400, "{refused}");
    assert!(server.get("/images?limit=3").await.1["images"].is_array());
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

/// Returns a folder of pictures that take a while to decode, and of one file that is no picture.
fn pictures(count: u8) -> TempDir {
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
    let (data, images) = (tempfile::tempdir().unwrap(), pictures(COUNT));
    let images = images.path().to_str().unwrap();
    let mut first = Server::start_with_pictures(&data, images).await;
    while first.count().await < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.interrupt();
    assert!(first.wait_for_end().success());

    let mut second = Server::start_with_pictures(&data, "").await;
    let count = second.count().await;
    assert!((3..usize::from(COUNT)).contains(&count), "{count}");
    second.interrupt();
    assert!(second.wait_for_end().success());

    let third = Server::start_with_pictures(&data, images).await;
    let started = Instant::now();
    while third.count().await < usize::from(COUNT) {
        assert!(started.elapsed() < TIMEOUT, "{} images", third.count().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let marker = data.path().join("registering-images");
    while marker.exists() {
        assert!(started.elapsed() < TIMEOUT, "the broken file does not end the registration");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_requests_that_never_end() {
    let data = tempfile::tempdir().unwrap();
    let mut command = mitsuke("serve", data.path());
    command.envs([("MITSUKE_SHUTDOWN_TIMEOUT_S", "3600"), ("MITSUKE_BODY_TIMEOUT_S", "3600")]);
    let mut server = Server::start(&mut command).listening().await;
    let mut unfinished = TcpStream::connect(&server.address).unwrap();
    let head = "POST /search/text HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
                content-length: 99\r\n\r\n";
    unfinished.write_all(head.as_bytes()).unwrap();
    // The server has accepted the request when it asks for the body.
    let mut go_on = [0; 12];
    unfinished.set_read_timeout(Some(TIMEOUT)).unwrap();
    unfinished.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    server.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.is_running(), "the first signal waits");
    server.interrupt();
    assert!(server.wait_for_end().success());
    drop(unfinished);
}
