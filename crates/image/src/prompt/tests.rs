//! What classification and the parsers promise.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod comfyui;

fn chunks(pairs: &[(&str, &str)]) -> TextChunks {
    let chunks =
        pairs.iter().map(|(key, text)| TextChunk { key: (*key).to_owned(), text: (*text).to_owned() }).collect();
    TextChunks { chunks, truncated: false }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const A1111: &str = "1girl, (smile:1.2),\nBREAK\ncherry blossoms\nNegative prompt: lowres,\nbad hands\n\
    Steps: 20, Sampler: Euler a, CFG scale: 6.5, Seed: 1201138276, Size: 512x512, Model hash: c5f2372baf, \
    Model: himawarimix_xlV10, ControlNet 0: \"Module: tile_resample, Model: control_v11f1e [a371b31b], \
    Steps: 3\", Version: v1.6.0";

fn a1111() -> Generation {
    Generation {
        prompt: some("1girl, (smile:1.2),\nBREAK\ncherry blossoms"),
        negative_prompt: some("lowres,\nbad hands"),
        seed: Some(1_201_138_276),
        steps: Some(20),
        sampler: some("Euler a"),
        model: some("himawarimix_xlV10"),
    }
}

mod classification {
    use super::*;

    #[test]
    fn parameters_with_a_negative_prompt_are_a_generation_prompt_kept_whole() {
        let found = describe(&chunks(&[("parameters", A1111), ("date:create", "2024-07-21")]));
        assert_eq!(found.generation_prompt, Some(format!("parameters:{A1111}\ndate:create:2024-07-21")));
        assert_eq!(found.caption, None);
        assert_eq!(found.generation, Some(a1111()));
    }

    #[test]
    fn prompt_with_workflow_is_a_generation_prompt_even_if_it_cannot_be_understood() {
        let found = describe(&chunks(&[("prompt", "{oops"), ("workflow", "{}")]));
        assert_eq!(found.generation_prompt, some("prompt:{oops\nworkflow:{}"));
        assert_eq!((found.caption, found.generation), (None, None));
    }

    #[test]
    fn prompt_with_prompt_3_is_a_generation_prompt() {
        let found = describe(&chunks(&[("prompt", "Earth"), ("prompt_3", "Earth and Moon")]));
        assert_eq!(found.generation_prompt, some("prompt:Earth\nprompt_3:Earth and Moon"));
        let generation = found.generation.unwrap();
        assert_eq!(generation.prompt, some("Earth\nEarth and Moon"));
        assert_eq!(generation.negative_prompt, None);
    }

    #[test]
    fn any_other_text_is_the_caption() {
        let found = describe(&chunks(&[("Title", "夕焼け"), ("Comment", "at Kamakura")]));
        assert_eq!(found.caption, some("Title:夕焼け\nComment:at Kamakura"));
        assert_eq!((found.generation_prompt, found.generation), (None, None));
        assert_eq!(describe(&chunks(&[("prompt", "alone")])).caption, some("prompt:alone"));
        assert!(describe(&chunks(&[("parameters", "no word of it")])).caption.is_some());
    }

    #[test]
    fn no_text_and_blank_text_are_nothing() {
        assert_eq!(describe(&TextChunks::default()), Described::default());
        assert_eq!(describe(&chunks(&[("Comment", " \n")])), Described::default());
    }

    #[test]
    fn what_is_stored_reads_back_as_what_was_found() {
        let graph = json!({"3": ksampler(), "4": checkpoint(), "6": encode("cat"), "7": encode("")});
        let graph = graph.to_string();
        for pairs in [
            vec![("Software", "x"), ("parameters", A1111), ("date:create", "2024-07-21")],
            vec![("parameters", "A raccoon.\nNegative prompt:"), ("date:modify", "2024")],
            vec![("prompt", graph.as_str()), ("workflow", "{\"nodes\": []}")],
            vec![("prompt", "Earth\nin blue"), ("prompt_3", "Moon"), ("seed", "7")],
        ] {
            let found = describe(&chunks(&pairs));
            assert!(found.generation.is_some());
            assert_eq!(parse_generation_prompt(&found.generation_prompt.unwrap()), found.generation);
        }
    }

    #[test]
    fn a_callers_text_may_be_bare() {
        assert_eq!(parse_generation_prompt(A1111), Some(a1111()));
        let graph = json!({"3": ksampler(), "6": encode("cat")}).to_string();
        assert_eq!(parse_generation_prompt(&graph).unwrap().prompt, some("cat"));
        assert_eq!(parse_generation_prompt("a white cat on a sofa"), None);
        assert_eq!(parse_generation_prompt(""), None);
    }
}

mod automatic1111 {
    use super::*;

    fn parse(text: &str) -> Generation {
        super::a1111::parse(text).unwrap()
    }

    #[test]
    fn every_part_may_be_missing() {
        let settings = "Steps: 30, Sampler: DDIM, CFG scale: 7, Seed: 5, Size: 512x512";
        assert_eq!(parse(&format!("a cat\n{settings}")).prompt, some("a cat"));
        assert_eq!(parse(&format!("a cat\n{settings}")).negative_prompt, None);
        assert_eq!(parse(settings).prompt, None);
        assert_eq!(parse(&format!("Negative prompt: dog\n{settings}")).negative_prompt, some("dog"));
        let bare = parse("A raccoon.\nNegative prompt:");
        assert_eq!((bare.prompt, bare.negative_prompt), (some("A raccoon."), None));
        let without_steps = parse("a cat\nSampler: DDIM, CFG scale: 7, Seed: 5");
        assert_eq!((without_steps.prompt, without_steps.seed), (some("a cat"), Some(5)));
    }

    #[test]
    fn ordinary_text_is_not_parameters() {
        assert_eq!(super::a1111::parse("Steps: how to bake bread, Time: 1 h"), None);
        assert_eq!(super::a1111::parse("a: b, c: d, e: f, g: h"), None);
        assert_eq!(super::a1111::parse(""), None);
    }

    #[test]
    fn lines_in_the_prompt_that_look_like_settings_stay_in_the_prompt() {
        let found = parse("Steps: 3 of them, stone\nSteps: 9, Seed: 1");
        assert_eq!((found.prompt, found.steps), (some("Steps: 3 of them, stone"), Some(9)));
    }

    #[test]
    fn lost_line_breaks() {
        let found = parse("a cat Negative prompt: dog Steps: 9, Sampler: DDIM, Seed: 1, Size: 1x1");
        assert_eq!((found.prompt, found.negative_prompt), (some("a cat"), some("dog")));
        assert_eq!((found.steps, found.seed), (Some(9), Some(1)));
    }

    #[test]
    fn windows_line_breaks_and_lines_after_the_settings() {
        let found = parse("a cat\r\nNegative prompt: dog\r\nSteps: 9, Model: x\r\nTemplate: {a|b} cat");
        assert_eq!((found.prompt, found.negative_prompt), (some("a cat"), some("dog")));
        assert_eq!(found.model, some("x"));
    }

    #[test]
    fn the_schedule_is_part_of_the_samplers_name() {
        let sampler = |settings: &str| parse(&format!("x\nSteps: 1, {settings}")).sampler;
        let split = "Sampler: DPM++ 2M, Schedule type: Karras";
        assert_eq!(sampler(split), some("DPM++ 2M Karras"));
        assert_eq!(sampler("Sampler: DPM++ 2M Karras"), some("DPM++ 2M Karras"));
        assert_eq!(sampler("Sampler: Euler, Schedule type: Automatic"), some("Euler"));
    }

    #[test]
    fn a_hash_names_the_model_when_nothing_else_does() {
        let model = |settings: &str| parse(&format!("x\nSteps: 1, {settings}")).model;
        assert_eq!(model("Model hash: abc, Model: m"), some("m"));
        assert_eq!(model("Model hash: abc"), some("abc"));
        assert_eq!(model("Model: \"with, comma\", Seed: 1"), some("with, comma"));
    }

    #[test]
    fn quotes_and_json_in_values_do_not_hide_what_follows() {
        let found = parse(
            "x\nSteps: 1, Lora hashes: \"a: 1, Seed: 9\", Hashes: {\"model\": \"m\", \"Seed\": 8}, \
             Civitai resources: [{\"modelName\":\"A, B\"}], Broken: \"open, Seed: 7, Model: z",
        );
        assert_eq!(found.seed, Some(7));
        assert_eq!(found.model, some("z"));
    }

    #[test]
    fn numbers_that_are_none_are_left_out() {
        let found = parse("x\nSteps: 99999999999, Seed: -1, Sampler: , Model: m");
        assert_eq!((found.steps, found.seed, found.sampler), (None, None, None));
    }

    #[test]
    fn a_text_that_only_looks_like_settings_costs_no_more_than_its_length() {
        for piece in ["a:{,", "a:\"", "\n", "\nSteps: 1", "Negative prompt:", ": ", ",,"] {
            let text = format!("x\nSteps: 1, {}", piece.repeat(2_000_000 / piece.len()));
            let _ = parse_generation_prompt(&text);
        }
    }
}

fn node(class: &str, inputs: Value) -> Value {
    json!({"class_type": class, "inputs": inputs})
}

fn ksampler() -> Value {
    node(
        "KSampler",
        json!({
            "seed": 881_363_272_496_724_u64, "steps": 28, "cfg": 3.5, "sampler_name": "dpmpp_2m",
            "scheduler": "sgm_uniform", "denoise": 1.0,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        }),
    )
}

fn checkpoint() -> Value {
    node("CheckpointLoaderSimple", json!({"ckpt_name": "sd3_medium.safetensors"}))
}

fn encode(text: &str) -> Value {
    node("CLIPTextEncode", json!({"text": text, "clip": ["4", 1]}))
}

/// JSON that is mostly graphs: links to few ids, the names that the walk looks for.
fn any_graph() -> impl Strategy<Value = Value> {
    let input = prop_oneof![
        (0..8_u32, 0..3_u32).prop_map(|(id, slot)| json!([id.to_string(), slot])),
        any::<u64>().prop_map(|n| json!(n)),
        "[a-z ]{0,8}".prop_map(|s| json!(s)),
        Just(json!(null)),
        Just(json!({"content": "x"})),
    ];
    let name = proptest::sample::select(vec![
        "positive",
        "negative",
        "conditioning",
        "guider",
        "noise",
        "seed",
        "steps",
        "sigmas",
        "model",
        "text",
        "string_a",
        "basic_pipe",
        "latent_image",
        "",
        "sampler",
        "ckpt_name",
        "text_g",
    ]);
    let class = proptest::sample::select(vec![
        "KSampler",
        "SaveImage",
        "CLIPTextEncode",
        "CFGGuider",
        "Reroute",
        "ToBasicPipe",
        "X",
    ]);
    let inputs = proptest::collection::btree_map(name, input, 0..6);
    proptest::collection::btree_map(0..8_u32, (class, inputs), 0..8).prop_map(|nodes| {
        let mut graph = json!({});
        for (id, (class, inputs)) in nodes {
            graph[id.to_string()] = node(class, json!(inputs));
        }
        graph
    })
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        let _ = parse_generation_prompt(&text);
    }

    #[test]
    fn any_text_of_the_right_words_is_survived(
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
        let _ = describe(&chunks(&[("parameters", &text), ("prompt", &text), ("workflow", "")]));
    }

    #[test]
    fn any_graph_is_survived(graph in any_graph()) {
        let _ = comfy::parse(&graph.to_string());
    }

    #[test]
    fn parameters_read_back_what_was_written(
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
