//! Collections and filters that look random and are the same in every run.

use mitsuke_store::{Filter, ImageId, Store};
use time::macros::datetime;
use time::{Duration, PrimitiveDateTime};

use crate::fixtures::*;

const NAMES: [&str; 8] = ["a2", "a10", "A02", "b", "猫1", "ねこ", "ネコ", "img_0007"];
const TAGS: [&str; 6] = ["cat", "CAT", "海", "new york", "ネコ", "c#"];
const CHECKPOINTS: [&str; 3] = ["SDXL", "sdxl", "flux"];
const SAMPLERS: [&str; 2] = ["Euler a", "DPM++"];
const LORAS: [&str; 4] = ["ink", "styles/Ink.safetensors", "glow", "ネオン"];
const CAMERAS: [&str; 3] = ["Canon EOS R5", "CANON EOS R5", "FUJIFILM X100V"];
const PATHS: [&str; 6] =
    ["Photos/2024/a.jpg", "photos/2024/b.jpg", "Photos/2024/Kyoto/c.jpg", "d.jpg", "京都/2024/e.jpg", "Kyoto2/f.jpg"];
const WORDS: [&str; 6] = ["a cat", "眠る猫", "ネコ カフェ", "sea, 海", "masterpiece", "cafe 日本"];
const TYPES: [&str; 2] = ["image/png", "image/jpeg"];

/// A generator of numbers.
pub struct Numbers(u64);

impl Numbers {
    /// Makes a generator whose numbers depend on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Returns true once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }

    fn some_of(&mut self, texts: &[&str], most: usize) -> Vec<String> {
        (0..=self.below(most)).map(|_| self.one_of(texts).to_owned()).collect()
    }

    fn time(&mut self) -> PrimitiveDateTime {
        datetime!(2024-01-31 23:59)
            + Duration::days(30 * self.below(4) as i64)
            + Duration::minutes(self.below(2) as i64)
    }
}

/// Fills a store with `count` images that have few values of every fact.
pub fn fill(store: &dyn Store, count: usize, seed: u64) -> Vec<ImageId> {
    let mut numbers = Numbers::new(seed);
    (0..count).map(|n| random_picture(n, &mut numbers).insert(store)).collect()
}

/// Makes a picture with few values of every fact.
pub fn random_picture(n: usize, numbers: &mut Numbers) -> Picture {
    let mut picture = picture(&n.to_string())
        .named(&format!("{}.png", numbers.one_of(&NAMES)))
        .of_type(numbers.one_of(&TYPES))
        .sized(100 * u32::try_from(numbers.below(4)).unwrap(), 300)
        .at(i64::try_from(numbers.below(5)).unwrap());
    picture.bytes.resize(8 + numbers.below(4), b' ');
    if numbers.once_in(2) {
        picture = picture.caption(numbers.one_of(&WORDS));
    }
    if numbers.once_in(2) {
        let loras: Vec<_> = numbers.some_of(&LORAS, 3).iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
        let json = format!(
            r#"{{"prompt":"{}","model":"{}","sampler":"{}","seed":{},"loras":[{}]}}"#,
            numbers.one_of(&WORDS),
            numbers.one_of(&CHECKPOINTS),
            numbers.one_of(&SAMPLERS),
            numbers.below(3),
            loras.join(",")
        );
        picture = picture.prompt("raw").generation(&json);
    }
    if numbers.once_in(2) {
        let tags = numbers.some_of(&TAGS, 3);
        picture = picture.tagged(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    }
    if numbers.once_in(2) {
        let taken = numbers.time();
        picture = picture.taken(taken).by_camera(numbers.one_of(&CAMERAS));
    }
    if numbers.once_in(2) {
        picture = picture.from_path(numbers.one_of(&PATHS));
    }
    picture
}

/// Makes a filter of one or two conditions, now and then with conditions that images may not meet.
pub fn random_filter(numbers: &mut Numbers) -> Filter {
    let mut filter = Filter::default();
    for _ in 0..=numbers.below(2) {
        random_condition(&mut filter, numbers);
    }
    for _ in 0..numbers.below(3) {
        let mut none = Filter::default();
        random_condition(&mut none, numbers);
        filter.none_of.push(none);
    }
    filter
}

fn random_condition(filter: &mut Filter, numbers: &mut Numbers) {
    let folders = ["/photos", "2024", "Kyoto", "/", "2024/kyoto", "/京都/", " ", "/photos/20"];
    match numbers.below(16) {
        0 => filter.file_types = numbers.some_of(&TYPES, 2),
        1 => filter.min_width = Some(200),
        2 => filter.has_caption = Some(numbers.once_in(2)),
        3 => filter.file_name_contains = Some(numbers.one_of(&["ねこ", "A", "png"]).to_owned()),
        4 => filter.file_name_pattern = Some(numbers.one_of(&["a*", "?0?.png", "*コ*"]).to_owned()),
        5 => filter.checkpoints = numbers.some_of(&CHECKPOINTS, 2),
        6 => filter.samplers = numbers.some_of(&["euler A", "x"], 2),
        7 => filter.seed = Some(1),
        8 => filter.tags = numbers.some_of(&TAGS, 2),
        9 => filter.any_tags = numbers.some_of(&TAGS, 2),
        10 => filter.taken_from = Some(numbers.time()),
        11 => filter.taken_before = Some(numbers.time()),
        12 => filter.has_taken = Some(numbers.once_in(2)),
        13 => filter.cameras = numbers.some_of(&CAMERAS, 2),
        14 => filter.folders = numbers.some_of(&folders, 2),
        _ => match numbers.below(3) {
            0 => filter.loras = numbers.some_of(&LORAS, 2),
            1 => filter.any_loras = numbers.some_of(&LORAS, 2),
            _ => filter.terms = numbers.some_of(&["猫", "cat", "\"ネコ\"", "カフェ", "!", "png"], 2),
        },
    }
}
