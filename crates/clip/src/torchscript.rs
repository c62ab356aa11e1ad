//! The running of TorchScript modules. A call of Torch that fails becomes an error here; nothing panics.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use tch::{CModule, Kind, TchError, Tensor};

use super::device::Device;
use super::error::{ClipError, EncodeError};
use super::precision::Precision;
use mitsuke_index::UnitVector;

/// A loaded module that gives one vector for each row of its inputs.
pub(super) struct Module {
    module: CModule,
    device: Device,
    /// The precision in which the module computes.
    precision: Precision,
    /// The number of bytes of the weights, estimated from the size of the file.
    weight_bytes: u64,
    /// The number of components of a vector.
    dimension: usize,
}

impl Module {
    /// Loads a module onto a device. On a CPU, `float16` weights are widened to float32.
    pub(super) fn load(path: &Path, stored: Precision, dimension: usize, device: Device) -> Result<Self, ClipError> {
        let unusable = |reason: String| ClipError::Torch { path: PathBuf::from(path), reason };
        let mut module = CModule::load_on_device(path, device.torch()).map_err(|error| unusable(first_line(&error)))?;
        module.f_set_eval().map_err(|error| unusable(first_line(&error)))?;
        let widen = stored == Precision::Float16 && device == Device::Cpu;
        if widen {
            // This is the only call without a fallible form; it panics when Torch refuses the arguments.
            panic::catch_unwind(AssertUnwindSafe(|| module.to(device.torch(), Kind::Float, false)))
                .map_err(|_| unusable("its weights cannot be widened to float32".to_owned()))?;
        }
        let precision = if widen { Precision::Float32 } else { stored };
        // A TorchScript file holds its tensors uncompressed.
        let file_bytes = fs::metadata(path).map_err(|cause| ClipError::Read { path: path.to_owned(), cause })?.len();
        let weight_bytes = file_bytes * precision.component_bytes() / stored.component_bytes();
        Ok(Self { module, device, precision, weight_bytes, dimension })
    }

    /// Returns the precision in which the module computes.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the bytes of the weights in memory, estimated from the size of the file.
    pub(super) fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// Runs on float32 data of the shape `shape`, whose first number is the number of rows.
    pub(super) fn run_floats(&self, data: &[f32], shape: &[i64]) -> Result<Rows, EncodeError> {
        let run = || {
            let mut tensor = move_to(self.device, Tensor::f_from_slice(data)?.f_reshape(shape)?)?;
            // A half-precision module computes in the type of its weights, so its input has that type.
            if self.precision == Precision::Float16 {
                tensor = tensor.f_to_dtype(Kind::Half, false, false)?;
            }
            self.forward(&[tensor])
        };
        self.rows(shape, run())
    }

    /// Runs on int64 inputs that all have the shape `shape`, whose first number is the number of rows.
    pub(super) fn run_ids(&self, inputs: &[Vec<i64>], shape: &[i64]) -> Result<Rows, EncodeError> {
        let run = || {
            let tensors = inputs.iter().map(|ids| move_to(self.device, Tensor::f_from_slice(ids)?.f_reshape(shape)?));
            self.forward(&tensors.collect::<Result<Vec<_>, _>>()?)
        };
        self.rows(shape, run())
    }

    /// Returns the output as float32 on the CPU.
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor, TchError> {
        let _no_grad = tch::no_grad_guard();
        let output = self.module.forward_ts(inputs)?;
        output.f_to(tch::Device::Cpu)?.f_to_dtype(Kind::Float, false, false)?.f_contiguous()
    }

    /// Checks the shape of an output and returns a unit vector for each of its rows.
    fn rows(&self, input: &[i64], output: Result<Tensor, TchError>) -> Result<Rows, EncodeError> {
        let output = output.map_err(failed)?;
        let (count, shape) = (input.first().copied().unwrap_or(0), output.size());
        if shape != [count, self.dimension as i64] {
            let expected = [count, self.dimension as i64];
            return Err(EncodeError::Failed(format!("its output has the shape {shape:?} instead of {expected:?}")));
        }
        let mut values = vec![0.0_f32; output.numel()];
        output.f_copy_data(&mut values, output.numel()).map_err(failed)?;
        let rows = values.chunks_exact(self.dimension);
        Ok(rows.map(|row| UnitVector::normalize(row.to_vec()).map_err(|_| EncodeError::NoVector)).collect())
    }
}

/// The result for each row. A row of zeros or of numbers that are not finite has no vector.
pub(super) type Rows = Vec<Result<UnitVector, EncodeError>>;

fn move_to(device: Device, tensor: Tensor) -> Result<Tensor, TchError> {
    match device {
        Device::Cpu => Ok(tensor),
        Device::Cuda => tensor.f_to(device.torch()),
    }
}

/// Returns the error of an encoder that Torch did not run. Torch tells in words alone that there was no memory.
fn failed(error: TchError) -> EncodeError {
    const NO_MEMORY: [&str; 4] = ["can't allocate memory", "not enough memory", "out of memory", "bad_alloc"];
    let reason = first_line(&error);
    if NO_MEMORY.iter().any(|words| reason.contains(words)) {
        log::warn!("there is no memory for the encoder: {reason}");
        return EncodeError::OutOfMemory;
    }
    EncodeError::Failed(reason)
}

/// Returns the reason in a message of Torch without the C++ and TorchScript stack traces, which go to the log.
fn first_line(error: &TchError) -> String {
    let message = error.to_string();
    log::debug!("{message}");
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("no message").to_owned();
    // A message of TorchScript begins with a sentence that explains nothing, and ends with the reason.
    match lines.rfind(|line| line.contains("Error:")) {
        Some(reason) if reason != first => format!("{first} {reason}"),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torch_without_memory_is_told_apart_from_a_broken_module() {
        let vast = Tensor::f_zeros([1 << 50], (Kind::Float, tch::Device::Cpu)).unwrap_err();
        assert_eq!(failed(vast), EncodeError::OutOfMemory);
        let wrong = Tensor::from_slice(&[1_i64]).f_reshape([2]).unwrap_err();
        assert!(matches!(failed(wrong), EncodeError::Failed(_)));
    }
}
