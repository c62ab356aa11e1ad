//! `mitsuke import`.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use image::ImageFormat;
use mitsuke_image::{parse_generation_prompt, read_texts};
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{
    Filter, ImagePatch, ImageStore as _, Inserted, Model, ModelStore as _, NewImage, NewModel, Origin, Sha256,
    Store as _, TakenAt, UnitVector,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::macros::{datetime, offset};
use time::{Duration as Span, OffsetDateTime};

use crate::oracle::processes::{command as on_oracle, shared};
use crate::pictures::{encoded, pixels, png, png_with_text};
use crate::server::{Server, TIMEOUT, mitsuke};
use crate::upload::runner::{Output, finish, signal};

/// The longest log that a killed import has written.
const KILLED_AT: usize = 12;

fn piped(command: &mut Command) -> &mut Command {
    command.env("RUST_LOG", "warn").stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// Imports a folder with a command, and asserts the exit status.
#[track_caller]
fn import_with(command: &mut Command, folder: &Path, more: &[&str], code: i32) -> Output {
    let output = finish(piped(command.arg(folder).args(more)).spawn().unwrap());
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

/// Imports a folder into the embedded store of a data directory, and asserts the exit status.
#[track_caller]
fn import(data: &Path, folder: &Path, more: &[&str], code: i32) -> Output {
    import_with(&mut mitsuke("import", data), folder, more, code)
}

/// Exports everything that a server has, with its embeddings, and returns the lines of the images, in the order of their
/// hashes and without what belongs to one store alone.
fn export(server: &Server, folder: &Path) -> (Value, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
    command.arg("export").arg(folder).args(["--embeddings", "--jobs", "8", "--server", &server.url("")]);
    let output = finish(piped(&mut command).env_remove("MITSUKE_API_KEY").spawn().unwrap());
    assert_eq!(output.code, Some(0), "{output:#?}");
    let mut lines = lines(folder);
    let first = lines.remove(0);
    let end = lines.pop().unwrap();
    assert_eq!((&end["kind"], &end["left_out"]), (&json!("end"), &json!(0)));
    for line in &mut lines {
        let facts = line.as_object_mut().unwrap();
        for own in ["image_id", "file"] {
            facts.remove(own).unwrap();
        }
    }
    lines.sort_by_key(|line| line["sha256"].as_str().unwrap().to_owned());
    (first["models"].clone(), lines)
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("mitsuke-export.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes changed lines of an export.
fn rewrite(folder: &Path, change: impl Fn(&mut Value)) {
    let mut lines = lines(folder);
    lines.iter_mut().for_each(change);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.join("mitsuke-export.jsonl"), text).unwrap();
}

async fn serve(data: &Path) -> Server {
    Server::start(&mut mitsuke("serve", data)).ready().await
}

fn stop(mut server: Server) {
    server.interrupt();
    assert!(server.wait_for_end().success());
}

/// Opens the embedded store of a data directory.
fn open(data: &Path) -> SqliteStore {
    SqliteStore::open(data, SqliteOptions::default()).unwrap()
}

/// Returns everything that a store says of its images, by their hash.
fn stored(data: &Path) -> BTreeMap<String, mitsuke_store::Image> {
    let store = open(data);
    let images = store.newest(&Filter::default(), None, 100_000).unwrap();
    store.close().unwrap();
    images.into_iter().map(|image| (image.sha256.to_string(), image)).collect()
}

/// A small picture that no other number has.
fn small(number: u32) -> Vec<u8> {
    let mut picture = pixels(number, 16, 16);
    let [a, b, c, _] = number.to_le_bytes();
    picture.put_pixel(0, 0, image::Rgb([a, b, c]));
    encoded(&picture, ImageFormat::Png)
}

/// Returns a vector that no other number has.
fn vector(number: u32, dimension: usize) -> UnitVector {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    UnitVector::normalize((0..dimension).map(|_| next()).collect()).unwrap()
}

fn model(store: &SqliteStore, name: &str, dimension: usize) -> Model {
    let new = NewModel { model_name: name.into(), model_version: "1.0.0".into(), vector_dimension: dimension };
    store.register_model(&new).unwrap()
}

/// Fills an embedded store with a collection that has a little of everything.
fn fill(data: &Path, count: u32) {
    let store = open(data);
    let (tiny, wide) = (model(&store, "tiny", 32), model(&store, "wide", 48));
    for first in (0..count).step_by(500) {
        let numbers = first..count.min(first + 500);
        let originals: Vec<_> = numbers
            .clone()
            .map(|n| match n % 10 {
                0 => png_with_text(n + 1_000_000, &[("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 7")]),
                _ => small(n),
            })
            .collect();
        let found: Vec<_> =
            originals.iter().map(|bytes| read_texts(bytes, 10_000, &Default::default()).unwrap()).collect();
        let texts: Vec<_> = numbers
            .clone()
            .map(|n| {
                (
                    format!("写真 {n}.png"),
                    format!("説明 {n}"),
                    format!("フォルダ{}/{n}.png", n % 7),
                    format!("a dog, no {n}"),
                )
            })
            .collect();
        let generations: Vec<_> = texts.iter().map(|(.., prompt)| parse_generation_prompt(prompt)).collect();
        let vectors: Vec<_> = numbers
            .clone()
            .map(|n| {
                let mut vectors = vec![(tiny.model_id, vector(n, 32))];
                vectors.extend((n % 3 > 0).then(|| (wide.model_id, vector(n, 48))));
                vectors
            })
            .collect();
        let tags: Vec<Vec<String>> =
            numbers.clone().map(|n| vec![format!("タグ{}", n % 5), "all".into(), format!("n{n}")]).collect();
        let images: Vec<_> = numbers
            .clone()
            .enumerate()
            .map(|(at, n)| {
                let (name, caption, path, prompt) = &texts[at];
                let described = &found[at].described;
                let sets_prompt = n % 4 == 1;
                NewImage {
                    bytes: &originals[at],
                    sha256: Sha256::of(&originals[at]),
                    file_name: name,
                    file_type: "image/png",
                    width: if n % 10 == 0 { 24 } else { 16 },
                    height: if n % 10 == 0 { 24 } else { 16 },
                    upload_date: datetime!(2024-01-02 03:04:05.678901 UTC)
                        + Span::microseconds(i64::from(n) * 1_000_003),
                    generation_prompt: if sets_prompt { Some(prompt) } else { described.generation_prompt.as_deref() },
                    generation: if sets_prompt { generations[at].as_ref() } else { described.generation.as_ref() },
                    generation_prompt_origin: if sets_prompt { Origin::Set } else { Origin::Found },
                    caption: (n % 3 > 0).then_some(caption),
                    caption_origin: Origin::Set,
                    tags: &[],
                    added_tags: if n % 6 == 0 { &[] } else { &tags[at] },
                    listed_tags: None,
                    taken: (n % 2 == 0).then(|| TakenAt {
                        local: datetime!(2023-05-06 07:08:09.12),
                        offset: (n % 4 == 0).then_some(offset!(+9)),
                    }),
                    taken_origin: Origin::Set,
                    camera: (n % 2 == 0).then_some("Canon EOS R5"),
                    source_path: (n % 5 > 0).then_some(path),
                    reader_version: mitsuke_image::READER_VERSION,
                    embeddings: &vectors[at],
                    linked: None,
                }
            })
            .collect();
        for answer in store.insert_images(&images).unwrap() {
            assert!(matches!(answer, Ok(Inserted::Created(_))), "{answer:?}");
        }
    }
    // Some images change after their upload.
    for image_id in 1..20 {
        let patch = ImagePatch {
            remove_tags: vec!["all".into()],
            add_tags: vec!["後".into()],
            file_name: Some(format!("renamed {image_id}.png")),
            caption: (image_id % 2 == 0).then_some(None),
            ..ImagePatch::default()
        };
        store.update_image(image_id, &patch).unwrap().unwrap();
    }
    store.close().unwrap();
}

#[tokio::test]
async fn a_collection_goes_from_sqlite_to_oracle_and_back_unchanged() {
    const COUNT: u32 = 2_000;
    let (a, exports, oracle, c) = (folder(), folder(), shared(), folder());
    fill(a.path(), COUNT);
    let [first, second, third] = ["a", "b", "c"].map(|name| exports.path().join(name));
    let server = serve(a.path()).await;
    let before = export(&server, &first);
    stop(server);
    assert_eq!(before.1.len(), COUNT as usize);
    assert_eq!(before.1.iter().filter(|line| line["embeddings"].as_array().unwrap().len() == 2).count(), 1_333);

    let output = import_with(&mut on_oracle("import", &oracle), &first, &["--trust-embeddings", "--batch", "250"], 0);
    output.assert_row(COUNT, "imported");
    let server = Server::start(&mut on_oracle("serve", &oracle)).ready().await;
    let there = export(&server, &second);
    stop(server);
    assert_same(&before, &there);

    // A kill on the way back loses nothing and makes nothing twice.
    let mut killed = mitsuke("import", c.path());
    let mut killed = piped(killed.arg(&second).args(["--trust-embeddings", "--batch", "20"])).spawn().unwrap();
    let log = c.path().join("mitsuke.db-wal");
    let begun = Instant::now();
    while fs::metadata(&log).map_or(0, |file| file.len()) < 1 << 20 {
        assert!(begun.elapsed() < TIMEOUT && killed.try_wait().unwrap().is_none(), "nothing to kill");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&killed, "-KILL");
    assert_eq!(finish(killed).code, None);
    let stored = u32::try_from(stored(c.path()).len()).unwrap();
    assert!(stored > 0 && stored < COUNT, "{stored} of {COUNT} are stored");
    let output = import(c.path(), &second, &["--trust-embeddings"], 0);
    output.assert_row(COUNT - stored, "imported");
    output.assert_row(stored, "in the store already");
    let server = serve(c.path()).await;
    let back = export(&server, &third);
    stop(server);
    assert_same(&before, &back);
    // The removed tag of an image stays removed, and texts that are not in the file count as set.
    let store = open(c.path());
    let reading = mitsuke_store::Reading::default();
    let changes = mitsuke_store::ReadingStore::put_reading(&store, 2, 1_000, Some(&reading)).unwrap().unwrap();
    assert!(!changes.caption && !changes.tags, "{changes:?}");
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[track_caller]
fn assert_same(before: &(Value, Vec<Value>), after: &(Value, Vec<Value>)) {
    assert_eq!(before.0, after.0);
    for (before, after) in before.1.iter().zip(&after.1) {
        assert_eq!(before, after);
    }
    assert_eq!(before.1.len(), after.1.len());
}

/// Makes a folder of pictures with a caption, a file that is no picture, and a folder below.
fn pictures(count: u32) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("below")).unwrap();
    for number in 0..count {
        let below = if number % 2 == 0 { "below/" } else { "" };
        fs::write(folder.path().join(format!("{below}{number:04}.png")), png(number)).unwrap();
    }
    fs::write(folder.path().join("0001.txt"), "夕焼けの海").unwrap();
    fs::write(folder.path().join("notes.doc"), "no picture").unwrap();
    folder
}

#[tokio::test]
async fn a_folder_of_pictures_is_imported_and_found() {
    let (data, from) = (folder(), pictures(20));
    let output = import(data.path(), from.path(), &["--dry-run"], 0);
    output.assert_row(20, "would be imported");
    assert!(stored(data.path()).is_empty(), "a dry run stores nothing");
    let output = import(data.path(), from.path(), &["--batch", "7"], 0);
    output.assert_row(20, "imported");
    output.assert_row(1, "skipped: ");

    let images = stored(data.path());
    let image = &images[&Sha256::of(&png(1)).to_string()];
    assert_eq!((&image.file_name[..], image.caption.as_deref()), ("0001.png", Some("夕焼けの海")));
    assert_eq!(image.source_path.as_deref(), Some("0001.png"));
    let image = &images[&Sha256::of(&png(2)).to_string()];
    assert_eq!(image.source_path.as_deref(), Some("below/0002.png"));
    assert!(OffsetDateTime::now_utc() - image.upload_date < Span::minutes(10));

    // The log spares the files, and without it the hashes tell.
    import(data.path(), from.path(), &[], 0).assert_row(20, "done by an earlier run");
    import(data.path(), from.path(), &["--no-log"], 0).assert_row(20, "in the store already");
    fs::write(from.path().join("new.png"), png(99)).unwrap();
    let output = import(data.path(), from.path(), &[], 0);
    output.assert_row(20, "done by an earlier run");
    output.assert_row(1, "imported");

    let server = serve(data.path()).await;
    let search = json!({"query": "夕焼け", "mode": "keyword"});
    let (_, found) = server.send(server.client.post(server.url("/search/text")).json(&search)).await;
    let image_id = found["hits"][0]["image_id"].as_i64().unwrap_or_else(|| panic!("{found}"));
    assert_eq!(server.get(&format!("/images/{image_id}")).await.1["file_name"], "0001.png");
    assert_eq!(server.get("/models/1").await.1["embedded"], 21);
    // An image that is deleted comes back although the log has its file.
    let deleted = server.client.delete(server.url(&format!("/images/{image_id}"))).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    stop(server);
    import(data.path(), from.path(), &[], 0).assert_row(1, "imported");
}

#[tokio::test]
async fn an_import_that_is_killed_goes_on() {
    const COUNT: u32 = 150;
    let (data, from) = (folder(), pictures(COUNT));
    let log = data.path().join("mitsuke-import.jsonl");
    for how in ["-KILL", "-INT"] {
        let mut command = mitsuke("import", data.path());
        let mut running = piped(command.arg(from.path()).args(["--batch", "3", "--workers", "1"])).spawn().unwrap();
        let (begun, logged) = (Instant::now(), || fs::read_to_string(&log).map_or(0, |text| text.lines().count()));
        let before = logged();
        while logged() < before + KILLED_AT {
            assert!(begun.elapsed() < TIMEOUT && running.try_wait().unwrap().is_none(), "nothing to kill");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&running, how);
        let output = finish(running);
        match how {
            "-KILL" => assert_eq!(output.code, None),
            _ => {
                assert_eq!(output.code, Some(130), "{output:#?}");
                output.assert_prints("interrupted; the same command continues from here.");
            }
        }
        let images = stored(data.path());
        assert!(images.len() >= before && images.len() < COUNT as usize, "{how}: {}", images.len());
    }
    let before = u32::try_from(stored(data.path()).len()).unwrap();
    let output = import(data.path(), from.path(), &[], 0);
    output.assert_row(COUNT - before, "imported");
    assert_eq!(stored(data.path()).len(), COUNT as usize);
    let check = finish(piped(mitsuke("check", data.path()).args(["--sample", "20"])).spawn().unwrap());
    assert_eq!(check.code, Some(0), "{check:#?}");
}

/// Makes an export of pictures that the tiny model has embedded.
async fn exported(count: u32) -> TempDir {
    let (data, from, to) = (folder(), pictures(count), folder());
    import(data.path(), from.path(), &[], 0);
    let server = serve(data.path()).await;
    export(&server, to.path());
    stop(server);
    to
}

#[tokio::test]
async fn embeddings_of_another_model_are_refused() {
    let to = exported(6).await;
    let data = folder();
    import(data.path(), to.path(), &[], 0).assert_row(6, "imported");
    let server = serve(data.path()).await;
    let again = folder();
    let (models, images) = export(&server, again.path());
    stop(server);
    assert_eq!((&models[0]["model_name"], images.len()), (&json!("tiny"), 6));

    // A machine without the model cannot tell, and takes them only when told to.
    let (data, models) = (folder(), folder());
    let mut elsewhere = mitsuke("import", data.path());
    let output = import_with(elsewhere.env("MITSUKE_MODELS_DIR", models.path()), to.path(), &[], 2);
    output.assert_prints("cannot be compared with their pictures");
    let mut elsewhere = mitsuke("import", data.path());
    let elsewhere = elsewhere.env("MITSUKE_MODELS_DIR", models.path());
    import_with(elsewhere, to.path(), &["--trust-embeddings"], 0).assert_row(6, "imported");

    let other = base64::engine::general_purpose::STANDARD.encode(vector(1, 32).to_le_bytes());
    rewrite(to.path(), |line| {
        if line["kind"] == "image" {
            line["embeddings"][0]["vector"] = json!(other);
        }
    });
    let data = folder();
    let output = import(data.path(), to.path(), &[], 2);
    output.assert_prints("the embeddings of the export are not those of tiny 1.0.0 here");
    assert!(stored(data.path()).is_empty());
    rewrite(to.path(), |line| {
        if line["kind"] == "export" {
            line["models"][0]["vector_dimension"] = json!(31);
        }
    });
    import(data.path(), pictures(1).path(), &[], 0);
    let output = import(data.path(), to.path(), &["--trust-embeddings"], 2);
    output.assert_prints("has vectors of 32 components, not 31");
    assert_eq!(stored(data.path()).len(), 1);
}

#[tokio::test]
async fn pictures_without_an_embedding_are_embedded_here() {
    let to = exported(5).await;
    rewrite(to.path(), |line| {
        if line["kind"] == "image" && line["file_name"] != "0001.png" {
            line.as_object_mut().unwrap().remove("embeddings");
        }
    });
    let data = folder();
    import(data.path(), to.path(), &[], 0).assert_row(5, "imported");
    let server = serve(data.path()).await;
    assert_eq!(server.get("/models/1").await.1["embedded"], 5);
    stop(server);
    assert_eq!(stored(data.path())[&Sha256::of(&png(1)).to_string()].caption.as_deref(), Some("夕焼けの海"));
}

#[tokio::test]
async fn known_pictures_are_left_as_they_are() {
    let (data, from) = (folder(), pictures(3));
    import(data.path(), from.path(), &[], 0);
    fs::write(from.path().join("0001.txt"), "another caption").unwrap();
    import(data.path(), from.path(), &["--no-log"], 0).assert_row(3, "in the store already");
    assert_eq!(stored(data.path())[&Sha256::of(&png(1)).to_string()].caption.as_deref(), Some("夕焼けの海"));
}

#[tokio::test]
async fn a_file_that_is_not_the_exported_one_is_left_out() {
    let to = exported(8).await;
    let pictures = to.path().join("pictures");
    let mut flipped = png(1);
    flipped[50] ^= 1;
    fs::write(pictures.join("0001.png"), flipped).unwrap();
    fs::remove_file(pictures.join("0003.png")).unwrap();
    rewrite(to.path(), |line| {
        if line["file_name"] == "0005.png" {
            line["file"] = json!("../outside.png");
        }
        if line["file_name"] == "0007.png" {
            line["file"] = Value::Null;
            line["problem"] = json!({"code": "image_damaged", "detail": "It is damaged."});
        }
    });
    let data = folder();
    let output = import(data.path(), to.path(), &[], 1);
    output.assert_row(4, "imported");
    output.assert_row(4, "LEFT OUT");
    for words in
        ["0001.png: it is not the file that was exported", "0003.png: ", "leads out of the folder", "It is damaged."]
    {
        output.assert_prints(words);
    }
    // The whole files arrive with the next run.
    fs::write(pictures.join("0001.png"), png(1)).unwrap();
    fs::write(pictures.join("0003.png"), png(3)).unwrap();
    let output = import(data.path(), to.path(), &[], 1);
    output.assert_row(2, "imported");
    output.assert_row(4, "in the store already");
}

#[tokio::test]
async fn a_running_server_is_named() {
    let (data, from) = (folder(), pictures(1));
    let server = serve(data.path()).await;
    let output = import(data.path(), from.path(), &[], 2);
    output.assert_prints("a server runs on the store in");
    output.assert_prints("mitsuke upload");
    stop(server);
    let output = import(data.path(), &from.path().join("none"), &[], 2);
    output.assert_prints("none");
    let newer = folder();
    fs::write(newer.path().join("mitsuke-export.jsonl"), "{\"kind\":\"export\",\"version\":2}\n").unwrap();
    import(data.path(), newer.path(), &[], 2).assert_prints("use a newer program");
}
