//! The parts that HEIC and AVIF share: the container HEIF (ISO/IEC 23008-12) with its items, grids, overlays, transformations and
//! alpha planes.

mod av1;
mod canvas;
mod color;
mod derivation;
mod hevc;
mod metadata;
mod picture;
mod planes;
mod source;
mod yuv;

pub use metadata::{exif, metadata};
pub use picture::decode;
