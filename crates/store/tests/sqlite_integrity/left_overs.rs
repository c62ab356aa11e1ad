//! Nothing of a deleted image is left in any file.

use super::*;

/// Returns the files of a directory that hold one of some texts.
fn holding(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain(snapshots(directory)).filter(|path| path.is_file()) {
        let bytes = fs::read(&path).unwrap();
        for text in texts {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!("{}: {text}", path.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    found
}

#[test]
fn the_texts_and_bytes_of_a_deleted_image_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let model = model(&store, "a");
    fill(&store, &model, "kept", 20, 1);
    let bytes = [&b"quxmarkerofbytes"[..], &[7; 5000]].concat();
    let secret = picture("quxmarkername")
        .bytes(&bytes)
        .caption("quxmarkercaption and more")
        .prompt("quxmarkerprompt, masterpiece")
        .generation(r#"{"prompt": "quxmarkerprompt, masterpiece"}"#)
        .embedded(&model, scattered(1, 7)[0].clone())
        .insert(&store);
    store.put_thumbnail(secret, 512, b"quxmarkerthumbnail").unwrap();
    fill(&store, &model, "later", 20, 2);
    let markers =
        ["quxmarkerofbytes", "quxmarkername", "quxmarkercaption", "quxmarkerprompt", "quxmarkerthumbnail"];
    // The log and the database hold all of them before the deletion.
    let before = holding(folder.path(), &markers);
    assert!(markers.iter().all(|marker| before.iter().any(|found| found.contains(marker))), "{before:?}");
    assert!(store.delete_image(secret).unwrap());
    store.close().unwrap();
    drop(store);
    assert_eq!(holding(folder.path(), &markers), Vec::<String>::new());
    // The index of what is kept still works.
    let store = open(folder.path());
    assert_eq!(found(&store, &["kept"]).len(), 20);
}

#[test]
fn a_deletion_is_wiped_while_the_store_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, &model(&store, "a"), "kept", 20, 1);
    let secret = picture("quxmarkername").caption("quxmarkercaption").insert(&store);
    store.delete_image(secret).unwrap();
    let started = Instant::now();
    while !holding(folder.path(), &["quxmarkername", "quxmarkercaption"]).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "the marker stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}
