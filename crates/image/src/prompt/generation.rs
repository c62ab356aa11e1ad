//! The readable parts of a generation prompt.

use serde::{Deserialize, Serialize};

/// The readable parts of a generation prompt. A part that the file does not state is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Generation {
    /// The description of the content that the picture should show.
    pub prompt: Option<String>,
    /// The description of the content that the picture should not show.
    pub negative_prompt: Option<String>,
    /// The start value of the noise.
    pub seed: Option<u64>,
    /// The number of sampling steps.
    pub steps: Option<u32>,
    /// The sampler by the name that its program gives it, followed by the schedule where AUTOMATIC1111 states the two
    /// separately.
    pub sampler: Option<String>,
    /// The name of the image generator's model, or its hash where no name is given.
    pub model: Option<String>,
}

impl Generation {
    /// Returns `None` when no part was found, so that a prompt that was not understood has one representation.
    pub(crate) fn if_any(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}
