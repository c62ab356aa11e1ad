//! Each fuzz target holds for its seeds and for a fixed number of changes of each. FUZZ_MUTATIONS sets the number, and
//! the changes are the same in every run.

use std::panic::catch_unwind;

use mitsuke_fuzzing::{TARGETS, changes, seeds};

/// Checks a target with so many changes of each seed, unless FUZZ_MUTATIONS says another number.
fn smoke(name: &str, changes_of_each: u64) {
    let changes_of_each = std::env::var("FUZZ_MUTATIONS").map_or(changes_of_each, |text| text.parse().unwrap());
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds::of(name).unwrap();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (place, (seed_name, seed)) in seeds.iter().enumerate() {
        target(seed);
        for number in 0..changes_of_each {
            let (_, other) = &seeds[(place + number as usize) % seeds.len()];
            let changed = changes::changed(seed, other, number);
            if let Err(panic) = catch_unwind(|| target(&changed)) {
                let input = std::env::temp_dir().join(format!("{name}-{number}-of-seed-{place}"));
                std::fs::write(&input, &changed).unwrap();
                println!("change {number} of {seed_name} does not hold; it is kept in {}", input.display());
                std::panic::resume_unwind(panic);
            }
        }
    }
}

macro_rules! smoke_tests {
    ($($name:ident: $changes:literal),* $(,)?) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name), $changes);
        })*

        #[test]
        fn every_target_is_tested_and_has_its_file() {
            let named = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|(name, _)| name), named);
            for name in named {
                let file = format!("{}/../../fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(&file).unwrap();
                assert!(text.contains(&format!("mitsuke_fuzzing::{name}(")), "{file}");
            }
        }
    };
}

smoke_tests!(decode: 30, texts: 100, prompts: 1_000, multipart: 300, query_line: 1_000, snapshot: 1_000, model_json: 1_000);
