//! Iterators over the pieces of a file (JPEG segments, PNG chunks, RIFF chunks, GIF extensions, Photoshop resources,
//! ISO boxes). The iterators neither copy nor decode.
//!
//! Each iterator stops at the first piece that is cut off or malformed. The pieces before it still give text and
//! metadata; whether the picture is corrupt is decided when its pixels are decoded.

pub mod gif;
pub mod isobmff;
pub mod jpeg;
pub mod photoshop;
pub mod pieces;
pub mod png;
pub mod riff;
