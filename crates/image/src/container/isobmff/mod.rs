//! The boxes of the ISO base media file format (ISO/IEC 14496-12), as HEIF pictures (ISO/IEC 23008-12) and JPEG XL
//! files use them.

mod boxes;
mod brands;
mod items;
mod locations;
mod properties;
mod reader;
mod track;

pub use boxes::{BoxType, boxes};
pub use brands::{Brand, brand};
pub use items::{ItemId, Items};
pub use properties::{Aperture, Color, Property};
pub use reader::Reader;
pub use track::{Sample, first_sample};
