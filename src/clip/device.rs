//! Where encoders run: CUDA when there is a usable device, else the CPU.

use std::fmt;
use std::sync::Once;

use super::error::ClipError;

/// Which device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// CUDA when there is a usable device, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA; loading fails without it.
    Cuda,
}

/// Where an encoder runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

impl Device {
    /// The device for a choice; logged once per process.
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

    pub(super) fn torch(self) -> tch::Device {
        match self {
            Self::Cpu => tch::Device::Cpu,
            Self::Cuda => tch::Device::Cuda(0),
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
