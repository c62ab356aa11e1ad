//! The selection of the variant of a tower that runs: where the hardware is fast with several, each is loaded and timed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::device::Device;
use super::error::ClipError;
use super::manifest::Variant;
use super::precision::Precision;

/// The number of times that a batch of a variant is timed; the shortest time counts.
const RUNS: usize = 3;

/// The time that a variant took for a batch when the variants of a tower were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantTime {
    /// The precision of the variant.
    pub precision: Precision,
    /// The shortest time of a batch: the usual one of pictures, or one text. On Linux it is the time of the processor, so
    /// that a busy machine does not change the choice.
    pub time: Duration,
}

/// A tower whose variant is selected.
pub(super) struct Selected<E> {
    /// The encoder of the variant, checked and warm.
    pub(super) encoder: E,
    /// The lowest cosine with the reference vectors.
    pub(super) agreement: f32,
    /// The times of all variants that were compared, in the manifest's order; empty where there was no choice.
    pub(super) times: Vec<VariantTime>,
}

/// A way to load a variant of a tower.
pub(super) trait Loader {
    /// The encoder of a variant.
    type Encoder;

    /// Loads a variant, checks it against its reference vectors, warms it up, and returns its encoder and its lowest
    /// cosine.
    fn load(&self, variant: &Variant) -> Result<(Self::Encoder, f32), ClipError>;

    /// Encodes the batch that is timed.
    fn run_batch(&self, encoder: &mut Self::Encoder) -> Result<(), ClipError>;
}

/// The files of the variants that were compared, and the device.
type Comparison = (Vec<String>, bool);

/// The times that this process has measured, so that a model that is loaded again is not measured again.
static MEASURED: Mutex<Option<HashMap<Comparison, Vec<VariantTime>>>> = Mutex::new(None);

/// Loads the fastest of `candidates`, or `full` when there is none. At any time at most two variants are in memory.
pub(super) fn select<L: Loader>(
    tower: &str,
    full: &Variant,
    candidates: &[&Variant],
    device: Device,
    loader: &L,
) -> Result<Selected<L::Encoder>, ClipError> {
    let load_only = |variant, times| {
        let (encoder, agreement) = loader.load(variant)?;
        Ok(Selected { encoder, agreement, times })
    };
    let (first, others) = match candidates {
        [] => return load_only(full, Vec::new()),
        [only] => return load_only(only, Vec::new()),
        [first, others @ ..] => (first, others),
    };
    let files = candidates.iter().map(|variant| variant.file.sha256.clone()).collect();
    let comparison: Comparison = (files, device == Device::Cpu);
    if let Some(times) = lookup(&comparison) {
        let fastest = times.iter().min_by_key(|found| found.time).map(|found| found.precision);
        let known = candidates.iter().find(|variant| Some(variant.precision) == fastest);
        return load_only(known.unwrap_or(first), times);
    }
    let (mut best, shortest) = load_and_time(loader, first, device)?;
    best.times = vec![shortest];
    for variant in others {
        let (mut loaded, time) = load_and_time(loader, variant, device)?;
        let is_faster = best.times.iter().all(|other| time.time < other.time);
        let mut times = std::mem::take(&mut best.times);
        times.push(time);
        if is_faster {
            std::mem::swap(&mut best, &mut loaded);
        }
        best.times = times;
    }
    let listed: Vec<_> =
        best.times.iter().map(|VariantTime { precision, time }| format!("{precision} {time:.1?}")).collect();
    log::info!("a batch of the {tower} tower takes {}; the fastest runs", listed.join(", "));
    let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    measured.get_or_insert_default().insert(comparison, best.times.clone());
    Ok(best)
}

fn lookup(comparison: &Comparison) -> Option<Vec<VariantTime>> {
    MEASURED.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(comparison).cloned()
}

fn load_and_time<L: Loader>(
    loader: &L,
    variant: &Variant,
    device: Device,
) -> Result<(Selected<L::Encoder>, VariantTime), ClipError> {
    let (mut encoder, agreement) = loader.load(variant)?;
    let mut time = Duration::MAX;
    for _ in 0..RUNS {
        let begin = Moment::now(device);
        loader.run_batch(&mut encoder)?;
        time = time.min(begin.elapsed());
    }
    Ok((Selected { encoder, agreement, times: Vec::new() }, VariantTime { precision: variant.precision, time }))
}

/// A moment of the clock that variants are compared by.
enum Moment {
    Wall(Instant),
    /// The time that a processor has spent on the calling thread. What else the machine does hardly changes it.
    #[cfg(target_os = "linux")]
    Processor(Duration),
}

impl Moment {
    fn now(device: Device) -> Self {
        match device {
            #[cfg(target_os = "linux")]
            Device::Cpu => Self::Processor(processor_time()),
            _ => Self::Wall(Instant::now()),
        }
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Wall(begin) => begin.elapsed(),
            #[cfg(target_os = "linux")]
            Self::Processor(begin) => processor_time().saturating_sub(*begin),
        }
    }
}

#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::hint::black_box;

    use super::*;
    use crate::{FileName, ModelFile, Quantization};
    use Precision::{Bfloat16, Float32, Int8};

    /// Loads encoders that are their precision, works for a while for each, and records what it loads.
    struct Fake(RefCell<Vec<Precision>>);

    impl Loader for Fake {
        type Encoder = Precision;

        fn load(&self, variant: &Variant) -> Result<(Precision, f32), ClipError> {
            self.0.borrow_mut().push(variant.precision);
            Ok((variant.precision, 0.9995))
        }

        fn run_batch(&self, encoder: &mut Precision) -> Result<(), ClipError> {
            let rounds = if *encoder == Int8 { 1 } else { 1_000 };
            black_box((0..rounds * 10_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
            Ok(())
        }
    }

    /// Returns a variant whose file no other test has.
    fn variant(precision: Precision, test: char) -> Variant {
        let name = FileName::parse(&format!("image.{precision}.pt")).unwrap();
        let file = ModelFile::new(name, &format!("{test}{}", precision.name().len()).repeat(32)).unwrap();
        Variant { file, precision, agreement: Some(0.9999), quantization: Quantization::default() }
    }

    #[test]
    fn the_fastest_variant_runs_and_is_loaded_alone_the_next_time() {
        let variants = [variant(Bfloat16, 'a'), variant(Int8, 'a')];
        let (full, candidates) = (variant(Float32, 'a'), variants.iter().collect::<Vec<_>>());
        let loader = Fake(RefCell::default());
        let selected = select("image", &full, &candidates, Device::Cpu, &loader).unwrap();
        assert_eq!((selected.encoder, selected.times.len()), (Int8, 2));
        assert_eq!(*loader.0.borrow(), [Bfloat16, Int8]);
        let again = select("image", &full, &candidates, Device::Cpu, &loader).unwrap();
        assert_eq!((again.encoder, again.times), (Int8, selected.times));
        assert_eq!(*loader.0.borrow(), [Bfloat16, Int8, Int8]);
    }

    #[test]
    fn a_tower_without_a_choice_is_not_timed() {
        let (full, only) = (variant(Float32, 'b'), variant(Bfloat16, 'b'));
        for (candidates, expected) in [(&[][..], Float32), (&[&only], Bfloat16)] {
            let selected = select("text", &full, candidates, Device::Cpu, &Fake(RefCell::default())).unwrap();
            assert_eq!((selected.encoder, selected.times), (expected, vec![]));
        }
    }
}
