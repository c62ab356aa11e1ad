//! The texts inside a file: a generation prompt or a caption.

use serde_json::json;

use crate::app::spawn;
use crate::pictures::png_with_text;

on_both_stores! {
    automatic1111_parameters_are_a_generation_prompt,
    a_comfyui_graph_is_read_by_following_its_links,
    a_graph_that_cannot_be_understood_is_kept_and_is_no_error,
    any_other_text_is_the_caption,
}

const A1111: &str = "a cat on a sofa, best quality\nNegative prompt: blurry, dog\nSteps: 28, Sampler: DPM++ 2M Karras, \
                     CFG scale: 7, Seed: 4294967295, Size: 512x512, Model hash: abc, Model: dreamy-v3";

async fn automatic1111_parameters_are_a_generation_prompt() {
    let app = spawn();
    let answer = app.upload("a.png", png_with_text(1, &[("parameters", A1111)])).await;
    let image = &answer.json["images"][0]["image"];
    assert_eq!(image["generation_prompt"], format!("parameters:{A1111}"));
    assert_snapshot!("automatic1111_parameters", image);
}

async fn a_comfyui_graph_is_read_by_following_its_links() {
    let graph = json!({
        "3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 12, "sampler_name": "euler",
              "model": ["4", 0], "positive": ["6", 0], "negative": ["8", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sea.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "夕焼けの海", "clip": ["4", 1]}},
        "8": {"class_type": "CLIPTextEncode", "inputs": {"text": "people", "clip": ["4", 1]}}
    });
    let app = spawn();
    let bytes = png_with_text(1, &[("prompt", &graph.to_string()), ("workflow", "{\"nodes\": [\"海\"]}")]);
    let answer = app.upload("a.png", bytes).await;
    let image = &answer.json["images"][0]["image"];
    assert_snapshot!("comfyui_graph", image);
    assert_eq!(app.search_text(json!({"query": "夕焼け", "mode": "keyword"})).await.ids(), [1]);
}

async fn a_graph_that_cannot_be_understood_is_kept_and_is_no_error() {
    let app = spawn();
    let answer = app.upload("a.png", png_with_text(1, &[("prompt", "{broken"), ("workflow", "[")])).await;
    let image = &answer.json["images"][0]["image"];
    assert_snapshot!("unreadable_graph", image);
}

async fn any_other_text_is_the_caption() {
    let app = spawn();
    let answer = app.upload("a.png", png_with_text(1, &[("Author", "me"), ("Comment", "港の朝")])).await;
    let image = &answer.json["images"][0]["image"];
    assert_snapshot!("other_texts", image);
}
