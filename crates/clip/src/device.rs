//! The device that encoders run on, and the precisions in which its hardware is fast.

use std::fmt;
use std::str::FromStr;
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};

use super::error::ClipError;
use super::names;
use super::precision::Precision;

/// The choice of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA device if it is usable, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device; loading fails without one.
    Cuda,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        names::parse(text, &Self::ALL, Self::name)
    }
}

impl DeviceChoice {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Cpu, Self::Cuda];

    /// The names of [`Self::ALL`], in the same order.
    pub const NAMES: [&str; 3] = [Self::Auto.name(), Self::Cpu.name(), Self::Cuda.name()];

    /// Returns the name that settings and flags use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Checks that there is a device for this choice. The result does not depend on the model.
    ///
    /// # Errors
    /// [`ClipError::NoCuda`].
    pub fn check(self) -> Result<(), ClipError> {
        Device::choose(self).map(drop)
    }
}

/// A device that encoders run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

impl Device {
    /// Returns the device for a choice, and logs it once per process.
    pub(super) fn choose(choice: DeviceChoice) -> Result<Self, ClipError> {
        let device = match choice {
            DeviceChoice::Cpu => Self::Cpu,
            DeviceChoice::Auto if !tch::Cuda::is_available() => Self::Cpu,
            DeviceChoice::Cuda if !tch::Cuda::is_available() => return Err(ClipError::NoCuda),
            DeviceChoice::Auto | DeviceChoice::Cuda => Self::Cuda,
        };
        static LOGGED: Once = Once::new();
        LOGGED.call_once(|| log::info!("encoders run on {device}"));
        Ok(device)
    }

    /// Returns Torch's name of the device.
    pub(super) fn torch(self) -> tch::Device {
        match self {
            Self::Cpu => tch::Device::Cpu,
            Self::Cuda => tch::Device::Cuda(0),
        }
    }

    /// Tells whether files in this precision run on the device at all, be it slowly.
    pub(super) fn runs(self, precision: Precision) -> bool {
        (self, precision) != (Self::Cuda, Precision::Int8)
    }

    /// Tells whether the hardware has instructions for products in this precision, and is therefore faster than with
    /// float32. The first answer for CUDA needs a measurement of some milliseconds.
    pub(super) fn is_faster_with(self, precision: Precision) -> bool {
        static FLOAT16_ON_CUDA: OnceLock<bool> = OnceLock::new();
        static BFLOAT16_ON_CUDA: OnceLock<bool> = OnceLock::new();
        let measured = |kind| cuda_multiplies_faster(kind, self.torch()).unwrap_or(false);
        match (self, precision) {
            // A CPU widens float16 weights to float32.
            (_, Precision::Float32) | (Self::Cpu, Precision::Float16) | (Self::Cuda, Precision::Int8) => false,
            (Self::Cpu, Precision::Int8) => cpu_multiplies_int8(),
            (Self::Cpu, Precision::Bfloat16) => cpu_multiplies_bfloat16(),
            (Self::Cuda, Precision::Float16) => *FLOAT16_ON_CUDA.get_or_init(|| measured(Kind::Half)),
            (Self::Cuda, Precision::Bfloat16) => *BFLOAT16_ON_CUDA.get_or_init(|| measured(Kind::BFloat16)),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "the CPU",
            Self::Cuda => "CUDA",
        })
    }
}

/// Tells whether this CPU has AVX-512 BF16, as every CPU with AMX has, or Arm's BF16.
fn cpu_multiplies_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512bf16");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("bf16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// Tells whether this CPU has VNNI, as every CPU with AMX has. Without it, oneDNN multiplies 8-bit integers by
/// instructions that saturate at 16 bits.
fn cpu_multiplies_int8() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Measures whether a GPU multiplies matrices of `kind` faster than float32 ones. Torch does not tell which
/// instructions a GPU has; without the right instructions, the shorter numbers are slower.
fn cuda_multiplies_faster(kind: Kind, device: tch::Device) -> Result<bool, TchError> {
    let time = |kind: Kind| -> Result<Duration, TchError> {
        let matrix = Tensor::f_ones([2_048, 2_048], (kind, device))?;
        let multiply = || -> Result<f64, TchError> {
            let mut product = matrix.f_matmul(&matrix)?;
            for _ in 0..3 {
                product = product.f_matmul(&matrix)?;
            }
            // Reading the number waits until the GPU has computed it.
            product.f_double_value(&[0, 0])
        };
        multiply()?;
        let begin = Instant::now();
        multiply()?;
        Ok(begin.elapsed())
    };
    Ok(time(kind)? < time(Kind::Float)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_by_its_name() {
        for (choice, name) in DeviceChoice::ALL.into_iter().zip(DeviceChoice::NAMES) {
            assert_eq!((choice.name(), name.parse()), (name, Ok(choice)));
        }
        let refusal = "gpu".parse::<DeviceChoice>().unwrap_err();
        assert_eq!(refusal, "it is `gpu`, and may be `auto`, `cpu` or `cuda`");
    }

    #[test]
    fn only_a_cpu_runs_int8() {
        assert!(Device::Cpu.runs(Precision::Int8) && !Device::Cuda.runs(Precision::Int8));
        assert!(!Device::Cuda.is_faster_with(Precision::Int8));
    }

    #[test]
    fn no_cpu_is_faster_with_numbers_that_it_widens() {
        assert!(!Device::Cpu.is_faster_with(Precision::Float32));
        assert!(!Device::Cpu.is_faster_with(Precision::Float16));
    }
}
