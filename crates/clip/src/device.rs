//! Where encoders run: CUDA when there is a usable device, else the CPU.

use std::fmt;
use std::str::FromStr;
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

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            other => Err(format!("it is `{other}`, and may be `auto`, `cpu` or `cuda`")),
        }
    }
}

impl DeviceChoice {
    /// Whether there is a device for this choice; the same for every model.
    ///
    /// # Errors
    /// [`ClipError::NoCuda`].
    pub fn check(self) -> Result<(), ClipError> {
        Device::choose(self).map(drop)
    }
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
