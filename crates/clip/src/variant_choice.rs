//! The choice of the variant that an encoder runs.

use std::fmt;
use std::str::FromStr;

use super::manifest::Variant;
use super::names;
use super::precision::Precision;

/// The choice of a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// The first variant with which the hardware is faster than with float32.
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

    /// Returns the variant of a tower to run. This is the full variant if this choice allows no other variant of the
    /// tower. `is_faster` tells whether the device is faster with a precision than with float32.
    #[must_use]
    pub(super) fn select<'a>(
        self,
        full: &'a Variant,
        others: &'a [Variant],
        is_faster: impl Fn(Precision) -> bool,
    ) -> &'a Variant {
        let wanted = |variant: &&Variant| match self {
            Self::Auto => is_faster(variant.precision),
            Self::Only(precision) => variant.precision == precision,
        };
        others.iter().find(wanted).unwrap_or(full)
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
    use crate::{FileName, ModelFile};
    use Precision::{Bfloat16, Float16, Float32};

    fn variant(precision: Precision) -> Variant {
        let name = FileName::parse(&format!("image.{precision}.pt")).unwrap();
        Variant { file: ModelFile::new(name, &"0".repeat(64)).unwrap(), precision, agreement: Some(0.9999) }
    }

    #[test]
    fn a_choice_takes_the_variant_of_its_precision_and_else_the_full_file() {
        let (full, others) = (variant(Float32), [variant(Float16), variant(Bfloat16)]);
        let selected = |choice: PrecisionChoice, others| choice.select(&full, others, |_| true).precision;
        for precision in Precision::ALL {
            assert_eq!(selected(PrecisionChoice::Only(precision), &others), precision);
            assert_eq!(selected(PrecisionChoice::Only(precision), &[]), Float32);
        }
        assert_eq!(selected(PrecisionChoice::Auto, &[]), Float32);
    }

    #[test]
    fn auto_takes_the_first_variant_that_the_hardware_is_faster_with() {
        let (full, others) = (variant(Float32), [variant(Float16), variant(Bfloat16)]);
        for (faster, expected) in
            [(&[][..], Float32), (&[Float16], Float16), (&[Bfloat16], Bfloat16), (&[Bfloat16, Float16], Float16)]
        {
            let selected = PrecisionChoice::Auto.select(&full, &others, |precision| faster.contains(&precision));
            assert_eq!(selected.precision, expected, "{faster:?}");
        }
    }

    #[test]
    fn a_choice_is_read_by_its_name() {
        assert_eq!("auto".parse(), Ok(PrecisionChoice::Auto));
        assert_eq!("float32".parse(), Ok(PrecisionChoice::Only(Float32)));
        assert_eq!("bfloat16".parse(), Ok(PrecisionChoice::Only(Bfloat16)));
        let refusal = "fp8".parse::<PrecisionChoice>().unwrap_err();
        assert_eq!(refusal, "it is `fp8`, and may be `auto`, `float32`, `float16` or `bfloat16`");
        for (choice, name) in PrecisionChoice::ALL.into_iter().zip(PrecisionChoice::NAMES) {
            assert_eq!((choice.to_string().as_str(), name.parse()), (name, Ok(choice)));
        }
    }
}
