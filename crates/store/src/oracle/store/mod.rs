//! The Oracle store as a store of images and as a store that finds them.

mod images;
mod integrity;
mod searches;
