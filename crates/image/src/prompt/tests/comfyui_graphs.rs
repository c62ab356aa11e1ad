//! The specification of the ComfyUI dialect.

use super::*;

fn parse(graph: &Value) -> Generation {
    comfyui::parse(&graph.to_string()).unwrap()
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
    let found = comfyui::parse(&text).unwrap();
    assert_eq!(found.prompt, some("\"NaN\" is not -Infinity \\"));
}

#[test]
fn text_that_is_not_a_graph_gives_none() {
    for text in ["", "{}", "[]", "{\"a\": 1}", "{", "a cat", "{\"3\": {\"class_type\": \"KSampler\"}}"] {
        assert_eq!(comfyui::parse(text), None, "{text}");
    }
    assert_eq!(comfyui::parse(&"[".repeat(100_000)), None);
    assert_eq!(comfyui::parse(&format!("{{\"a\":{}", "[".repeat(100_000))), None);
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
