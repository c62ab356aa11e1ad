//! An older database is put back beside newer vector indexes: every picture that is answered as stored afterwards is
//! still found by its own bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::figures::{Faults, Progress, setting};
use crate::harness::{Server, small_models};
use crate::pictures::picture;

/// The edge of the pictures in pixels.
const EDGE: u32 = 64;

/// The place among the hits that a picture has to be found at.
const FIRST: usize = 5;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn pictures_are_found_after_an_older_database_was_put_back() {
    let (count, faults) = (setting("SOAK_PICTURES", 300_u64), Faults::default());
    let after = setting("SOAK_AFTER", 350_u64);
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    upload(&server, 0..count, &faults).await;
    server.stop_to_start_again(&faults).await;
    let kept = server.folder().join("kept");
    copy_database(server.data(), &kept).expect("a copy of the database");

    server.start_again().await;
    upload(&server, count..2 * count, &faults).await;
    server.stop_to_start_again(&faults).await;
    for file in database_files(server.data()).expect("the data directory") {
        fs::remove_file(file).expect("a file of the database");
    }
    copy_database(&kept, server.data()).expect("the database of before");

    server.start_again().await;
    let ids = upload(&server, 2 * count..2 * count + after, &faults).await;
    server.kill();
    server.start_again().await;
    // The indexes may be built anew in the background; until then the rows answer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let missed = missed(&server, 2 * count, &ids, &faults).await;
    println!("{missed} of {} pictures are not among the first {FIRST} for their own bytes", ids.len());
    faults.check(missed == 0, || format!("{missed} pictures are not found by their own bytes"));
    server.stop(&faults).await;
    faults.assert_none();
}

/// Uploads the pictures of these numbers, and returns the ids of their images.
async fn upload(server: &Server, numbers: std::ops::Range<u64>, faults: &Faults) -> Vec<i64> {
    let (client, mut ids) = (server.client(), Vec::new());
    for number in numbers {
        match client.upload(&format!("stale-{number}.png"), &picture(number, EDGE)).await {
            Ok(answer) if answer.status == 201 => ids.push(answer.image_id()),
            Ok(answer) => faults.add(format!("upload {number} was answered with {}", answer.problem())),
            Err(error) => faults.add(format!("upload {number} was lost: {error}")),
        }
    }
    ids
}

/// Searches for each picture with its own bytes, and counts those that are not among the first hits.
async fn missed(server: &Server, first: u64, ids: &[i64], faults: &Faults) -> usize {
    let (client, progress, mut missed) = (server.client(), Progress::new("searched", ids.len()), 0);
    for (number, image_id) in (first..).zip(ids) {
        match client.post_file("/search/image", "query.png", &picture(number, EDGE)).await {
            Ok(answer) if answer.status == 200 => {
                let json = answer.json();
                let hits = json["hits"].as_array().map_or(&[][..], Vec::as_slice);
                missed += usize::from(!hits.iter().take(FIRST).any(|hit| hit["image_id"] == *image_id));
            }
            Ok(answer) => faults.add(format!("search {number} was answered with {}", answer.problem())),
            Err(error) => faults.add(format!("search {number} was lost: {error}")),
        }
        progress.step();
    }
    missed
}

/// Returns the files of the database: itself, and the log beside it where there is one.
fn database_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let is_database = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("mitsuke.db"))
    };
    Ok(files.into_iter().filter(is_database).collect())
}

fn copy_database(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for file in database_files(from)? {
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, to.join(name))?;
    }
    Ok(())
}
