//! The rate at which a machine multiplies and adds, which is the floor below the time of every encoder.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tch::{Kind, TchError, Tensor};

use crate::device::Device;
use crate::error::EncodeError;
use crate::precision::Precision;
use crate::threads;

/// The rows, the inner size and the columns of the product that is timed: those of a large linear layer.
const SIZES: [i64; 3] = [512, 1_024, 4_096];

/// The time of one window, in which products are counted.
const WINDOW: Duration = Duration::from_millis(150);

/// The number of windows. The fastest counts, because another program, or another machine on the same processor, slows
/// some of them, and the peak is a bound that no slower moment lowers.
const WINDOWS: usize = 8;

/// Measures how many multiply-adds a second a device does in large products of a precision, with `threads` threads at
/// once, each on a product of its own, in the fastest of several short windows. Takes a few seconds.
///
/// # Errors
/// [`EncodeError::Failed`] when Torch cannot multiply in this precision here.
pub fn multiply_add_rate(device: Device, precision: Precision, threads: usize) -> Result<f64, EncodeError> {
    let kernels: &[Kernel] = match (device, precision) {
        (_, Precision::Int8) => &[Kernel::Integers],
        (Device::Cpu, Precision::Bfloat16) => &[Kernel::Matmul(Kind::BFloat16)],
        (Device::Cuda, Precision::Bfloat16) => &[Kernel::Matmul(Kind::BFloat16)],
        (Device::Cuda, Precision::Float16) => &[Kernel::Matmul(Kind::Half)],
        (Device::Cuda, Precision::Float32) => &[Kernel::Matmul(Kind::Float)],
        // Which library multiplies float32 faster depends on the CPU.
        (Device::Cpu, Precision::Float32 | Precision::Float16) => &[Kernel::Matmul(Kind::Float), Kernel::OneDnn],
    };
    let mut fastest = 0.0_f64;
    for kernel in kernels {
        let rate = rate_of(*kernel, device, threads.max(1));
        fastest = fastest.max(rate.map_err(|error| EncodeError::Failed(error.to_string()))?);
    }
    Ok(fastest)
}

/// A way to multiply matrices.
#[derive(Clone, Copy)]
enum Kernel {
    Matmul(Kind),
    OneDnn,
    Integers,
}

/// Returns the rates of `threads` threads together, in the fastest window.
fn rate_of(kernel: Kernel, device: Device, threads: usize) -> Result<f64, TchError> {
    let together = Barrier::new(threads);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| rates_here(kernel, device, &together))).collect();
        let mut sums = [0.0; WINDOWS];
        for thread in threads {
            let rates = thread.join().unwrap_or_else(|_| Err(broke_off()))?;
            sums.iter_mut().zip(rates).for_each(|(sum, rate)| *sum += rate);
        }
        Ok(sums.into_iter().fold(0.0, f64::max))
    })
}

fn broke_off() -> TchError {
    TchError::Torch("a thread broke off".to_owned())
}

/// Returns the rate of the calling thread in each window. All threads begin a window together.
fn rates_here(kernel: Kernel, device: Device, together: &Barrier) -> Result<[f64; WINDOWS], TchError> {
    threads::set(1);
    let product = Product::new(kernel, device);
    let warmed_up = product.as_ref().map_err(|error| TchError::Torch(error.to_string())).and_then(Product::run);
    let mut rates = [const { Ok(0.0) }; WINDOWS];
    for rate in &mut rates {
        // A thread that has failed comes here too, so that no other waits for it.
        together.wait();
        if let (Ok(product), Ok(())) = (&product, &warmed_up) {
            *rate = rate_of_window(product);
        }
    }
    warmed_up?;
    let mut found = [0.0; WINDOWS];
    for (found, rate) in found.iter_mut().zip(rates) {
        *found = rate?;
    }
    Ok(found)
}

fn rate_of_window(product: &Product) -> Result<f64, TchError> {
    let (begin, mut products) = (Instant::now(), 0_u32);
    while begin.elapsed() < WINDOW {
        product.run()?;
        products += 1;
    }
    let multiply_adds = SIZES.iter().product::<i64>() as f64;
    Ok(multiply_adds * f64::from(products) / begin.elapsed().as_secs_f64())
}

/// A product of two matrices.
struct Product {
    kernel: Kernel,
    device: Device,
    left: Tensor,
    right: Tensor,
}

impl Product {
    fn new(kernel: Kernel, device: Device) -> Result<Self, TchError> {
        let [rows, inner, columns] = SIZES;
        let on = device.torch();
        let (left, right) = match kernel {
            Kernel::Matmul(kind) => {
                (Tensor::f_ones([rows, inner], (kind, on))?, Tensor::f_ones([inner, columns], (kind, on))?)
            }
            Kernel::Integers => {
                let ones = |size| Tensor::f_ones(size, (Kind::Int8, on));
                (ones([rows, inner])?, ones([inner, columns])?)
            }
            Kernel::OneDnn => {
                let ones = |size| Tensor::f_ones(size, (Kind::Float, on))?.f_to_mkldnn(None::<Kind>);
                (ones([rows, inner])?, ones([columns, inner])?)
            }
        };
        Ok(Self { kernel, device, left, right })
    }

    fn run(&self) -> Result<(), TchError> {
        let product = match self.kernel {
            Kernel::Matmul(_) => self.left.f_matmul(&self.right)?,
            Kernel::Integers => self.left.f_internal_int_mm(&self.right)?,
            Kernel::OneDnn => self.left.f_mkldnn_linear(&self.right, None::<&Tensor>)?,
        };
        if self.device == Device::Cuda {
            // Reading the number waits until the GPU has computed it.
            product.f_double_value(&[0, 0])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_has_a_rate_on_a_cpu() {
        for precision in Precision::ALL {
            let rate = multiply_add_rate(Device::Cpu, precision, 1).unwrap();
            assert!(rate > 0.0 && rate.is_finite(), "{precision}: {rate}");
        }
    }
}
