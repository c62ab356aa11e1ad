//! Small files with texts that become large: what they cost in the database, in lists and in memory.

use bytes::Bytes;

use crate::crash::told;
use crate::figures::Faults;
use crate::harness::{Server, small_models};

/// The files, and the keywords of the compressed texts of each: captions, and a generation prompt.
const FILES: u8 = 100;
const KEYWORDS: [&str; 5] = ["Title", "Description", "Comment", "Warning", "parameters"];

/// The words of each text, which are all alike.
const WORDS: usize = 500_000;

/// The largest database that the files may make, in bytes.
const MOST: u64 = 100 << 20;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn texts_in_small_files_stay_small() {
    let faults = Faults::default();
    let server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let (client, mut sent) = (server.client(), 0);
    for number in 0..FILES {
        let file = swollen(number);
        sent += file.len();
        let outcome = client.upload("swollen.png", &file).await;
        let is_stored = outcome.as_ref().is_ok_and(|answer| answer.status == 201);
        faults.check(is_stored, || format!("upload {number} was answered with {}", told(&outcome)));
    }
    let before = server.megabytes("VmHWM:").unwrap_or_default();
    let lists = futures_util::future::join_all((0..3).map(|_| client.get("/images?limit=100"))).await;
    let largest = lists.iter().flatten().map(|answer| answer.body.len()).max().unwrap_or_default();
    let after = server.megabytes("VmHWM:").unwrap_or_default();
    let database = database_bytes(&server);
    println!(
        "{FILES} uploads of {} KB: database {} MB; list of {} MB; peak of memory {before} MiB, {after} MiB after three lists",
        sent / usize::from(FILES) / 1_000,
        database / 1_000_000,
        largest / 1_000_000
    );
    faults.check(database < MOST, || format!("the database has {database} bytes"));
    server.stop(&faults).await;
    faults.assert_none();
}

/// Returns the bytes of the database and of its log.
pub fn database_bytes(server: &Server) -> u64 {
    let bytes = |name: &str| std::fs::metadata(server.data().join(name)).map_or(0, |facts| facts.len());
    bytes("mitsuke.db") + bytes("mitsuke.db-wal")
}

/// Returns a PNG of 16 × 16 pixels with compressed texts. Each number gives another file.
pub fn swollen(number: u8) -> Bytes {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    for (letter, keyword) in (b'a'..).zip(KEYWORDS) {
        let words = format!("{}b ", char::from(letter)).repeat(WORDS);
        encoder.add_ztxt_chunk(keyword.to_owned(), words).expect("a compressed text");
    }
    let mut writer = encoder.write_header().expect("a header in memory");
    writer.write_image_data(&[number; 3 * 16 * 16]).expect("pixels in memory");
    writer.finish().expect("a file in memory");
    file.into()
}
