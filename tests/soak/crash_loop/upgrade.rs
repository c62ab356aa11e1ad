//! Kills during the upgrade of an earlier data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::check_store;
use super::watch::kill_when;
use crate::chance::Chance;
use crate::crash::told;
use crate::figures::Faults;
use crate::harness::{Server, repository};
use crate::pictures::sha256;

/// Starts the program on a copy of a directory of version 0.1, kills it some milliseconds later, starts it again and
/// compares the images. `longest` is the time that the whole upgrade takes.
pub async fn kill_upgrade(chance: &mut Chance, longest: Duration, faults: &Faults) {
    let models = both_models().expect("links to the test models");
    let mut server = Server::spawn_on(copy_of_earlier, &[("MITSUKE_MODELS_DIR", models.path())]);
    let after = longest.mul_f64(chance.between(0.0, 1.0));
    kill_when(server.process_id(), after, || false).join().expect("the watch");
    server.kill();
    server.spawn_again();
    server.wait_until_ready().await;
    compare(&server, faults).await;
    // The check works beside the server.
    check_store(&server, faults);
    server.stop(faults).await;
}

/// Returns how long an upgrade takes that nobody kills.
pub async fn time_of_upgrade(faults: &Faults) -> Duration {
    let models = both_models().expect("links to the test models");
    let mut server = Server::spawn_on(copy_of_earlier, &[("MITSUKE_MODELS_DIR", models.path())]);
    let took = server.wait_until_ready().await;
    compare(&server, faults).await;
    server.stop(faults).await;
    took
}

fn recorded() -> PathBuf {
    repository().join("tests/data_directories/0.1")
}

fn copy_of_earlier(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    copy(&recorded().join("killed"), &data).expect("a copy of the earlier data directory");
    data
}

/// Returns a folder with both models of the recorded directory.
fn both_models() -> std::io::Result<TempDir> {
    let models = tempfile::tempdir()?;
    for (from, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        std::os::unix::fs::symlink(repository().join(from), models.path().join(name))?;
    }
    Ok(models)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}

async fn compare(server: &Server, faults: &Faults) {
    let recorded = fs::read(recorded().join("killed.json")).expect("the recorded answers");
    let recorded: Value = serde_json::from_slice(&recorded).expect("the recorded answers");
    let client = server.client();
    for image in recorded["images"].as_array().expect("the recorded images") {
        let content = client.get(&format!("/images/{}/content", image["image_id"])).await;
        let is_whole = content.as_ref().is_ok_and(|answer| image["sha256"] == sha256(&answer.body));
        faults.check(is_whole, || format!("after the upgrade {} is {}", image["image_id"], told(&content)));
    }
}
