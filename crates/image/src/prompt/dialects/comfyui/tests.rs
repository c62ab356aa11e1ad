//! The specification of the ComfyUI dialect.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::examples::{Example, check, chunks};
use super::*;
use crate::prompt::generation::Lora;
use crate::prompt::{describe, parse_generation_prompt};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn parse(graph: &Value) -> Generation {
    super::parse(Cow::Borrowed(graph.as_object().unwrap()), None).unwrap()
}

/// Reads a graph as text.
fn read(text: &str) -> Option<Generation> {
    describe(&chunks(&[("prompt", text)]), usize::MAX).generation
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

/// Returns the usual graph with some nodes replaced or added.
fn graph(changes: Value) -> Value {
    let mut graph = json!({
        "3": ksampler(), "4": checkpoint(), "6": encode("a red car"), "7": encode("blurry"),
        "5": node("EmptyLatentImage", json!({"width": 1024})),
        "8": node("VAEDecode", json!({"samples": ["3", 0], "vae": ["4", 2]})),
        "9": node("SaveImage", json!({"images": ["8", 0]})),
    });
    for (id, node) in changes.as_object().unwrap() {
        graph[id] = node.clone();
    }
    graph
}

fn prompts(changes: Value) -> (Option<String>, Option<String>) {
    let found = parse(&graph(changes));
    (found.prompt, found.negative_prompt)
}

#[test]
fn the_usual_graph_gives_every_part() {
    assert_eq!(
        parse(&graph(json!({}))),
        Generation {
            prompt: some("a red car"),
            negative_prompt: some("blurry"),
            seed: Some(881_363_272_496_724),
            steps: Some(28),
            sampler: some("dpmpp_2m"),
            model: some("sd3_medium.safetensors"),
            ..Generation::default()
        }
    );
}

#[test]
fn an_empty_negative_prompt_is_none() {
    assert_eq!(prompts(json!({"7": encode("")})).1, None);
    let zero = node("ConditioningZeroOut", json!({"conditioning": ["6", 0]}));
    assert_eq!(prompts(json!({"7": zero})), (some("a red car"), None));
}

#[test]
fn texts_of_several_encoders_are_given_once_each() {
    let sdxl = node("CLIPTextEncodeSDXL", json!({"text_g": "a car", "text_l": "red", "clip": ["4", 1]}));
    assert_eq!(prompts(json!({"6": sdxl})).0, some("a car\nred"));
    let flux = node("CLIPTextEncodeFlux", json!({"clip_l": "same", "t5xxl": "same", "guidance": 3.5}));
    assert_eq!(prompts(json!({"6": flux})).0, some("same"));
}

#[test]
fn conditioning_nodes_are_passed_through() {
    let (positive, _) = prompts(json!({
        "6": node("FluxGuidance", json!({"guidance": 3.5, "conditioning": ["10", 0]})),
        "10": node("ConditioningCombine", json!({"conditioning_1": ["11", 0], "conditioning_2": ["12", 0]})),
        "11": encode("a car"),
        "12": node("ControlNetApply", json!({"conditioning": ["13", 0], "control_net": ["4", 0], "image": ["5", 0]})),
        "13": node("Reroute", json!({"": ["14", 0]})),
        "14": encode("at night"),
    }));
    assert_eq!(positive, some("a car\nat night"));
}

#[test]
fn a_node_that_passes_both_on_keeps_them_apart() {
    let mut sampler = ksampler();
    sampler["inputs"]["positive"] = json!(["10", 0]);
    sampler["inputs"]["negative"] = json!(["10", 1]);
    let both = node("ControlNetApplyAdvanced", json!({"positive": ["6", 0], "negative": ["7", 0]}));
    assert_eq!(prompts(json!({"3": sampler, "10": both})), (some("a red car"), some("blurry")));
}

#[test]
fn text_seed_and_steps_may_come_from_other_nodes() {
    let mut sampler = ksampler();
    sampler["inputs"]["seed"] = json!(["20", 0]);
    sampler["inputs"]["steps"] = json!(["21", 0]);
    let found = parse(&graph(json!({
        "3": sampler,
        "20": node("Seed (rgthree)", json!({"seed": 7})),
        "21": node("PrimitiveInt", json!({"value": 12})),
        "6": node("CLIPTextEncode", json!({"text": ["22", 0], "clip": ["4", 1]})),
        "22": node("StringConcatenate", json!({"string_a": "a", "string_b": ["23", 0], "delimiter": " "})),
        "23": node("Reroute (rgthree)", json!({"": ["24", 0]})),
        "24": node("PrimitiveString", json!({"value": "car"})),
        "7": node("CLIPTextEncode", json!({"text": ["25", 0], "clip": ["4", 1]})),
        "25": node("ImpactWildcardProcessor", json!({"wildcard_text": "{a|b}", "populated_text": "b"})),
    })));
    assert_eq!((found.seed, found.steps), (Some(7), Some(12)));
    assert_eq!((found.prompt, found.negative_prompt), (some("a car"), some("b")));
}

#[test]
fn the_model_is_found_behind_its_loras() {
    let model = |changes| parse(&graph(changes)).model;
    let lora = |from: &str| {
        node(
            "LoraLoader",
            json!({
        "lora_name": "l.safetensors", "model": [from, 0], "clip": [from, 1]}),
        )
    };
    let mut sampler = ksampler();
    sampler["inputs"]["model"] = json!(["30", 0]);
    assert_eq!(
        model(
            json!({"3": sampler, "30": lora("31"), "31": node("ModelSamplingSD3", json!({"shift": 3, "model": ["32", 0]})),
            "32": node("UNETLoader", json!({"unet_name": "flux1-dev.safetensors"}))})
        ),
        some("flux1-dev.safetensors")
    );
    let wrapped = node("CheckpointLoader|pysssss", json!({"ckpt_name": {"content": "x.ckpt", "image": null}}));
    assert_eq!(model(json!({"4": wrapped})), some("x.ckpt"));
}

#[test]
fn the_advanced_custom_sampler_is_read() {
    let found = parse(&json!({
        "1": node("SamplerCustomAdvanced", json!({"noise": ["2", 0], "guider": ["3", 0],
            "sampler": ["4", 0], "sigmas": ["5", 0], "latent_image": ["9", 0]})),
        "2": node("RandomNoise", json!({"noise_seed": u64::MAX})),
        "3": node("BasicGuider", json!({"model": ["6", 0], "conditioning": ["7", 0]})),
        "4": node("KSamplerSelect", json!({"sampler_name": "euler"})),
        "5": node("BasicScheduler", json!({"scheduler": "simple", "steps": 4, "model": ["6", 0]})),
        "6": node("UNETLoader", json!({"unet_name": "flux1-schnell.safetensors"})),
        "7": encode("a fox"),
        "9": node("EmptySD3LatentImage", json!({})),
    }));
    assert_eq!(found.prompt, some("a fox"));
    assert_eq!(found.negative_prompt, None);
    assert_eq!((found.seed, found.steps), (Some(u64::MAX), Some(4)));
    assert_eq!(found.sampler, some("euler"));
    assert_eq!(found.model, some("flux1-schnell.safetensors"));
}

#[test]
fn a_guider_with_two_sides_gives_both_prompts() {
    let found = parse(&json!({
        "1": node("SamplerCustomAdvanced", json!({"noise": ["2", 0], "guider": ["3", 0], "sigmas": ["5", 0]})),
        "2": node("RandomNoise", json!({"noise_seed": 1})),
        "3": node("CFGGuider", json!({"model": ["6", 0], "positive": ["7", 0], "negative": ["8", 0]})),
        "7": encode("a fox"),
        "8": encode("a dog"),
    }));
    assert_eq!((found.prompt, found.negative_prompt), (some("a fox"), some("a dog")));
}

#[test]
fn loaders_and_pipes_that_hold_both_prompts_are_read() {
    let found = parse(&json!({
        "1": node("KSampler (Efficient)", json!({"seed": 1, "steps": 2, "sampler_name": "euler",
            "model": ["2", 0], "positive": ["2", 1], "negative": ["2", 2]})),
        "2": node("Efficient Loader", json!({"ckpt_name": "m", "positive": "a fox", "negative": "a dog"})),
    }));
    assert_eq!((found.prompt, found.negative_prompt), (some("a fox"), some("a dog")));
    let found = parse(&json!({
        "1": node("ImpactKSamplerBasicPipe", json!({"seed": 1, "steps": 2, "basic_pipe": ["2", 0]})),
        "2": node("ToBasicPipe", json!({"model": ["3", 0], "positive": ["4", 0], "negative": ["5", 0]})),
        "3": checkpoint(), "4": encode("a fox"), "5": encode("a dog"),
    }));
    assert_eq!((found.prompt, found.negative_prompt), (some("a fox"), some("a dog")));
    assert_eq!(found.model, some("sd3_medium.safetensors"));
}

#[test]
fn the_first_of_several_passes_to_the_saved_picture_counts() {
    let mut refiner = ksampler();
    refiner["inputs"]["latent_image"] = json!(["3", 0]);
    refiner["inputs"]["seed"] = json!(2);
    let mut stray = ksampler();
    stray["inputs"]["seed"] = json!(3);
    let found = parse(&graph(json!({
        "1": stray, "2": refiner,
        "8": node("VAEDecode", json!({"samples": ["2", 0]})),
    })));
    assert_eq!(found.seed, Some(881_363_272_496_724));
}

#[test]
fn nan_and_infinity_of_python_are_read() {
    let text = graph(json!({"6": encode("\"NaN\" is not -Infinity \\")})).to_string();
    let text = text.replace("1.0", "NaN").replace("3.5", "-Infinity");
    assert!(text.contains(":NaN") && text.contains(":-Infinity"));
    let found = read(&text).unwrap();
    assert_eq!(found.prompt, some("\"NaN\" is not -Infinity \\"));
}

#[test]
fn text_that_is_not_a_graph_gives_no_parts() {
    for text in ["{}", "[]", "{\"a\": 1}", "{", "{\"3\": {\"class_type\": \"KSampler\"}}"] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read(&format!("{{\"a\":{}", "[".repeat(100_000))), None);
}

#[test]
fn walks_over_cycles_and_exploding_graphs_end() {
    let found = parse(&graph(json!({
        "6": node("ConditioningCombine", json!({"conditioning_1": ["6", 0], "conditioning_2": ["6", 0]})),
        "4": node("LoraLoader", json!({"model": ["4", 0]})),
        "7": node("CLIPTextEncode", json!({"text": ["7", 0]})),
    })));
    assert_eq!((found.prompt, found.model, found.seed), (None, None, Some(881_363_272_496_724)));

    // Each level doubles the number of paths, so there are 2^60.
    let mut big = graph(json!({"6": node("Reroute", json!({"": ["c0", 0]}))}));
    for level in 0..60 {
        let next = json!([format!("c{}", level + 1), 0]);
        big[format!("c{level}")] = node("ConditioningCombine", json!({"conditioning_1": next, "conditioning_2": next}));
    }
    assert_eq!(parse(&big).steps, Some(28));
    let mut concat = graph(json!({"6": node("CLIPTextEncode", json!({"text": ["s0", 0]}))}));
    for level in 0..60 {
        let next = json!([format!("s{}", level + 1), 0]);
        concat[format!("s{level}")] = node("Concat", json!({"string_a": next, "string_b": next}));
    }
    concat["s60"] = node("PrimitiveString", json!({"value": "x".repeat(10_000)}));
    let found = parse(&concat);
    assert!(found.prompt.is_none_or(|prompt| prompt.len() < 1 << 20));
}

#[test]
fn examples() {
    let api = graph(json!({})).to_string();
    let workflow = r#"{"last_node_id": 9, "nodes": [], "links": [], "version": 0.4}"#;
    let both = json!({"prompt": graph(json!({})), "workflow": {"nodes": [], "links": []}}).to_string();
    let as_text = json!({"prompt": api, "extra_pnginfo": {"workflow": {"nodes": [], "links": []}}}).to_string();
    let labelled = format!("prompt:{api}");
    let capital = format!("Prompt: {api}");
    let workflow_labelled = format!("Workflow:{workflow}");
    let editor = editor().to_string();
    let parts = usual_parts();
    check(
        &ComfyUi,
        &[
            Example { chunks: &[("prompt", &api), ("workflow", workflow)], parts: parts.clone() },
            Example { chunks: &[("prompt", &api)], parts: parts.clone() },
            Example {
                chunks: &[("Model", &labelled), ("Make", &format!("workflow:{workflow}"))],
                parts: parts.clone(),
            },
            Example { chunks: &[("Make", &workflow_labelled), ("Model", &capital)], parts: parts.clone() },
            Example { chunks: &[("UserComment", &both)], parts: parts.clone() },
            Example { chunks: &[("UserComment", &as_text)], parts: parts.clone() },
            Example { chunks: &[("workflow", &editor)], parts },
        ],
    );
}

fn usual_parts() -> Generation {
    Generation {
        prompt: some("a red car"),
        negative_prompt: some("blurry"),
        seed: Some(881_363_272_496_724),
        steps: Some(28),
        sampler: some("dpmpp_2m"),
        model: some("sd3_medium.safetensors"),
        ..Generation::default()
    }
}

/// Returns the usual graph in the editor's form.
fn editor() -> Value {
    let link = |name: &str, id: u64| json!({"name": name, "link": id});
    json!({
        "nodes": [
            {"id": 3, "type": "KSampler", "inputs": [link("model", 1), link("positive", 4), link("negative", 6)],
                "widgets_values": [881_363_272_496_724_u64, "randomize", 28, 3.5, "dpmpp_2m", "sgm_uniform", 1]},
            {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["sd3_medium.safetensors"]},
            {"id": 6, "type": "CLIPTextEncode", "inputs": [link("clip", 3)], "widgets_values": ["a red car"]},
            {"id": 7, "type": "CLIPTextEncode", "inputs": [link("clip", 5)], "widgets_values": ["blurry"]},
            {"id": 11, "type": "Note", "widgets_values": ["remember the milk"]},
        ],
        "links": [[1, 4, 0, 3, 0, "MODEL"], [3, 4, 1, 6, 0, "CLIP"], [4, 6, 0, 3, 1, "CONDITIONING"],
            [5, 4, 1, 7, 0, "CLIP"], [6, 7, 0, 3, 2, "CONDITIONING"]],
        "version": 0.4,
    })
}

fn parse_editor(editor: &Value) -> Generation {
    read_workflow(&editor.to_string()).unwrap()
}

fn read_workflow(text: &str) -> Option<Generation> {
    describe(&chunks(&[("workflow", text)]), usize::MAX).generation
}

#[test]
fn nodes_of_the_editor_that_are_switched_off_or_bypassed_are_left_out() {
    let mut graph = editor();
    let link = |name: &str, kind: &str, id: u64| json!({"name": name, "type": kind, "link": id});
    graph["nodes"][0]["inputs"][0]["link"] = json!(8);
    graph["nodes"].as_array_mut().unwrap().extend([
        json!({"id": 20, "type": "LoraLoader", "mode": 4, "inputs": [link("clip", "CLIP", 3), link("model", "MODEL", 1)],
            "widgets_values": ["ink.safetensors", 1, 1]}),
        json!({"id": 21, "type": "KSampler", "mode": 2, "inputs": [link("positive", "CONDITIONING", 4)],
            "widgets_values": [1, "fixed", 2, 3, "euler", "normal", 1]}),
    ]);
    graph["links"].as_array_mut().unwrap().push(json!([8, 20, 0, 3, 0, "MODEL"]));
    assert_eq!(parse_editor(&graph), usual_parts());
}

#[test]
fn groups_of_the_editor_are_expanded() {
    let group_link = |id: u64, from: i64, from_slot: u64, to: i64, to_slot: u64| {
        json!({"id": id, "origin_id": from, "origin_slot": from_slot, "target_id": to, "target_slot": to_slot,
            "type": "CONDITIONING"})
    };
    let mut graph = editor();
    // The group stands between the positive text and the sampler.
    graph["nodes"][0]["inputs"][1]["link"] = json!(9);
    graph["nodes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 30, "type": "0a1b", "inputs": [{"name": "in", "link": 4}], "widgets_values": []}));
    graph["links"].as_array_mut().unwrap().push(json!([9, 30, 0, 3, 1, "CONDITIONING"]));
    graph["definitions"] = json!({"subgraphs": [{
        "id": "0a1b",
        "nodes": [{"id": 1, "type": "FluxGuidance", "inputs": [{"name": "conditioning", "link": 1}], "widgets_values": [3.5]}],
        "links": [group_link(1, -10, 0, 1, 0), group_link(2, 1, 0, -20, 0)],
    }]});
    assert_eq!(parse_editor(&graph), usual_parts());
    // A group that holds itself ends.
    graph["definitions"]["subgraphs"][0]["nodes"][0]["type"] = json!("0a1b");
    let _ = parse_editor(&graph);
}

#[test]
fn the_editors_variables_and_names_of_widgets_are_read() {
    let mut graph = editor();
    graph["nodes"][2] = json!({"id": 6, "type": "MyTextEncode", "inputs": [{"name": "clip", "link": 3},
        {"name": "mode", "widget": {"name": "mode"}}, {"name": "text", "widget": {"name": "text"}}],
        "widgets_values": ["fast", "a red car"]});
    graph["nodes"][0]["inputs"][1]["link"] = json!(12);
    graph["nodes"].as_array_mut().unwrap().extend([
        json!({"id": 40, "type": "SetNode", "inputs": [{"name": "CONDITIONING", "link": 4}], "widgets_values": ["pos"]}),
        json!({"id": 41, "type": "GetNode", "widgets_values": ["pos"]}),
    ]);
    graph["links"].as_array_mut().unwrap().push(json!([12, 41, 0, 3, 1, "CONDITIONING"]));
    assert_eq!(parse_editor(&graph), usual_parts());
}

#[test]
fn text_encoders_of_any_name_are_read() {
    for encoder in [
        node("PCLazyTextEncode", json!({"text": "a fox", "clip": ["4", 1]})),
        node("CLIPTextEncodeLumina2", json!({"system_prompt": "superior", "user_prompt": "a fox", "clip": ["4", 1]})),
        node("CLIPTextEncodeSD3", json!({"clip_l": "a fox", "clip_g": "a fox", "t5xxl": "a fox", "clip": ["4", 1]})),
        node("TextEncodeQwenImageEditPlus", json!({"prompt": "a fox", "clip": ["4", 1], "image1": ["5", 0]})),
        node(
            "ImpactWildcardEncode",
            json!({"wildcard_text": "a __beast__", "populated_text": "a fox", "clip": ["4", 1]}),
        ),
        node("SomeStudioEncoder", json!({"main_prompt_text": "a fox", "style_prompt": "x", "text_encoder": ["4", 1]})),
        node("BothSides", json!({"positive_prompt": "a fox", "negative_prompt": "a dog", "t5": ["4", 1]})),
    ] {
        assert_eq!(prompts(json!({"6": encoder})).0, some("a fox"), "{encoder}");
    }
}

#[test]
fn samplers_that_take_both_prompts_as_one_are_read() {
    let found = parse(&json!({
        "27": node("WanVideoSampler", json!({"model": ["22", 0], "text_embeds": ["16", 0], "steps": 21, "seed": 5,
            "scheduler": "unipc"})),
        "16": node("WanVideoTextEncode", json!({"positive_prompt": "a fox", "negative_prompt": "a dog", "t5": ["11", 0]})),
        "22": node("WanVideoModelLoader", json!({"model": "wan.safetensors", "lora": ["23", 0]})),
        "23": node("WanVideoLoraSelect", json!({"lora": "ink.safetensors", "strength": 0.5})),
    }));
    assert_eq!((found.prompt, found.negative_prompt), (some("a fox"), some("a dog")));
    assert_eq!((found.seed, found.steps, found.sampler), (Some(5), Some(21), some("unipc")));
    assert_eq!(found.model, some("wan.safetensors"));
    assert_eq!(found.loras, [Lora { name: "ink.safetensors".into(), weight: Some(0.5) }]);
}

/// Returns the prompt of the usual graph whose text comes from output 0 of node 40.
fn text_of(nodes: Value) -> Option<String> {
    let mut changes = nodes;
    changes["6"] = node("CLIPTextEncode", json!({"text": ["40", 0], "clip": ["4", 1]}));
    prompts(changes).0
}

#[test]
fn numbered_texts_are_joined_in_the_order_of_their_numbers() {
    let mut inputs = json!({"inputcount": 11, "delimiter": " "});
    for number in 1..=12 {
        inputs[format!("string_{number}")] = json!(format!("w{number}"));
    }
    assert_eq!(text_of(json!({"40": node("JoinStringMulti", inputs)})), some("w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11"));
}

#[test]
fn a_switch_passes_on_the_input_that_is_selected() {
    let strings = json!({"41": node("PrimitiveString", json!({"value": "a dog"})),
        "42": node("PrimitiveString", json!({"value": "a fox"})), "43": node("PrimitiveBoolean", json!({"value": false}))});
    for switch in [
        node("ImpactSwitch", json!({"select": 2, "input1": ["41", 0], "input2": ["42", 0]})),
        node("CR Text Input Switch", json!({"Input": "2", "text1": "a dog", "text2": "a fox"})),
        node("ComfySwitchNode", json!({"switch": ["43", 0], "on_true": ["41", 0], "on_false": ["42", 0]})),
        node("easy ifElse", json!({"boolean": true, "on_true": ["42", 0], "on_false": ["41", 0]})),
        node("easy anythingIndexSwitch", json!({"index": 0, "value0": ["42", 0], "value1": ["41", 0]})),
        node("Any Switch (rgthree)", json!({"any_02": ["42", 0], "any_03": ["41", 0]})),
    ] {
        let mut nodes = strings.clone();
        nodes["40"] = switch.clone();
        assert_eq!(text_of(nodes), some("a fox"), "{switch}");
    }
}

#[test]
fn a_shown_text_counts_and_the_question_to_a_language_model_does_not() {
    let question = node("OllamaGenerate", json!({"prompt": "Write a prompt about a fox", "seed": 1}));
    let show = node("ShowText|pysssss", json!({"text": ["41", 0], "text_0": "a fox"}));
    assert_eq!(text_of(json!({"40": show, "41": question})), some("a fox"));
    assert_eq!(
        text_of(json!({"40": question, "42": node("ShowText", json!({"text": ["40", 0], "text_0": "a fox"}))})),
        some("a fox")
    );
    assert_eq!(text_of(json!({"40": question})), None);

    // The editor's form holds the text of the newest run.
    let mut nodes = graph(json!({"40": show, "41": question}));
    nodes["6"] = node("CLIPTextEncode", json!({"text": ["40", 0], "clip": ["4", 1]}));
    let editor =
        json!({"nodes": [{"id": 40, "type": "ShowText|pysssss", "widgets_values": [["a wolf"]]}], "links": []});
    let found = describe(&chunks(&[("prompt", &nodes.to_string()), ("workflow", &editor.to_string())]), usize::MAX);
    assert_eq!(found.generation.unwrap().prompt, some("a wolf"));
}

#[test]
fn a_replacement_is_applied() {
    let replace = node("StringReplace", json!({"string": "a dog in fog", "find": "dog", "replace": "fox"}));
    assert_eq!(text_of(json!({"40": replace})), some("a fox in fog"));
}

#[test]
fn a_picture_of_a_service_has_the_prompt_of_its_node() {
    let found = parse(&json!({
        "1": node("FluxProUltraImageNode", json!({"prompt": "a fox", "seed": 5, "aspect_ratio": "16:9"})),
        "2": node("SaveImage", json!({"images": ["1", 0]})),
    }));
    assert_eq!((found.prompt, found.seed), (some("a fox"), Some(5)));
}

#[test]
fn loras_are_read_from_every_kind_of_loader() {
    let loras = |loader: Value| {
        let mut sampler = ksampler();
        sampler["inputs"]["model"] = json!(["30", 0]);
        parse(&graph(json!({"3": sampler, "30": loader}))).loras
    };
    let ink = [Lora { name: "ink.safetensors".into(), weight: Some(0.5) }];
    for loader in [
        json!({"lora_name": "ink.safetensors", "strength_model": 0.5, "strength_clip": 1, "model": ["4", 0]}),
        json!({"lora_name": {"content": "ink.safetensors", "image": null}, "strength_model": 0.5}),
        json!({"lora_1": {"on": true, "lora": "ink.safetensors", "strength": 0.5}, "lora_2": {"on": false, "lora": "x"}}),
        json!({"lora_count": 1, "lora_name_1": "ink.safetensors", "model_str_1": 0.5, "lora_name_2": "x"}),
        json!({"switch_1": "On", "lora_name_1": "ink.safetensors", "model_weight_1": 0.5, "switch_2": "Off",
            "lora_name_2": "x"}),
        json!({"lora_01": "ink.safetensors", "strength_01": 0.5, "lora_02": "None", "strength_02": 1}),
        json!({"loras": [{"name": "ink.safetensors", "strength": "0.5", "active": true}]}),
        json!({"ckpt_name": "m", "lora_name": "ink.safetensors", "lora_model_strength": 0.5}),
    ] {
        assert_eq!(loras(node("Loader", loader.clone())), ink, "{loader}");
    }
}

#[test]
fn halves_of_surrogate_pairs_and_embedded_pictures_do_not_hide_the_prompt() {
    let text = graph(json!({"6": encode("a fox LONE"), "60": node("LoadImageBase64", json!({"image": "PICTURE"}))}));
    let text = text.to_string().replace("LONE", r"\ud83d").replace("PICTURE", &"QUJD".repeat(700_000));
    assert_eq!(read(&text).unwrap().prompt, some("a fox \u{FFFD}"));
}

#[test]
fn the_stored_form_of_a_caller_is_read() {
    let text = graph(json!({})).to_string();
    for stored in [text.clone(), format!("prompt:{text}\nworkflow:{{\"nodes\": []}}"), format!("Prompt: {text}")] {
        assert_eq!(parse_generation_prompt(&stored), Some(usual_parts()), "{stored}");
    }
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
    fn no_graph_panics(graph in any_graph()) {
        let _ = read(&graph.to_string());
    }
}
