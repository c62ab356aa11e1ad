//! The JSON shape of the parts of a generation prompt.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use mitsuke_image::{Generation, Lora, shorten};

/// The parts of a generation prompt. A part that the file does not state is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Generation)]
pub struct GenerationBody {
    /// The text that says what the picture should show.
    #[schema(example = "a white cat on a red sofa, morning light")]
    pub prompt: Option<String>,
    /// The text that says what the picture should not show.
    #[schema(example = "lowres, bad anatomy")]
    pub negative_prompt: Option<String>,
    /// The start value of the noise.
    #[schema(example = 1_659_825_313_u64)]
    pub seed: Option<u64>,
    /// Number of sampling steps.
    #[schema(example = 20)]
    pub steps: Option<u32>,
    /// The sampler by the name that its program gives it, with the schedule if AUTOMATIC1111 states one separately.
    #[schema(example = "DPM++ 2M Karras")]
    pub sampler: Option<String>,
    /// The name of the image generator's model, or its hash if the file gives no name.
    #[schema(example = "sd3_medium_incl_clips.safetensors")]
    pub model: Option<String>,
    /// The LoRAs that changed the model, in the order in which the file names them; empty if the file names none.
    pub loras: Vec<LoraBody>,
    /// Whether the file holds more text than `generation_prompt` has. The file itself keeps all of it.
    #[schema(example = false)]
    pub truncated: bool,
}

/// A LoRA: a small file of weights that changes a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Lora)]
pub struct LoraBody {
    /// The name as the generator writes it.
    #[schema(example = "ink_wash")]
    pub name: String,
    /// The strength of the change, or null if the file does not state it.
    #[schema(example = 0.8)]
    pub weight: Option<f64>,
}

impl GenerationBody {
    /// Cuts each text, and the names of the LoRAs together, to `max_chars` characters. Returns whether one was longer.
    pub fn shorten(&mut self, max_chars: usize) -> bool {
        let texts = [&mut self.prompt, &mut self.negative_prompt, &mut self.sampler, &mut self.model];
        let is_cut = texts.into_iter().flatten().fold(false, |is_cut, text| shorten(text, max_chars) | is_cut);
        let mut left = max_chars;
        let fits = |lora: &LoraBody| {
            left = left.checked_sub(lora.name.chars().count())?;
            Some(())
        };
        let kept = self.loras.iter().map_while(fits).count();
        let is_longer = kept < self.loras.len();
        self.loras.truncate(kept);
        is_cut || is_longer
    }
}

impl From<Generation> for GenerationBody {
    fn from(generation: Generation) -> Self {
        let Generation { prompt, negative_prompt, seed, steps, sampler, model, loras, truncated } = generation;
        let loras = loras.into_iter().map(|Lora { name, weight }| LoraBody { name, weight }).collect();
        Self { prompt, negative_prompt, seed, steps, sampler, model, loras, truncated }
    }
}
