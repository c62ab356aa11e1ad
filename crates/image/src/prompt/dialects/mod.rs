//! The dialects in which image generators write prompts, one file each. A new dialect is a file here, its `mod` line
//! and its entry in [`DIALECTS`].

pub mod a1111;
pub mod comfyui;
mod comfyui_graph;
mod dialect;
mod distinct;
mod sd3;

pub use dialect::Dialect;

/// Every dialect, in the order in which they are tried.
pub const DIALECTS: [&dyn Dialect; 3] = [&a1111::Automatic1111, &comfyui::ComfyUi, &sd3::Sd3Script];
