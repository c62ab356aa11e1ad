//! The choice of the variant that an encoder runs.

use std::fmt;
use std::str::FromStr;

use super::device::Device;
use super::manifest::Variant;
use super::names;
use super::precision::Precision;

/// The choice of a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// The fastest of the variants with which the hardware is faster than with float32.
    #[default]
    Auto,
    /// The variant of one precision, even on hardware that is slow with this precision.
    Only(Precision),
}

impl PrecisionChoice {
    /// All choices.
    pub const ALL: [Self; Precision::ALL.len() + 1] = {
        let mut choices = [Self::Auto; Precision::ALL.len() + 1];
        let mut i = 0;
        while i < Precision::ALL.len() {
            choices[i + 1] = Self::Only(Precision::ALL[i]);
            i += 1;
        }
        choices
    };

    /// The names of [`Self::ALL`], in the same order.
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = Self::ALL[i].name();
            i += 1;
        }
        names
    };

    /// Returns the name that settings and flags use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(precision) => precision.name(),
        }
    }

    /// Returns those of a tower's variants of which the fastest is to run; none when the full file is to run.
    #[must_use]
    pub(super) fn candidates<'a>(self, variants: &'a [Variant], hardware: &dyn Hardware) -> Vec<&'a Variant> {
        let wanted = |variant: &&Variant| match self {
            Self::Auto => hardware.is_faster_with(variant.precision),
            Self::Only(precision) => variant.precision == precision && hardware.runs(precision),
        };
        variants.iter().filter(wanted).collect()
    }
}

/// The abilities of a device with files of a precision.
pub(super) trait Hardware {
    /// Tells whether the device runs such files at all, be it slowly.
    fn runs(&self, precision: Precision) -> bool;

    /// Tells whether the device is faster with such files than with float32.
    fn is_faster_with(&self, precision: Precision) -> bool;
}

impl Hardware for Device {
    fn runs(&self, precision: Precision) -> bool {
        Self::runs(*self, precision)
    }

    fn is_faster_with(&self, precision: Precision) -> bool {
        Self::is_faster_with(*self, precision)
    }
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        names::parse(text, &Self::ALL, Self::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileName, ModelFile, Quantization};
    use Precision::{Bfloat16, Float16, Float32, Int8};

    /// Hardware that runs everything but the first list, and is faster with the second.
    struct Fake(&'static [Precision], &'static [Precision]);

    impl Hardware for Fake {
        fn runs(&self, precision: Precision) -> bool {
            !self.0.contains(&precision)
        }

        fn is_faster_with(&self, precision: Precision) -> bool {
            self.1.contains(&precision)
        }
    }

    fn variant(precision: Precision) -> Variant {
        let name = FileName::parse(&format!("image.{precision}.pt")).unwrap();
        let file = ModelFile::new(name, &"0".repeat(64)).unwrap();
        Variant { file, precision, agreement: Some(0.9999), quantization: Quantization::default() }
    }

    /// Returns the precisions of the candidates of a tower with three variants.
    fn candidates(choice: PrecisionChoice, hardware: &Fake) -> Vec<Precision> {
        let variants = [Float16, Bfloat16, Int8].map(variant);
        choice.candidates(&variants, hardware).iter().map(|variant| variant.precision).collect()
    }

    #[test]
    fn a_choice_takes_the_variant_of_its_precision() {
        for precision in [Float16, Bfloat16, Int8] {
            assert_eq!(candidates(PrecisionChoice::Only(precision), &Fake(&[], &[])), [precision]);
        }
        assert_eq!(candidates(PrecisionChoice::Only(Float32), &Fake(&[], &[Int8])), []);
        assert_eq!(candidates(PrecisionChoice::Only(Int8), &Fake(&[Int8], &[])), []);
    }

    #[test]
    fn auto_takes_the_variants_that_the_hardware_is_faster_with() {
        for (faster, expected) in [
            (&[][..], &[][..]),
            (&[Bfloat16], &[Bfloat16]),
            (&[Int8, Bfloat16], &[Bfloat16, Int8]),
            (&[Int8, Bfloat16, Float16], &[Float16, Bfloat16, Int8]),
        ] {
            assert_eq!(candidates(PrecisionChoice::Auto, &Fake(&[], faster)), expected, "{faster:?}");
        }
    }

    #[test]
    fn a_choice_is_read_by_its_name() {
        assert_eq!("auto".parse(), Ok(PrecisionChoice::Auto));
        assert_eq!("float32".parse(), Ok(PrecisionChoice::Only(Float32)));
        assert_eq!("bfloat16".parse(), Ok(PrecisionChoice::Only(Bfloat16)));
        let refusal = "fp8".parse::<PrecisionChoice>().unwrap_err();
        assert_eq!(refusal, "it is `fp8`, and may be `auto`, `float32`, `float16`, `bfloat16` or `int8`");
        for (choice, name) in PrecisionChoice::ALL.into_iter().zip(PrecisionChoice::NAMES) {
            assert_eq!((choice.to_string().as_str(), name.parse()), (name, Ok(choice)));
        }
    }
}
