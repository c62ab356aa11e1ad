//! A made-up collection: two pictures of three come from an image generator, the others from a camera.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::Outcome;
use crate::synthetic::{Clip, Random};

/// The number of components of an embedding.
pub const DIMENSION: usize = 256;

/// The schema of an earlier version of the program, which the first start upgrades.
const SCHEMA: [&str; 6] = [
    include_str!("../../../../sql/sqlite/0001_tables.sql"),
    include_str!("../../../../sql/sqlite/0002_text_index.sql"),
    include_str!("../../../../sql/sqlite/0003_models_and_filters.sql"),
    include_str!("../../../../sql/sqlite/0004_folded_names.sql"),
    include_str!("../../../../sql/sqlite/0005_tags.sql"),
    include_str!("../../../../sql/sqlite/0006_thumbnails.sql"),
];

/// The mark of the databases of the program.
const APPLICATION_ID: i32 = 0x4D54_534B;

/// The most frequent parts of prompts, by descending frequency. 5,000 made-up parts follow.
const PARTS: [&str; 20] = [
    "masterpiece",
    "best quality",
    "1girl",
    "cinematic lighting",
    "highres",
    "smile",
    "sky",
    "flower",
    "cat",
    "night city",
    "sunset",
    "forest",
    "long hair",
    "blue eyes",
    "school uniform",
    "armor",
    "mountain",
    "river",
    "snow",
    "rain",
];

/// The most frequent words of captions, by descending frequency. 2,000 made-up words follow.
const WORDS: [&str; 16] = [
    "猫",
    "犬",
    "女の子",
    "夕焼け",
    "海",
    "山",
    "桜",
    "街",
    "夜景",
    "花火",
    "青い車",
    "寿司",
    "雪",
    "森",
    "笑顔",
    "空",
];

/// The most frequent tags. 3,000 made-up tags follow.
const TAGS: [&str; 8] = ["sky", "people", "旅行", "food", "night", "family", "庭", "work"];

const SAMPLERS: [&str; 4] = ["Euler a", "DPM++ 2M Karras", "DDIM", "UniPC"];

/// Draws one of `named` and some made-up words, by a Pareto distribution.
fn draw(random: &mut Random, named: &[&str], made_up: usize, prefix: &str) -> String {
    let rank = (1.0 - random.uniform()).powf(-1.0 / 0.7).min(1e9) as usize - 1;
    match named.get(rank) {
        Some(word) => (*word).to_owned(),
        None => format!("{prefix}{:04}", rank.min(named.len() + made_up - 1) - named.len()),
    }
}

/// Writes a database of `images` images into a new folder.
pub fn make(directory: &Path, images: usize, clip: &Clip) -> Outcome<()> {
    std::fs::create_dir_all(directory)?;
    let mut db = Connection::open(directory.join("mitsuke.db"))?;
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    for step in SCHEMA {
        db.execute_batch(step)?;
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", SCHEMA.len() as i64)?;
    let transaction = db.transaction()?;
    transaction.execute(
        "INSERT INTO embedding_models (model_name, model_version, vector_dimension, is_current, maintained)
         VALUES ('bench', '1', ?, 1, 1)",
        [DIMENSION as i64],
    )?;
    let mut random = Random::new(1);
    for n in 1..=images {
        insert(&transaction, n, &mut random, clip)?;
    }
    transaction.commit()?;
    Ok(())
}

fn insert(db: &Connection, n: usize, random: &mut Random, clip: &Clip) -> Outcome<()> {
    let generated = !n.is_multiple_of(3);
    let mut hash = [0; 32];
    hash.iter_mut().zip((n as u64).to_le_bytes()).for_each(|(byte, with)| *byte = with);
    let model = format!("model{:02}", random.next() % 40);
    let sampler = SAMPLERS[random.next() as usize % SAMPLERS.len()];
    let seed = random.next() >> 24;
    let prompt = (0..25).map(|_| draw(random, &PARTS, 5_000, "tag")).collect::<Vec<_>>().join(", ");
    let lora = format!("lora{:02}", random.next() % 60);
    let raw = format!(
        "parameters:{prompt}\nNegative prompt: lowres, bad anatomy\nSteps: 20, Sampler: {sampler}, CFG scale: 7, \
         Seed: {seed}, Size: 512x768, Model: {model}"
    );
    let generation = format!(
        r#"{{"prompt":"{prompt}","negative_prompt":"lowres, bad anatomy","seed":{seed},"steps":20,"sampler":"{sampler}",
            "model":"{model}","loras":[{{"name":"{lora}","weight":0.8}}]}}"#
    );
    let text = |text| if generated { Some(text) } else { None };
    db.prepare_cached(
        "INSERT INTO images (image_id, sha256, file_name, file_type, byte_count, width, height, upload_date,
             has_generation_prompt, generation, generation_prompt, generation_model, generation_sampler,
             generation_seed)
         VALUES (?1, ?2, ?3, ?4, ?5, 512, 768, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        n as i64,
        hash,
        format!("IMG_{n:06}.{}", if generated { "png" } else { "jpg" }),
        if generated { "image/png" } else { "image/jpeg" },
        (random.next() % 5_000_000) as i64,
        1_700_000_000_000_000 + n as i64 * 1_000_000,
        generated,
        text(&generation),
        text(&raw),
        text(&model),
        text(&sampler.to_owned()),
        text(&seed.to_string()),
    ])?;
    db.prepare_cached("INSERT INTO image_contents (image_id, image_data) VALUES (?, x'00')")?.execute([n as i64])?;
    if !generated || n.is_multiple_of(7) {
        let words = (0..6).map(|_| draw(random, &WORDS, 2_000, "語")).collect::<Vec<_>>().join("、");
        db.prepare_cached("INSERT INTO image_descriptions (image_id, caption) VALUES (?, ?)")?
            .execute(params![n as i64, format!("{words}の写真")])?;
    }
    for place in 0..4_i64 {
        let tag = draw(random, &TAGS, 3_000, "label");
        db.prepare_cached(
            "INSERT OR IGNORE INTO image_tags (image_id, folded, place, tag, is_set) VALUES (?1, ?2, ?3, ?2, 1)",
        )?
        .execute(params![n as i64, tag, place])?;
    }
    let vector: Vec<u8> = clip.image(n as u64).iter().flat_map(|x| x.to_le_bytes()).collect();
    db.prepare_cached("INSERT INTO image_embeddings (model_id, image_id, embedding) VALUES (1, ?, ?)")?
        .execute(params![n as i64, vector])?;
    Ok(())
}

/// Adds what earlier versions did not keep: the times, cameras and folders of the pictures of a camera.
pub fn add_origins(directory: &Path) -> Outcome<()> {
    let db = Connection::open(directory.join("mitsuke.db"))?;
    db.execute_batch(
        "BEGIN;
         UPDATE images SET taken_local = 1500000000000000 + image_id * 977000000 % 200000000000000,
                camera = 'Camera ' || image_id % 12,
                source_path = 'Photos/' || (2015 + image_id % 10) || '/' || (image_id % 50) || '/' || file_name
         WHERE image_id % 3 = 0;
         UPDATE store_facts SET value = 0 WHERE name = 'facts_version';
         COMMIT;",
    )?;
    Ok(())
}
