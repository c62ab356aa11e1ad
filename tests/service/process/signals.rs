//! The signals that a server receives.

use std::process::Command;

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::multipart::{Form, Part};

use crate::pictures::encoded;
use crate::server::{Server, mitsuke};

#[tokio::test]
async fn a_closed_terminal_stops_the_server_cleanly() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(&mut mitsuke("serve", data.path())).ready().await;
    assert!(Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap().success());
    assert_eq!(server.wait_for_end().code(), Some(0));
}

#[tokio::test]
async fn a_file_at_the_size_that_the_system_allows_does_not_end_the_server() {
    let data = tempfile::tempdir().unwrap();
    let program = mitsuke("serve", data.path());
    let mut limited = Command::new("bash");
    // Bash counts in units of 1,024 bytes.
    limited.args(["-c", "ulimit -f 6000; exec \"$0\" serve"]).arg(program.get_program()).current_dir(data.path());
    for (name, value) in program.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    let mut server = Server::start(&mut limited).ready().await;
    let mut refused = None;
    for seed in 0..12_u32 {
        let picture = RgbImage::from_fn(600, 600, |x, y| Rgb([x as u8, y as u8, (x * y * (seed + 1)) as u8]));
        let part = Part::bytes(encoded(&picture, ImageFormat::Bmp)).file_name("a.bmp");
        let upload = server.client.post(server.url("/images")).multipart(Form::new().part("file", part));
        let (status, answer) = server.send(upload).await;
        if status != 201 {
            refused = Some((status, answer));
            break;
        }
    }
    let (status, answer) = refused.expect("the file is full at some time");
    assert_eq!((status, &answer["code"]), (507, &serde_json::json!("storage_full")), "{answer}");
    assert!(server.is_running());
    assert_eq!(server.get("/images").await.0, 200);
}
