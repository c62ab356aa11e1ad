//! The program opens data directories of earlier versions: nothing is lost, the database of before is kept beside the
//! upgraded one, and a second start upgrades nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::data_directories::recorded;
use crate::server::{Server, mitsuke};

/// Returns the schema version that a database file states: `user_version`, in four bytes of its header.
fn schema(database: &Path) -> u32 {
    let bytes = fs::read(database).unwrap();
    u32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

/// Returns the databases that were kept before upgrades, with the time at which each was written.
fn kept(data: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap());
    let is_kept = |name: &str| name.starts_with("mitsuke.db.schema-");
    let kept = entries.filter(|entry| is_kept(entry.file_name().to_str().unwrap()));
    kept.map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap())).collect()
}

/// Checks that the server holds the recorded images with their bytes and texts, and the recorded models.
async fn assert_same(server: &Server, answers: &Value) {
    let (_, page) = server.get("/images?limit=200").await;
    let (found, expected) = (page["images"].as_array().unwrap(), answers["images"].as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        for fact in ["image_id", "sha256", "caption", "generation_prompt", "upload_date", "file_name"] {
            assert_eq!(found[fact], expected[fact], "{fact} of {}", expected["image_id"]);
        }
        let url = server.url(&format!("/images/{}/content", expected["image_id"]));
        let bytes = server.client.get(url).send().await.unwrap().bytes().await.unwrap();
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(expected["sha256"], digest);
    }
    let (_, models) = server.get("/models").await;
    let current =
        |models: &Value| models.as_array().unwrap().iter().map(|m| m["is_current"].clone()).collect::<Vec<_>>();
    assert_eq!(current(&models["models"]), current(&answers["models"]));
}

async fn upgrades_once_and_keeps_the_database_of_before(version: &str, name: &str) {
    let (data, models, answers) = recorded(version, name);
    let database = data.path().join("mitsuke.db");
    let before = schema(&database);
    let start = async || Server::start(mitsuke("serve", data.path()).env("MITSUKE_MODELS_DIR", &models)).ready().await;
    let stop = |mut server: Server| {
        server.interrupt();
        assert!(server.wait_for_end().success());
    };
    let server = start().await;
    assert_same(&server, &answers).await;
    stop(server);
    let after = schema(&database);
    assert!(after > before, "the schema is still {after}");
    let kept_at_first = kept(data.path());
    let copy = data.path().join(format!("mitsuke.db.schema-{before}"));
    assert_eq!(kept_at_first.keys().collect::<Vec<_>>(), [&copy]);
    assert_eq!(schema(&copy), before);
    let server = start().await;
    assert_same(&server, &answers).await;
    stop(server);
    assert_eq!((schema(&database), kept(data.path())), (after, kept_at_first));
    let output = mitsuke("check", data.path()).env("MITSUKE_MODELS_DIR", &models).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_directory_of_0_2_after_a_clean_stop_is_upgraded_once() {
    upgrades_once_and_keeps_the_database_of_before("0.2", "stopped").await;
}

#[tokio::test]
async fn a_directory_of_0_2_after_a_kill_is_upgraded_once() {
    upgrades_once_and_keeps_the_database_of_before("0.2", "killed").await;
}

#[tokio::test]
async fn a_directory_of_0_1_after_a_clean_stop_is_upgraded_once() {
    upgrades_once_and_keeps_the_database_of_before("0.1", "stopped").await;
}

#[tokio::test]
async fn a_directory_of_0_1_after_a_kill_is_upgraded_once() {
    upgrades_once_and_keeps_the_database_of_before("0.1", "killed").await;
}
