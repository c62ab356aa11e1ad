//! The specification of the AUTOMATIC1111 dialect.

use super::*;

fn parse(text: &str) -> Generation {
    a1111::parse(text).unwrap()
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
    assert_eq!(a1111::parse("Steps: how to bake bread, Time: 1 h"), None);
    assert_eq!(a1111::parse("a: b, c: d, e: f, g: h"), None);
    assert_eq!(a1111::parse(""), None);
}

#[test]
fn lines_in_the_prompt_that_look_like_settings_stay_in_the_prompt() {
    let found = parse("Steps: 3 of them, stone\nSteps: 9, Seed: 1");
    assert_eq!((found.prompt, found.steps), (some("Steps: 3 of them, stone"), Some(9)));
}

#[test]
fn line_breaks_may_be_lost() {
    let found = parse("a cat Negative prompt: dog Steps: 9, Sampler: DDIM, Seed: 1, Size: 1x1");
    assert_eq!((found.prompt, found.negative_prompt), (some("a cat"), some("dog")));
    assert_eq!((found.steps, found.seed), (Some(9), Some(1)));
}

#[test]
fn windows_line_breaks_and_lines_after_the_settings_are_read() {
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
fn values_that_are_not_numbers_are_left_out() {
    let found = parse("x\nSteps: 99999999999, Seed: -1, Sampler: , Model: m");
    assert_eq!((found.steps, found.seed, found.sampler), (None, None, None));
}

#[test]
fn a_text_that_only_looks_like_settings_is_read_in_linear_time() {
    for piece in ["a:{,", "a:\"", "\n", "\nSteps: 1", "Negative prompt:", ": ", ",,"] {
        let text = format!("x\nSteps: 1, {}", piece.repeat(2_000_000 / piece.len()));
        let _ = parse_generation_prompt(&text);
    }
}
