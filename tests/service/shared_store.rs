//! Several Mitsuke processes on one store. Each has its own models, backfills and memory, and the store alone knows
//! which model is current. The embedded store locks its directory, so the processes of these tests are parts of one
//! program that share an open store as they would share a database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mitsuke_clip::{EncoderOptions, Priority};
use mitsuke_engine::backfill::{BackfillState, Backfills};
use mitsuke_engine::intake::{Decoder, Intake, Upload};
use mitsuke_engine::maintenance::Maintenance;
use mitsuke_engine::models::Models;
use mitsuke_image::DecodeLimits;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{ModelId, Store};
use tempfile::TempDir;

const TINY: ModelId = 1;
const WIDE: ModelId = 2;

/// The parts of a process that it does not share.
struct Process {
    models: Arc<Models>,
    backfills: Arc<Backfills>,
    decoder: Arc<Decoder>,
    maintenance: Maintenance,
}

fn model_folders() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        std::os::unix::fs::symlink(root.join(from), dir.path().join(name)).unwrap();
    }
    dir
}

fn process(dir: &TempDir, store: &Arc<dyn Store>) -> Process {
    let options = EncoderOptions::default();
    let models = Models::open(dir.path(), Arc::clone(store), options, Duration::from_secs(600)).unwrap();
    models.warm_up().unwrap();
    let models = Arc::new(models);
    let decoder = Arc::new(Decoder::new(DecodeLimits::default(), 2));
    let (maintenance, backfills, _) =
        Maintenance::start(Arc::clone(&models), Arc::clone(&decoder), &options, usize::MAX).unwrap();
    Process { models, backfills, decoder, maintenance }
}

fn store(data: &TempDir) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(data.path(), SqliteOptions::default()).unwrap())
}

async fn add(process: &Process, store: &Arc<dyn Store>, seeds: std::ops::Range<u8>) {
    let intake = Intake::new(Arc::clone(store), Arc::clone(&process.models), Arc::clone(&process.decoder), 100_000);
    for seed in seeds {
        let pixels = image::RgbImage::from_pixel(20, 20, image::Rgb([seed, 255 - seed, 7]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let bytes = bytes.into_inner();
        let upload = Upload {
            sha256: mitsuke_store::Sha256::of(&bytes),
            bytes: bytes.into(),
            file_name: "a.png".to_owned(),
            caption: None,
            generation_prompt: None,
            tags: Vec::new(),
            source_path: None,
        };
        intake.register(upload).await.unwrap();
    }
}

async fn until(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the expected state is not reached");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn end(process: Process) {
    process.maintenance.stop();
    process.models.close();
}

#[tokio::test]
async fn a_switch_by_one_process_is_seen_by_the_next_request_of_another() {
    let (dir, data) = (model_folders(), tempfile::tempdir().unwrap());
    let store = store(&data);
    let [one, other] = [process(&dir, &store), process(&dir, &store)];
    for (model_id, dimension) in [(WIDE, 48), (TINY, 32), (WIDE, 48)] {
        one.models.switch(model_id, true).await.unwrap();
        let active = other.models.current().await.unwrap();
        assert_eq!(active.model.model_id, model_id);
        let vector = active.encoder.encode_text("赤", Priority::Search).await.unwrap();
        assert_eq!(vector.dimension(), dimension);
        other.models.check_ready().await.unwrap();
    }
    end(one);
    end(other);
}

#[tokio::test]
async fn only_the_process_with_the_lease_fills_a_model_and_another_takes_over() {
    let (dir, data) = (model_folders(), tempfile::tempdir().unwrap());
    let store = store(&data);
    let one = process(&dir, &store);
    add(&one, &store, 0..30).await;
    // Another process has the lease and makes no progress.
    assert!(store.claim_backfill(WIDE, "elsewhere", Duration::from_secs(600)).unwrap());
    one.backfills.start(WIDE, false).await.unwrap();
    until(|| one.backfills.status(WIDE).is_some_and(|status| status.state == BackfillState::Waiting)).await;
    assert_eq!(store.coverage(WIDE).unwrap().embedded, 0);
    store.release_backfill(WIDE, "elsewhere").unwrap();
    until(|| one.backfills.status(WIDE).is_some_and(|status| status.state == BackfillState::Finished)).await;
    assert_eq!((store.coverage(WIDE).unwrap().embedded, one.backfills.status(WIDE).unwrap().embedded), (30, 30));
    end(one);
}

#[test]
fn a_lease_in_the_embedded_store_ends_with_the_process_that_had_it() {
    let (dir, data) = (model_folders(), tempfile::tempdir().unwrap());
    let open = || {
        let store = store(&data);
        Models::open(dir.path(), Arc::clone(&store), EncoderOptions::default(), Duration::from_secs(600)).unwrap();
        store
    };
    let killed = open();
    assert!(killed.claim_backfill(WIDE, "killed", Duration::from_secs(600)).unwrap());
    killed.close().unwrap();
    drop(killed);
    assert!(open().claim_backfill(WIDE, "next", Duration::from_secs(600)).unwrap());
}

#[tokio::test]
async fn a_backfill_stops_when_another_process_retires_the_model() {
    let (dir, data) = (model_folders(), tempfile::tempdir().unwrap());
    let store = store(&data);
    let [one, other] = [process(&dir, &store), process(&dir, &store)];
    add(&one, &store, 0..60).await;
    one.backfills.start(WIDE, false).await.unwrap();
    other.backfills.retire(WIDE).await.unwrap();
    until(|| {
        let state = one.backfills.status(WIDE).map(|status| status.state);
        state.is_some_and(|state| [BackfillState::Stopped, BackfillState::Finished].contains(&state))
    })
    .await;
    assert_eq!(store.coverage(WIDE).unwrap().embedded, 0);
    end(one);
    end(other);
}

#[tokio::test]
async fn images_that_a_process_without_the_folder_leaves_out_are_embedded_by_one_that_has_it() {
    let (dir, without, data) = (model_folders(), model_folders(), tempfile::tempdir().unwrap());
    std::fs::remove_file(without.path().join("wide")).unwrap();
    let store = store(&data);
    let [other, one] = [process(&dir, &store), process(&without, &store)];
    store.set_maintained(WIDE, true).unwrap();
    // The upload does not fail because the other model is missing.
    add(&one, &store, 0..5).await;
    assert_eq!([TINY, WIDE].map(|id| store.coverage(id).unwrap().embedded), [5, 0]);
    assert!(one.backfills.start(WIDE, false).await.is_err());
    other.models.request_backfill_check();
    until(|| store.coverage(WIDE).unwrap().embedded == 5).await;
    end(one);
    end(other);
}
