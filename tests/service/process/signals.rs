//! The signals that a server receives, and the limits that the system sets it.

use std::path::Path;
use std::process::Command;

use futures_util::future::join_all;
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

/// Returns the command of a server in a shell that sets a limit before.
fn limited(limit: &str, data: &Path) -> Command {
    let program = mitsuke("serve", data);
    let mut limited = Command::new("bash");
    let script = format!("{limit}; exec \"$0\" serve");
    limited.args(["-c", &script]).arg(program.get_program()).current_dir(data);
    for (name, value) in program.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    limited
}

#[tokio::test]
async fn a_file_at_the_size_that_the_system_allows_does_not_end_the_server() {
    let data = tempfile::tempdir().unwrap();
    // Bash counts in units of 1,024 bytes.
    let mut server = Server::start(&mut limited("ulimit -f 6000", data.path())).ready().await;
    let mut refused = None;
    for seed in 0..12_u32 {
        let picture = RgbImage::from_fn(600, 600, |x, y| Rgb([x as u8, y as u8, (x * y).wrapping_mul(seed + 1) as u8]));
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

/// Returns the addresses that a process has taken, in units of 1,024 bytes.
#[cfg(target_os = "linux")]
fn addresses_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn pictures_that_the_system_has_no_memory_for_are_refused_and_do_not_end_the_server() {
    const ROOM_KB: u64 = 130 << 10;
    let data = tempfile::tempdir().unwrap();
    // A limit that is never met tells how much a server takes that has one.
    let server = Server::start(&mut limited("ulimit -v 1000000000", data.path())).ready().await;
    let taken = addresses_of(server.id());
    drop(server);
    let limit = format!("ulimit -v {}", taken + ROOM_KB);
    let mut server = Server::start(&mut limited(&limit, data.path())).ready().await;
    // Seeds below 256 give different pictures.
    let picture = |seed: u32| {
        let picture =
            RgbImage::from_fn(1_500, 1_500, |x, y| Rgb([x as u8, y as u8, (x * y).wrapping_mul(seed + 1) as u8]));
        encoded(&picture, ImageFormat::Bmp)
    };
    let (client, url) = (server.client.clone(), server.url("/images"));
    let upload = async |seed: u32| {
        let form = Form::new().part("file", Part::bytes(picture(seed)).file_name("a.bmp"));
        let answer = client.post(&url).multipart(form).send().await;
        // A client that is refused while it still sends may miss the answer.
        answer.map_or(503, |answer| answer.status().as_u16())
    };
    let mut refused = 0;
    for round in 0..3 {
        for status in join_all((0..16).map(|number| upload(round * 100 + number))).await {
            assert!(matches!(status, 201 | 503), "{status}");
            refused += usize::from(status == 503);
        }
        assert!(server.is_running());
    }
    assert!(refused > 0);
    let status = upload(250).await;
    assert!(matches!(status, 201 | 503), "{status}");
    assert_eq!(server.get("/images?limit=1").await.0, 200);
}
