//! The remains of a deletion in the files of a store, the size of these files, and who may read them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::texts::database_bytes;
use crate::figures::Faults;
use crate::harness::{Server, small_models};
use crate::pictures::noise;

/// A word that stands nowhere else.
const MARKER: &str = "quetzalcoatlusmarker";

/// The longest wait for space that comes back.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn deleting_leaves_nothing() {
    let faults = Faults::default();
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let client = server.client();
    let mut ids = Vec::new();
    for number in 0..40 {
        let id = client.upload(&format!("{MARKER}.png"), &noise(number, 1_000)).await.expect("an answer").image_id();
        let caption = json!({"caption": format!("a {MARKER} in the sky")});
        drop(client.send_json(Method::PATCH, &format!("/images/{id}"), &caption).await);
        ids.push(id);
    }
    let before = database_bytes(&server);
    for id in ids {
        drop(client.send(client.request(Method::DELETE, &format!("/images/{id}"))).await);
    }
    let begin = Instant::now();
    while database_bytes(&server) > before / 10 && begin.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let after = database_bytes(&server);
    println!(
        "40 deletions of 3 MB: {} MB before, {} MB {:.0} s later",
        before / 1_000_000,
        after / 1_000_000,
        begin.elapsed().as_secs_f64()
    );
    faults.check(after <= before / 10, || format!("{after} of {before} bytes are left"));
    let data = server.data().to_owned();
    server.stop_to_start_again(&faults).await;
    let (mut found, mut open) = (0, Vec::new());
    look(&data, &mut found, &mut open);
    println!("the marker occurs {found} times after DELETE and a clean stop; open to others: {open:?}");
    faults.check(found == 0, || format!("the marker occurs {found} times"));
    faults.check(open.is_empty(), || format!("others may read {open:?}"));
    faults.assert_none();
}

/// Counts the marker in the files of a folder, and notes the files and folders that others may read.
fn look(folder: &Path, found: &mut usize, open: &mut Vec<String>) {
    let mut note = |path: &Path| {
        let mode = fs::metadata(path).expect("a file of the store").permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            open.push(format!("{} {mode:o}", path.file_name().unwrap_or_default().display()));
        }
    };
    note(folder);
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of the store") {
        let path = entry.expect("a file of the store").path();
        if path.is_dir() {
            folders.push(path);
            continue;
        }
        note(&path);
        let bytes = fs::read(&path).expect("a file of the store");
        *found += bytes.windows(MARKER.len()).filter(|window| *window == MARKER.as_bytes()).count();
    }
    for folder in folders {
        look(&folder, found, open);
    }
}
