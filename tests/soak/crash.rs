//! kill -9 in the middle of an upload: nothing that was answered is lost, and nothing is half there.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::client::{Client, Outcome};
use crate::figures::{Faults, Progress, setting};
use crate::harness::Server;
use crate::pictures::{picture, sha256};

/// The images that were answered as stored: number of the picture → id of the image.
type Answered = BTreeMap<usize, i64>;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn nothing_answered_is_lost_and_nothing_is_half_there() {
    let (count, threads) = (setting("SOAK_PICTURES", 200_usize), setting("SOAK_THREADS", 8_usize));
    let rounds = setting("SOAK_ROUNDS", 1_usize);
    assert!(count >= 10 && threads >= 1 && rounds >= 1, "give at least 10 pictures, 1 thread and 1 round");
    let (mut chance, faults) = (Chance::from_settings(), Faults::default());
    let pictures: Vec<_> = (0..count).map(|number| picture(number as u64, 160)).collect();
    for round in 1..=rounds {
        println!("== round {round} of {rounds}");
        one_round(&pictures, threads, &mut chance, &faults).await;
    }
    faults.assert_none();
    println!("nothing answered was lost, and nothing is half there");
}

async fn one_round(pictures: &[Bytes], threads: usize, chance: &mut Chance, faults: &Faults) {
    let count = pictures.len();
    let mut server = Server::start(&[]).await;
    let kill_after = chance.whole(count / 4..=count * 3 / 4);
    println!("kill -9 after {kill_after} answers");
    let jitter = Duration::from_secs_f64(chance.between(0.0, 0.05));
    let answered = upload_and_kill(&mut server, pictures, threads, kill_after, jitter, faults).await;
    println!("killed with {} of {count} uploads answered", answered.len());
    server.start_again().await;
    let client = server.client();
    check_answered(&client, pictures, &answered, faults).await;
    let more = check_whole(&client, pictures, &answered, faults).await;
    println!("{} answered pictures checked; {more} more were stored but not yet answered", answered.len());
    upload_all_again(&client, pictures, &answered, faults).await;
    server.stop(faults).await;
}

/// Uploads several pictures at once, and kills the server a moment after enough of them were answered.
async fn upload_and_kill(
    server: &mut Server,
    pictures: &[Bytes],
    threads: usize,
    kill_after: usize,
    jitter: Duration,
    faults: &Faults,
) -> Answered {
    let (client, enough) = (server.client(), Notify::new());
    let (answered, progress) = (RefCell::new(Answered::new()), Progress::new("uploaded before the kill", kill_after));
    let upload = async |first: usize| {
        for number in (first..pictures.len()).step_by(threads) {
            let outcome = client.upload(&format!("crash-{number}.png"), &pictures[number]).await;
            let mut answered = answered.borrow_mut();
            match outcome {
                Ok(answer) if answer.status == 201 => {
                    answered.insert(number, answer.image_id());
                    if answered.len() <= kill_after {
                        progress.step();
                    }
                    if answered.len() == kill_after {
                        enough.notify_one();
                    }
                }
                Ok(answer) => faults.add(format!("upload {number} was answered with {}", answer.problem())),
                // The server is killed only after enough answers.
                Err(error) => {
                    faults.check(answered.len() >= kill_after, || format!("upload {number} broke: {error}"));
                    return;
                }
            }
        }
    };
    {
        let mut uploads = std::pin::pin!(join_all((0..threads).map(upload)));
        tokio::select! {
            biased;
            () = enough.notified() => {}
            _ = &mut uploads => {
                faults.assert_none();
                panic!("the uploads ended before the kill");
            }
        }
        let ended = tokio::time::timeout(jitter, &mut uploads).await.is_ok();
        server.kill();
        if !ended {
            uploads.await;
        }
    }
    answered.into_inner()
}

/// Checks that every answered upload is there with the same bytes and is found by a search with its own picture.
async fn check_answered(client: &Client, pictures: &[Bytes], answered: &Answered, faults: &Faults) {
    let progress = Progress::new("checked", answered.len());
    for (&number, &image_id) in answered {
        match client.get(&format!("/images/{image_id}/content")).await {
            Ok(content) if content.status == 200 => {
                faults.check(content.body == pictures[number], || {
                    format!("picture {number} ({image_id}) came back with other bytes")
                });
                check_found(client, number, image_id, &pictures[number], faults).await;
            }
            lost => {
                faults.add(format!("picture {number} ({image_id}) was answered and is lost: {}", told(&lost)));
            }
        }
        progress.step();
    }
}

/// Checks that a search with the bytes of an image finds the image.
pub async fn check_found(client: &Client, number: usize, image_id: i64, data: &Bytes, faults: &Faults) {
    let found = client.post_file("/search/image", "query.png", data).await;
    let hits = match &found {
        Ok(answer) if answer.status == 200 => answer.json()["hits"].as_array().cloned().unwrap_or_default(),
        other => return faults.add(format!("the search with picture {number} was answered with {}", told(other))),
    };
    faults.check(hits.iter().any(|hit| hit["image_id"] == image_id), || {
        format!("picture {number} ({image_id}) is not among the {} hits of a search with itself", hits.len())
    });
}

/// Checks that each listed image is whole, also the ones that were never answered. Returns how many those are.
async fn check_whole(client: &Client, pictures: &[Bytes], answered: &Answered, faults: &Faults) -> usize {
    let known: HashSet<_> = pictures.iter().map(|data| sha256(data)).collect();
    let listed = client.images().await;
    for image in &listed {
        let image_id = image["image_id"].as_i64().expect("an id");
        let mut parts = Vec::new();
        for (what, path) in [("metadata", ""), ("content", "/content"), ("thumbnail", "/thumbnail")] {
            match client.get(&format!("/images/{image_id}{path}")).await {
                Ok(answer) if answer.status == 200 && !answer.body.is_empty() => parts.push(answer),
                other => faults.add(format!("the {what} of {image_id} was answered with {}", told(&other))),
            }
        }
        let [_, content, thumbnail] = parts.as_slice() else { continue };
        let hash = sha256(&content.body);
        let whole = image["sha256"] == hash && known.contains(&hash) && image["bytes"] == content.body.len();
        faults.check(whole, || format!("{image_id} is no whole picture of this upload"));
        let kind = thumbnail.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        faults.check(kind.starts_with("image/"), || format!("the thumbnail of {image_id} is {kind:?}, no picture"));
    }
    let ids: HashSet<_> = listed.iter().filter_map(|image| image["image_id"].as_i64()).collect();
    let hashes: HashSet<_> = listed.iter().filter_map(|image| image["sha256"].as_str()).collect();
    faults.check(ids.len() == listed.len() && hashes.len() == listed.len(), || "a picture is listed twice".to_owned());
    for (number, image_id) in answered {
        faults
            .check(ids.contains(image_id), || format!("picture {number} ({image_id}) was answered and is not listed"));
    }
    let answered: HashSet<_> = answered.values().copied().collect();
    ids.difference(&answered).count()
}

/// Checks that uploading everything again gives the ids of before, and stores one copy of each picture.
async fn upload_all_again(client: &Client, pictures: &[Bytes], answered: &Answered, faults: &Faults) {
    let progress = Progress::new("uploaded again", pictures.len());
    for (number, data) in pictures.iter().enumerate() {
        let outcome = client.upload(&format!("crash-{number}.png"), data).await;
        progress.step();
        match (&outcome, answered.get(&number)) {
            (Ok(answer), Some(&before)) if answer.status == 200 || answer.status == 201 => {
                let image_id = answer.image_id();
                faults.check(answer.status == 200 && image_id == before, || {
                    format!("picture {number} got a second copy: {before}, then {image_id} ({})", answer.status)
                });
            }
            (Ok(answer), None) if answer.status == 200 || answer.status == 201 => {}
            (other, _) => {
                faults.add(format!("the second upload of picture {number} was answered with {}", told(other)));
            }
        }
    }
    let stored = client.images().await.len();
    faults.check(stored == pictures.len(), || format!("{stored} pictures are stored, not {}", pictures.len()));
}

/// Returns the outcome of a request in a few words.
pub fn told(outcome: &Outcome) -> String {
    outcome.as_ref().map_or_else(|error| format!("nothing: {error}"), |answer| answer.problem())
}
