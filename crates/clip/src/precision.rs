//! Which of a model's number formats an encoder computes in.

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};

use super::device::Device;
use super::manifest::{Bf16Variant, Precision};
use super::manifest_file::ModelFile;

/// Which number format is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// bfloat16 where the model has such a variant and the hardware multiplies such numbers faster.
    #[default]
    Auto,
    /// The full files.
    Float32,
    /// bfloat16 where the model has such a variant, also on hardware that is slow with it.
    Bfloat16,
}

impl FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "float32" => Ok(Self::Float32),
            "bfloat16" => Ok(Self::Bfloat16),
            other => Err(format!("it is `{other}`, and may be `auto`, `float32` or `bfloat16`")),
        }
    }
}

impl PrecisionChoice {
    /// The module to load, and what its weights are stored in.
    pub(super) fn pick<'a>(
        self,
        device: Device,
        full: (&'a ModelFile, Precision),
        variant: Option<&'a Bf16Variant>,
    ) -> (&'a ModelFile, Precision) {
        match variant {
            Some(variant) if self == Self::Bfloat16 || self == Self::Auto && device.multiplies_bf16() => {
                (&variant.file, Precision::Bfloat16)
            }
            _ => full,
        }
    }
}

impl Device {
    /// Whether the hardware has instructions for products of bfloat16 numbers, and so is faster with them.
    fn multiplies_bf16(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            // A CPU that has AMX has this as well.
            Self::Cpu => is_x86_feature_detected!("avx512bf16"),
            #[cfg(target_arch = "aarch64")]
            Self::Cpu => std::arch::is_aarch64_feature_detected!("bf16"),
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            Self::Cpu => false,
            Self::Cuda => {
                static FASTER: OnceLock<bool> = OnceLock::new();
                *FASTER.get_or_init(|| cuda_multiplies_bf16(self.torch()).unwrap_or(false))
            }
        }
    }
}

/// Torch does not tell what a GPU can do, but how long it takes: without hardware for it bfloat16 is the slower one.
fn cuda_multiplies_bf16(device: tch::Device) -> Result<bool, TchError> {
    let time = |kind: Kind| -> Result<Duration, TchError> {
        let matrix = Tensor::f_ones([2_048, 2_048], (kind, device))?;
        let multiply = || -> Result<f64, TchError> {
            let mut product = matrix.f_matmul(&matrix)?;
            for _ in 0..3 {
                product = product.f_matmul(&matrix)?;
            }
            // Reading a number waits until it is computed.
            product.f_double_value(&[0, 0])
        };
        multiply()?;
        let begin = Instant::now();
        multiply()?;
        Ok(begin.elapsed())
    };
    Ok(time(Kind::BFloat16)? < time(Kind::Float)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest_file::FileName;

    fn file(name: &str) -> ModelFile {
        ModelFile::new(FileName::parse(name).unwrap(), &"0".repeat(64)).unwrap()
    }

    #[test]
    fn a_choice_is_followed_and_a_missing_variant_means_the_full_file() {
        let (full, half) = (file("image.pt"), Bf16Variant { file: file("image.bf16.pt"), agreement: 0.9999 });
        let full = (&full, Precision::Float32);
        let picked = |choice: PrecisionChoice, variant| choice.pick(Device::Cpu, full, variant).1;
        assert_eq!(picked(PrecisionChoice::Float32, Some(&half)), Precision::Float32);
        assert_eq!(picked(PrecisionChoice::Bfloat16, Some(&half)), Precision::Bfloat16);
        assert_eq!(picked(PrecisionChoice::Bfloat16, None), Precision::Float32);
        let native = if Device::Cpu.multiplies_bf16() { Precision::Bfloat16 } else { Precision::Float32 };
        assert_eq!(picked(PrecisionChoice::Auto, Some(&half)), native);
        assert_eq!(picked(PrecisionChoice::Auto, None), Precision::Float32);
    }

    #[test]
    fn a_choice_is_read_by_its_name() {
        assert_eq!("bfloat16".parse(), Ok(PrecisionChoice::Bfloat16));
        assert!("fp8".parse::<PrecisionChoice>().unwrap_err().contains("`auto`, `float32` or `bfloat16`"));
    }
}
