//! The specification of the classification of text and of the dialects.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::dialects::{a1111, comfyui};
use super::*;
use crate::text_chunks::{TextChunk, TextChunks, TextSource};

mod automatic1111;
mod comfyui_graphs;

fn chunks(pairs: &[(&str, &str)]) -> TextChunks {
    let chunks = pairs.iter().map(|(key, text)| TextChunk::new(*key, *text, TextSource::PngText)).collect();
    TextChunks { chunks, truncated: false }
}

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
    }
}

mod classification {
    use super::*;

    #[test]
    fn parameters_with_a_negative_prompt_are_a_generation_prompt_kept_whole() {
        let found = describe(&chunks(&[("parameters", A1111), ("date:create", "2024-07-21")]));
        assert_eq!(found.generation_prompt, Some(format!("parameters:{A1111}\ndate:create:2024-07-21")));
        assert_eq!(found.caption, None);
        assert_eq!(found.generation, Some(a1111_parts()));
    }

    #[test]
    fn prompt_with_workflow_is_a_generation_prompt_even_if_it_cannot_be_parsed() {
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
        assert_eq!(found.caption, some("夕焼け\nat Kamakura"));
        assert_eq!((found.generation_prompt, found.generation), (None, None));
        assert_eq!(describe(&chunks(&[("prompt", "alone")])).caption, some("alone"));
        assert!(describe(&chunks(&[("parameters", "no word of it")])).caption.is_some());
    }

    #[test]
    fn no_text_and_blank_text_give_neither_prompt_nor_caption() {
        assert_eq!(describe(&TextChunks::default()), Described::default());
        assert_eq!(describe(&chunks(&[("Comment", " \n")])), Described::default());
    }

    #[test]
    fn the_stored_form_reads_back_as_the_same_parts() {
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
    fn a_text_of_a_caller_needs_no_keyword() {
        assert_eq!(parse_generation_prompt(A1111), Some(a1111_parts()));
        let graph = json!({"3": ksampler(), "6": encode("cat")}).to_string();
        assert_eq!(parse_generation_prompt(&graph).unwrap().prompt, some("cat"));
        assert_eq!(parse_generation_prompt("a white cat on a sofa"), None);
        assert_eq!(parse_generation_prompt(""), None);
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

/// Returns a strategy for JSON that is mostly graphs, with links to few ids and the input names for which a walk looks.
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
        let _ = describe(&chunks(&[("parameters", &text), ("prompt", &text), ("workflow", "")]));
    }

    #[test]
    fn no_graph_panics(graph in any_graph()) {
        let _ = comfyui::parse(&graph.to_string());
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
