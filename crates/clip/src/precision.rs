//! The number formats of weights. A new format needs a row of [`Precision::facts`] and an entry in [`Precision::ALL`].

use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// The number format of a module's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 half precision.
    Float16,
    /// bfloat16: the upper 16 bits of an IEEE 754 single.
    Bfloat16,
    /// 8-bit integers with a scale for each row of a weight. Only CPUs run it. Inputs of a product are quantized while
    /// the module runs; what is no product stays in float32.
    Int8,
}

/// The properties of a precision.
struct Facts {
    name: &'static str,
    component_bytes: u64,
    minimum_cosine: f32,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 4] = [Self::Float32, Self::Float16, Self::Bfloat16, Self::Int8];

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

    const fn facts(self) -> Facts {
        match self {
            Self::Float32 => Facts { name: "float32", component_bytes: 4, minimum_cosine: 0.9995 },
            Self::Float16 => Facts { name: "float16", component_bytes: 2, minimum_cosine: 0.9995 },
            // bfloat16 has eight significant bits; models/README.md has the measurements behind the cosine.
            Self::Bfloat16 => Facts { name: "bfloat16", component_bytes: 2, minimum_cosine: 0.999 },
            // The exporter writes an int8 file only where it agrees as well as a bfloat16 file has to.
            Self::Int8 => Facts { name: "int8", component_bytes: 1, minimum_cosine: 0.999 },
        }
    }

    /// Returns the name that manifests, settings and the API use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Returns the bytes that one weight takes.
    #[must_use]
    pub const fn component_bytes(self) -> u64 {
        self.facts().component_bytes
    }

    /// Returns the smallest cosine with which a model passes: the cosine of a reference vector and the vector that an
    /// encoder of this precision gives for the same input.
    #[must_use]
    pub const fn minimum_cosine(self) -> f32 {
        self.facts().minimum_cosine
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Precision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Precision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_precision_is_written_and_read_by_its_name() {
        assert_eq!(Precision::NAMES, ["float32", "float16", "bfloat16", "int8"]);
        for precision in Precision::ALL {
            assert_eq!(json!(precision), json!(precision.to_string()));
            assert_eq!(serde_json::from_value::<Precision>(json!(precision.name())).unwrap(), precision);
        }
        let refusal = serde_json::from_value::<Precision>(json!("fp8")).unwrap_err().to_string();
        assert!(refusal.contains("expected one of `float32`, `float16`, `bfloat16`, `int8`"), "{refusal}");
    }
}
