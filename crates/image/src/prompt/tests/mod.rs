//! The specification of the classification of text and of the dialects.

use proptest::prelude::*;
use serde_json::Value;

use super::dialects::a1111;
use super::dialects::examples::chunks;
use super::*;
use crate::text_chunks::TextChunks;

mod automatic1111;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const A1111: &str = "1girl, (smile:1.2),\nBREAK\ncherry blossoms\nNegative prompt: lowres,\nbad hands\n\
    Steps: 20, Sampler: Euler a, CFG scale: 6.5, Seed: 1201138276, Size: 512x512, Model hash: c5f2372baf, \
    Model: himawarimix_xlV10, ControlNet 0: \"Module: tile_resample, Model: control_v11f1e [a371b31b], \
    Steps: 3\", Version: v1.6.0";

fn a1111_parts() -> Generation {
    Generation {
        prompt: some("1girl, (smile:1.2),\nBREAK\ncherry blossoms"),
        negative_prompt: some("lowres,\nbad hands"),
        seed: Some(1_201_138_276),
        steps: Some(20),
        sampler: some("Euler a"),
        model: some("himawarimix_xlV10"),
        ..Generation::default()
    }
}

mod classification {
    use super::*;

    const GRAPH: &str = r#"{"3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 9, "positive": ["6", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat"}}}"#;

    #[test]
    fn the_texts_of_a_generator_are_the_generation_prompt_and_dates_are_not() {
        let found = describe(&chunks(&[("parameters", A1111), ("date:create", "2024-07-21")]), usize::MAX);
        assert_eq!(found.generation_prompt, Some(format!("parameters:{A1111}")));
        assert_eq!(found.generation, Some(a1111_parts()));
    }

    #[test]
    fn a_person_may_write_beside_a_generator() {
        let found = describe(&chunks(&[("parameters", A1111), ("Description", "my first try")]), usize::MAX);
        assert_eq!(found.generation_prompt, Some(format!("parameters:{A1111}")));
        assert!(found.caption.unwrap().contains("my first try"));
    }

    #[test]
    fn texts_of_a_generator_that_cannot_be_parsed_are_a_generation_prompt() {
        for pairs in [
            vec![("prompt", "{oops"), ("workflow", "{}")],
            vec![("workflow", "{\"nodes\": [], \"links\": []}")],
            vec![("sd-metadata", "{}")],
        ] {
            let found = describe(&chunks(&pairs), usize::MAX);
            let expected: Vec<_> = pairs.iter().map(|(key, text)| format!("{key}:{text}")).collect();
            assert_eq!(found.generation_prompt, Some(expected.join("\n")));
            assert_eq!((found.caption, found.generation), (None, None));
        }
    }

    #[test]
    fn any_other_text_is_the_caption() {
        for text in ["夕焼け at Kamakura", "How to bake bread.\nSteps: 3", "Model: X, Size: 3, Version: 4"] {
            let found = describe(&chunks(&[("Comment", text)]), usize::MAX);
            assert!(found.caption.unwrap().contains(text));
            assert_eq!((found.generation_prompt, found.generation), (None, None), "{text}");
        }
    }

    #[test]
    fn no_text_and_blank_text_give_neither_prompt_nor_caption() {
        assert_eq!(describe(&TextChunks::default(), usize::MAX), Described::default());
        let blank = describe(&chunks(&[("parameters", " \n"), ("prompt", "")]), usize::MAX);
        assert_eq!((blank.generation_prompt, blank.generation), (None, None));
    }

    #[test]
    fn a_long_generation_prompt_is_cut_and_its_parts_are_read_from_all_of_it() {
        let text = format!("{}\nNegative prompt: 犬\nSteps: 20, Seed: 7", "猫".repeat(1_000));
        let found = describe(&chunks(&[("parameters", &text)]), 15);
        assert_eq!(found.generation_prompt, some("parameters:猫猫猫猫"));
        let generation = found.generation.unwrap();
        assert_eq!((generation.seed, generation.truncated), (Some(7), true));
        let found = describe(&chunks(&[("workflow", "{\"nodes\": [], \"links\": []}")]), 10);
        assert_eq!(found.generation, Some(Generation { truncated: true, ..Generation::default() }));
        let mut cut_file = chunks(&[("parameters", A1111)]);
        cut_file.truncated = true;
        assert!(describe(&cut_file, usize::MAX).generation.unwrap().truncated);
    }

    #[test]
    fn of_two_generators_the_first_of_the_list_counts_and_the_texts_of_both_are_kept() {
        let found = describe(&chunks(&[("prompt", GRAPH), ("parameters", A1111)]), usize::MAX);
        assert_eq!(found.generation, Some(a1111_parts()));
        let stored = found.generation_prompt.unwrap();
        assert_eq!(stored, format!("prompt:{GRAPH}\nparameters:{A1111}"));
        assert_eq!(parse_generation_prompt(&stored), Some(a1111_parts()));
    }

    #[test]
    fn stored_forms_of_earlier_versions_read_back() {
        for stored in [
            format!("Software:x\nparameters:{A1111}\ndate:create:2024-07-21"),
            format!("parameters:{A1111}\nComment:hand-made"),
        ] {
            assert_eq!(parse_generation_prompt(&stored), Some(a1111_parts()));
        }
        let found = parse_generation_prompt("parameters:A raccoon.\nNegative prompt:\ndate:modify:2024").unwrap();
        assert_eq!((found.prompt, found.negative_prompt), (some("A raccoon."), None));
    }

    #[test]
    fn a_text_of_a_caller_needs_no_keyword() {
        assert_eq!(parse_generation_prompt(A1111), Some(a1111_parts()));
        assert_eq!(parse_generation_prompt(GRAPH).unwrap().prompt, some("a cat"));
        assert_eq!(parse_generation_prompt("a white cat on a sofa"), None);
        assert_eq!(parse_generation_prompt(""), None);
    }

    #[test]
    fn parts_that_an_earlier_version_stored_are_read() {
        let stored = r#"{"prompt":"a cat","negative_prompt":null,"seed":7,"steps":null,"sampler":null,"model":null}"#;
        let parts = Generation { prompt: some("a cat"), seed: Some(7), ..Generation::default() };
        assert_eq!(serde_json::from_str::<Generation>(stored).unwrap(), parts);
        assert_eq!(serde_json::to_string(&parts).unwrap(), stored);
    }
}

/// Returns a strategy for JSON of a few levels, with texts that are JSON themselves.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:,\\-<>\"\\[\\]{} 0-9]{0,12}".prop_map(Value::from),
        Just(Value::from("{\"prompt\": \"x\", \"uc\": 1, \"sampler\": []}")),
    ];
    let key = proptest::sample::select(vec![
        "name",
        "weight",
        "caption",
        "base_caption",
        "char_captions",
        "id",
        "type",
        "inputs",
        "class_type",
        "link",
        "origin_id",
        "origin_slot",
        "target_id",
        "target_slot",
        "widgets_values",
        "mode",
        "workflow",
        "nodes",
        "links",
        "subgraphs",
        "prompt",
        "seed",
        "positive",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse_generation_prompt(&text);
    }

    #[test]
    fn no_text_of_the_dialects_words_panics(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "parameters:", "prompt:", "prompt_3:", "\n", "Negative prompt:", "Steps: 2", ", ", "Seed:",
                "\"", "{", "}", "[", "\\", "Model: ", "あ", "NaN", "-Infinity", "Sampler: x", " ", ":",
            ]),
            0..40,
        ),
    ) {
        let text = words.concat();
        let _ = parse_generation_prompt(&text);
        let _ = describe(&chunks(&[("parameters", &text), ("prompt", &text), ("workflow", "")]), usize::MAX);
    }

    #[test]
    fn no_object_panics(fields in proptest::collection::btree_map(
        proptest::sample::select(vec![
            "prompt", "Prompt", "sui_image_params", "loras", "loraweights", "base_model", "performance", "version", "seed",
            "steps", "positive_prompt", "app_version", "model", "image", "app_id", "model_weights", "Comment", "uc",
            "sampler", "v4_prompt", "c", "v2", "lora", "use_stable_diffusion_model", "use_lora_model", "lora_alpha",
            "workflow", "nodes", "links", "definitions", "extra_pnginfo", "1", "2",
        ]),
        any_json(),
        0..8,
    )) {
        let text = serde_json::to_string(&fields).unwrap();
        for key in ["parameters", "UserComment", "workflow", "Model"] {
            let _ = describe(&chunks(&[(key, &text), ("Description", "a cat")]), 1_000);
        }
        let _ = parse_generation_prompt(&text);
    }

    #[test]
    fn parameters_read_back_as_they_were_written(
        prompt in "[a-zあ-ん(),.:1-9 ]{1,40}",
        negative in "[a-zあ-ん(), ]{1,40}",
        seed in any::<u64>(),
        steps in any::<u32>(),
    ) {
        prop_assume!(!prompt.trim().is_empty() && !negative.trim().is_empty());
        let text = format!("{prompt}\nNegative prompt: {negative}\nSteps: {steps}, Seed: {seed}, Model: m");
        let found = a1111::parse(&text).unwrap();
        prop_assert_eq!(found.prompt.as_deref(), Some(prompt.trim()));
        prop_assert_eq!(found.negative_prompt.as_deref(), Some(negative.trim()));
        prop_assert_eq!((found.seed, found.steps), (Some(seed), Some(steps)));
    }
}
