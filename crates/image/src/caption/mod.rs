//! The caption and the tags that a person wrote into a file. `read` states the order of the places, `noise` lists what
//! programs and cameras write there.

mod noise;
mod order;
mod read;
mod tags;
#[cfg(test)]
mod tests;

pub use read::{Captioned, read};
