//! The settings as options of the crates that encode and decode.

use super::Settings;
use mitsuke_clip::EncoderOptions;
use mitsuke_image::DecodeLimits;

impl Settings {
    /// Returns the options of encoders.
    #[must_use]
    pub fn encoder_options(&self) -> EncoderOptions {
        let encoder = &self.encoder;
        EncoderOptions {
            device: encoder.device,
            precision: encoder.precision,
            max_batch: encoder.batch_size,
            max_wait: encoder.batch_wait,
            queue_capacity: encoder.queue_capacity,
            workers: encoder.encoder_workers,
            torch_threads: encoder.torch_threads,
            ..EncoderOptions::default()
        }
    }

    /// Returns the most that decoding a picture may cost.
    #[must_use]
    pub fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits { max_pixels: self.limits.pixels, max_edge: self.limits.edge, ..DecodeLimits::default() }
    }
}
