//! The settings that bound what requests may cost.

use std::time::Duration;

use mitsuke_engine::budget::{Budget, Purpose, machine_memory};

use crate::config::parsers::{bytes_or_auto, milliseconds, seconds, whole};

/// The share of the machine's memory that requests may take unless a setting says otherwise, and its bounds in bytes.
const AUTO_SHARE: u64 = 4;
const AUTO_BYTES: std::ops::RangeInclusive<u64> = 192 << 20..=8 << 30;

/// The memory that requests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryBytes {
    /// A share of the memory of the machine.
    Auto,
    /// A number of bytes.
    Bytes(usize),
}

impl MemoryBytes {
    /// Returns the number of bytes on a machine with `machine` bytes of memory.
    fn of(self, machine: u64) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Auto => {
                let bytes = (machine / AUTO_SHARE).clamp(*AUTO_BYTES.start(), *AUTO_BYTES.end());
                // The least number is meant for a machine that has it twice.
                usize::try_from(bytes.min(machine / 2)).unwrap_or(usize::MAX)
            }
        }
    }
}

impl Limits {
    /// Returns the memory for requests.
    #[must_use]
    pub fn budget(&self) -> Budget {
        let whole = self.memory_bytes.of(machine_memory());
        Budget::new(whole, self.memory_wait).at_most(Purpose::Sending, self.sending_bytes)
    }

    /// Returns the number of characters that each text of an image may have in an answer with `items` images.
    #[must_use]
    pub fn listed_chars(&self, items: usize) -> usize {
        /// Bytes of an answer for each character: an image has eight texts, and UTF-8 writes a character in four
        /// bytes at most.
        const BYTES: usize = 32;
        self.listed_text_chars.min(self.answer_bytes / BYTES / items.max(1))
    }
}

/// The most that one request may cost.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Bytes of a whole upload body.
    #[arg(
        env = "MITSUKE_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value_t = 128 << 20,
        value_parser = whole(1_usize << 10, 1 << 40)
    )]
    pub body_bytes: usize,

    /// Bytes of one file.
    #[arg(
        env = "MITSUKE_MAX_FILE_BYTES",
        value_name = "BYTES",
        default_value_t = 32 << 20,
        value_parser = whole(1_usize << 10, 1 << 32)
    )]
    pub file_bytes: usize,

    /// Files in one upload.
    #[arg(env = "MITSUKE_MAX_FILES", value_name = "N", default_value_t = 64, value_parser = whole(1_usize, 10_000))]
    pub files: usize,

    /// Pixels of a picture, checked before it is decoded.
    #[arg(
        env = "MITSUKE_MAX_PIXELS",
        value_name = "N",
        default_value_t = 50_000_000,
        value_parser = whole(1_u64, 1 << 32)
    )]
    pub pixels: u64,

    /// Longer edge of a picture in pixels, checked before it is decoded.
    #[arg(env = "MITSUKE_MAX_EDGE", value_name = "N", default_value_t = 20_000, value_parser = whole(1_u32, 65_535))]
    pub edge: u32,

    /// Characters of a query that are read; a search leaves out the rest and says so.
    #[arg(
        env = "MITSUKE_MAX_QUERY_CHARS",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = whole(1_usize, 100_000)
    )]
    pub query_chars: usize,

    /// Characters of a caption or generation prompt. A longer one from a caller is refused; longer texts in a file are
    /// cut, and the file keeps all of them.
    #[arg(
        env = "MITSUKE_MAX_TEXT_CHARS",
        value_name = "N",
        default_value_t = 100_000,
        value_parser = whole(1_usize, 10_000_000)
    )]
    pub text_chars: usize,

    /// Images on one page of a list or of search results.
    #[arg(env = "MITSUKE_MAX_PAGE", value_name = "N", default_value_t = 200, value_parser = whole(1_usize, 10_000))]
    pub page: usize,

    /// Uploads that are read and decoded at once, and as many searches by picture; more are answered 503 with
    /// Retry-After.
    #[arg(
        env = "MITSUKE_MAX_CONCURRENT_UPLOADS",
        value_name = "N",
        default_value_t = 16,
        value_parser = whole(1_usize, 10_000)
    )]
    pub concurrent_uploads: usize,

    /// Bytes of stored pictures on their way to callers at once; more are answered 503 with Retry-After. A picture stays
    /// in memory until its caller has read it.
    #[arg(
        env = "MITSUKE_MAX_SENDING_BYTES",
        value_name = "BYTES",
        default_value_t = 256 << 20,
        value_parser = whole(1_usize << 20, 1 << 40)
    )]
    pub sending_bytes: usize,

    /// Seconds that the body of a request may take to arrive.
    #[arg(
        env = "MITSUKE_BODY_TIMEOUT_S",
        value_name = "SECONDS",
        default_value = "120",
        value_parser = seconds(1, 86_400)
    )]
    pub body_timeout: Duration,

    /// Bytes of memory that requests may take together: 40 percent for bodies that arrive, 40 for pictures that are
    /// decoded, and 20 for answers on their way. A request waits for its part, or is answered 503 with Retry-After. auto
    /// takes a quarter of the memory that the process may use, also inside a container: at least 192 MiB or the half of it,
    /// and at most 8 GiB.
    #[arg(
        env = "MITSUKE_MEMORY_BYTES",
        value_name = "BYTES",
        default_value = "auto",
        value_parser = bytes_or_auto(16 << 20, 1 << 44, MemoryBytes::Auto, MemoryBytes::Bytes)
    )]
    pub memory_bytes: MemoryBytes,

    /// Milliseconds that a request waits for memory before it is answered 503.
    #[arg(
        env = "MITSUKE_MEMORY_WAIT_MS",
        value_name = "MILLISECONDS",
        default_value = "5000",
        value_parser = milliseconds(0, 600_000)
    )]
    pub memory_wait: Duration,

    /// Bytes a second that a body has to arrive with, over any 10 seconds; a slower one is answered 408. 0 allows every
    /// rate.
    #[arg(
        env = "MITSUKE_MIN_RECEIVE_BYTES_PER_S",
        value_name = "BYTES",
        default_value_t = 8 << 10,
        value_parser = whole(0_usize, 1 << 30)
    )]
    pub min_receive_rate: usize,

    /// Percent of the places and of the memory for bodies that one key may have, or one address without a key; at least one
    /// place. Callers without a key on the server's own machine are not told apart and may have all.
    #[arg(env = "MITSUKE_CALLER_SHARE", value_name = "PERCENT", default_value_t = 50, value_parser = whole(1_usize, 100))]
    pub caller_share: usize,

    /// Seconds after which a caller who reads nothing of an answer is cut off.
    #[arg(
        env = "MITSUKE_WRITE_STALL_S",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = seconds(1, 3_600)
    )]
    pub write_stall: Duration,

    /// Characters of each text of an image in lists and search results. Whole texts are in the answer for one image.
    #[arg(
        env = "MITSUKE_MAX_LISTED_TEXT_CHARS",
        value_name = "N",
        default_value_t = 2_000,
        value_parser = whole(1_usize, 10_000_000)
    )]
    pub listed_text_chars: usize,

    /// Bytes that the texts of a list or of search results may take together; each text is cut to its part.
    #[arg(
        env = "MITSUKE_MAX_ANSWER_BYTES",
        value_name = "BYTES",
        default_value_t = 16 << 20,
        value_parser = whole(64_usize << 10, 1 << 40)
    )]
    pub answer_bytes: usize,

    /// Seconds that a search or an upload may have to wait for those before it; one that would wait longer is answered 503
    /// with Retry-After at once.
    #[arg(env = "MITSUKE_MAX_WAIT_S", value_name = "SECONDS", default_value = "10", value_parser = seconds(1, 3_600))]
    pub max_wait: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_take_a_quarter_of_the_machine_within_bounds_unless_the_operator_says_how_much() {
        for (machine, bytes) in
            [(1_u64 << 30, 256_usize << 20), (500 << 20, 192 << 20), (100 << 20, 50 << 20), (1 << 40, 8 << 30)]
        {
            assert_eq!(MemoryBytes::Auto.of(machine), bytes, "{machine}");
        }
        assert_eq!(MemoryBytes::Bytes(7).of(1 << 40), 7);
    }
}
