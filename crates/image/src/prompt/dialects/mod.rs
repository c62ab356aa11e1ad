//! The dialects in which image generators write prompts, one file each. A new dialect is a file here with a table of
//! examples, its `mod` line and its entry in [`DIALECTS`].

pub mod a1111;
mod a1111_settings;
pub mod comfyui;
mod dialect;
mod draw_things;
mod easy_diffusion;
#[cfg(test)]
pub mod examples;
mod fooocus;
mod invokeai;
mod keywords;
mod midjourney;
mod mochi_diffusion;
mod novelai;
mod sd3;
mod swarmui;

pub use dialect::Dialect;

/// Every dialect. Where several dialects read parts from one file, those of the first one count.
pub const DIALECTS: [&dyn Dialect; 12] = [
    &swarmui::SwarmUi,
    &fooocus::Fooocus,
    &invokeai::InvokeAi,
    &novelai::NovelAi,
    &draw_things::DrawThings,
    &easy_diffusion::EasyDiffusion,
    &mochi_diffusion::MochiDiffusion,
    &midjourney::Midjourney,
    &a1111::Automatic1111,
    &comfyui::ComfyUi,
    &sd3::Sd3Script,
    &keywords::Keywords,
];
