//! A disk that is really full: uploads are refused, deleting works and makes room, and the server says so.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use reqwest::Method;
use tempfile::TempDir;

use crate::client::Client;
use crate::crash::told;
use crate::figures::{Faults, milliseconds, setting};
use crate::harness::{Server, small_models};
use crate::pictures::noise;

/// The edge of the pictures in pixels: 0.75 MB each.
const EDGE: u32 = 500;

/// The pictures of which one is refused at the latest.
const MOST: u64 = 500;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn deleting_works_on_a_full_disk() {
    if !rustix::process::geteuid().is_root() {
        println!("left out: only root can mount a file system of its own");
        return;
    }
    let (megabytes, faults) = (setting("SOAK_DISK_MB", 40_u32), Faults::default());
    let disk = Disk::mount(megabytes);
    let data = disk.folder.path().join("data");
    let mut server = Server::spawn_on(|_| data, &[("MITSUKE_MODELS_DIR", &small_models())]);
    server.wait_until_ready().await;
    let client = server.client();
    let ids = fill(&client, &faults).await;
    print_readiness(&client).await;
    // The file system is filled by others as well, up to the last byte.
    drop(std::fs::write(disk.folder.path().join("filler"), vec![1_u8; (megabytes as usize) << 20]));
    println!("the disk is full to the last byte");
    print_readiness(&client).await;
    let mut deleted = 0;
    for image_id in ids.iter().take(ids.len() / 2) {
        let begin = Instant::now();
        let outcome = client.send(client.request(Method::DELETE, &format!("/images/{image_id}"))).await;
        let is_deleted = outcome.as_ref().is_ok_and(|answer| answer.status == 204);
        if deleted == 0 || !is_deleted {
            println!("DELETE was answered in {:.0} ms with {}", milliseconds(begin.elapsed()), told(&outcome));
        }
        faults.check(is_deleted, || format!("the deletion of {image_id} was answered with {}", told(&outcome)));
        deleted += usize::from(is_deleted);
    }
    println!("{deleted} of {} pictures deleted", ids.len());
    drop(std::fs::remove_file(disk.folder.path().join("filler")));
    let again = client.upload("again.png", &noise(MOST + 1, EDGE)).await;
    println!("an upload afterwards was answered with {}", again.as_ref().map_or(0, |answer| answer.status));
    for image_id in &ids[ids.len() / 2..] {
        let content = client.get(&format!("/images/{image_id}/content")).await;
        let is_whole = content.as_ref().is_ok_and(|answer| answer.status == 200);
        faults.check(is_whole, || format!("picture {image_id} was answered with {}", told(&content)));
    }
    server.stop(&faults).await;
    drop(disk);
    faults.assert_none();
}

/// Uploads until an upload is refused, prints the refusal, and returns the ids.
async fn fill(client: &Client, faults: &Faults) -> Vec<i64> {
    let mut ids = Vec::new();
    for number in 0..MOST {
        let picture = noise(number, EDGE);
        let begin = Instant::now();
        match client.upload("full.png", &picture).await {
            Ok(answer) if answer.status == 201 => ids.push(answer.image_id()),
            other => {
                println!(
                    "upload {number} was answered in {:.0} ms with {}",
                    milliseconds(begin.elapsed()),
                    told(&other)
                );
                let is_told = other.as_ref().is_ok_and(|answer| answer.status == 507);
                faults.check(is_told, || format!("upload {number} was answered with {}", told(&other)));
                return ids;
            }
        }
    }
    faults.add("the disk never was full");
    ids
}

async fn print_readiness(client: &Client) {
    for path in ["/readyz", "/readyz?for=uploads"] {
        println!("{path}: {}", told(&client.get(path).await));
    }
}

/// A file system in memory, unmounted when dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn mount(megabytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let size = format!("size={megabytes}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()));
        Self { folder }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

fn unmount(folder: &Path) {
    // A panic here would hide the fault that the check has found.
    if let Err(error) = Command::new("umount").arg("-l").arg(folder).status() {
        eprintln!("{} is not unmounted: {error}", folder.display());
    }
}

fn run(command: &mut Command) {
    let status = command.status().expect("mount");
    assert!(status.success(), "{command:?} ended with {status}");
}
